package culprit

import "bytes"

// usage is what one reading of /proc/PID/stat (proc_pid_stat(5)) says. Times
// are in clock ticks of 10 ms (USER_HZ, 100 on every architecture that Go
// knows).
type usage struct {
	ppid        int32
	state       byte
	kernel      bool   // a thread of the kernel
	cpu, sys    uint64 // utime+stime, and stime of it
	childCPU    uint64 // of children that ended and were waited for
	faults      uint64 // minor ones
	childFaults uint64 // of children that ended and were waited for
	threads     uint64
	start       uint64 // since boot: with the pid the identity of a process
	pages       uint64 // resident
}

const kthread = 0x00200000 // PF_KTHREAD, include/linux/sched.h

// parseStat reads the content of /proc/PID/stat. The command in parentheses may
// hold anything, blanks and parentheses too: the fields follow its last one.
func parseStat(b []byte) (u usage, ok bool) {
	i := bytes.LastIndexByte(b, ')')
	if i < 0 || i+3 >= len(b) || b[i+1] != ' ' {
		return u, false
	}
	u.state = b[i+2]
	var f [25]uint64 // by the number in the manual page
	n, p := 4, i+4
	for ; n < len(f) && p < len(b); n++ {
		v, next, fieldOK := field(b, p)
		if !fieldOK {
			return u, false
		}
		f[n], p = v, next
	}
	if n < len(f) || f[4] > 1<<30 {
		return u, false
	}
	u.ppid, u.kernel = int32(f[4]), f[9]&kthread != 0
	u.cpu, u.sys, u.childCPU, u.faults, u.childFaults = f[14]+f[15], f[15], f[16]+f[17], f[10], f[11]
	u.threads, u.start, u.pages = f[20], f[22], f[24]
	return u, true
}

// field reads the number at p and returns where the next one begins. Negative
// numbers (tty, priority, nice: none is used) read as 0.
func field(b []byte, p int) (v uint64, next int, ok bool) {
	negative := p < len(b) && b[p] == '-'
	if negative {
		p++
	}
	from := p
	for ; p < len(b) && b[p] >= '0' && b[p] <= '9'; p++ {
		if v > (1<<64-10)/10 {
			return 0, 0, false
		}
		v = v*10 + uint64(b[p]-'0')
	}
	if p == from || p < len(b) && b[p] != ' ' && b[p] != '\n' {
		return 0, 0, false
	}
	if negative {
		v = 0
	}
	return v, p + 1, true
}

// parseIO reads the storage bytes of /proc/PID/io (proc_pid_io(5)).
func parseIO(b []byte) (read, written uint64, ok bool) {
	for line := range bytes.Lines(b) {
		name, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(": "))
		v, _, numberOK := field(value, 0)
		if !numberOK {
			return 0, 0, false
		}
		switch string(name) {
		case "read_bytes":
			read, ok = v, true
		case "write_bytes":
			written = v
		}
	}
	return read, written, ok
}
