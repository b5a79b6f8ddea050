package statsd

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// countLost adds what the kernel dropped for want of room in the receive buffer
// since the last call: SK_MEMINFO_DROPS of SO_MEMINFO (Linux 4.12,
// include/uapi/linux/sock_diag.h). s.mu is held.
func (s *Server) countLost() {
	total := uint64(0)
	for _, c := range s.conns {
		sc, ok := c.(syscall.Conn)
		if !ok {
			continue
		}
		raw, err := sc.SyscallConn()
		if err != nil {
			continue
		}
		_ = raw.Control(func(fd uintptr) { // closed meanwhile: nothing to count
			var info [9]uint32
			size := uint32(unsafe.Sizeof(info))
			if _, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0); e == 0 {
				total += uint64(info[8])
			}
		})
	}
	if total > s.kernel {
		s.lost += float64(total - s.kernel)
	}
	s.kernel = total
}
