package collect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// tcpStates are the names of the kernel's TCP states, by number
// (include/net/tcp_states.h).
var tcpStates = [...]string{1: "established", 2: "syn_sent", 3: "syn_recv", 4: "fin_wait1", 5: "fin_wait2", 6: "time_wait",
	7: "close", 8: "close_wait", 9: "last_ack", 10: "listen", 11: "closing"}

const (
	diagByFamily   = 20 // SOCK_DIAG_BY_FAMILY, include/uapi/linux/sock_diag.h
	diagInfo       = 2  // INET_DIAG_INFO, include/uapi/linux/inet_diag.h
	diagMsgLen     = 72 // sizeof(struct inet_diag_msg)
	tcpInfoRTT     = 68 // offsetof(struct tcp_info, tcpi_rtt), microseconds
	maxDiagSockets = 20_000
)

// tcpDiag counts this host's TCP sockets by state and takes the median
// round-trip time of the established ones that leave the host, by one
// inet_diag dump for each address family (sock_diag(7)).
func tcpDiag() ([]Sample, error) {
	var states [len(tcpStates)]int
	var rtts []float64
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		var err error
		if rtts, err = diagFamily(family, &states, rtts); err != nil {
			return nil, err
		}
	}
	var out []Sample
	for n, name := range tcpStates {
		if name != "" && name != "established" && name != "time_wait" { // these two come from /proc each second
			out = append(out, Sample{Metric: "netstat_tcp_" + name, Value: float64(states[n])})
		}
	}
	if len(rtts) > 0 {
		slices.Sort(rtts)
		out = append(out, Sample{Metric: "netstat_tcp_rtt", Value: rtts[len(rtts)/2]})
	}
	return out, nil
}

func diagFamily(family uint8, states *[len(tcpStates)]int, rtts []float64) ([]float64, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return rtts, fmt.Errorf("open sock_diag: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}); err != nil {
		return rtts, fmt.Errorf("open sock_diag: %w", err)
	}
	req := make([]byte, unix.NLMSG_HDRLEN+56) // struct inet_diag_req_v2
	ne := binary.NativeEndian
	ne.PutUint32(req[0:], uint32(len(req)))
	ne.PutUint16(req[4:], diagByFamily)
	ne.PutUint16(req[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	req[16], req[17] = family, unix.IPPROTO_TCP
	req[18] = 1 << (diagInfo - 1)
	ne.PutUint32(req[20:], 0xfff) // all states
	if err := unix.Sendto(fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return rtts, fmt.Errorf("ask sock_diag: %w", err)
	}
	buf := make([]byte, 64<<10)
	for seen := 0; seen < maxDiagSockets; {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return rtts, fmt.Errorf("read sock_diag: %w", err)
		}
		var sockets int
		var done bool
		if rtts, sockets, done, err = diagMessages(buf[:n], states, rtts); err != nil || done {
			return rtts, err
		}
		seen += sockets
	}
	return rtts, nil
}

// diagMessages reads one datagram of the dump; done is true for its last one.
func diagMessages(msgs []byte, states *[len(tcpStates)]int, rtts []float64) (_ []float64, sockets int, done bool, err error) {
	ne := binary.NativeEndian
	for len(msgs) >= unix.NLMSG_HDRLEN {
		size := int(ne.Uint32(msgs))
		if size < unix.NLMSG_HDRLEN || size > len(msgs) {
			return rtts, sockets, true, errors.New("read sock_diag: unexpected form")
		}
		switch ne.Uint16(msgs[4:]) {
		case unix.NLMSG_DONE:
			return rtts, sockets, true, nil
		case unix.NLMSG_ERROR:
			return rtts, sockets, true, &SkippedError{"sock_diag refuses: the tcp_diag module is not there, or not allowed"}
		}
		rtts = diagSocket(msgs[unix.NLMSG_HDRLEN:size], states, rtts)
		sockets++
		msgs = msgs[min(len(msgs), (size+3)&^3):]
	}
	return rtts, sockets, false, nil
}

// diagSocket reads one struct inet_diag_msg and its attributes.
func diagSocket(m []byte, states *[len(tcpStates)]int, rtts []float64) []float64 {
	if len(m) < diagMsgLen {
		return rtts
	}
	state := int(m[1])
	if state < len(states) {
		states[state]++
	}
	if state != 1 || loopback(m[0], m[24:40]) {
		return rtts
	}
	ne := binary.NativeEndian
	for attrs := m[diagMsgLen:]; len(attrs) >= 4; {
		size := int(ne.Uint16(attrs))
		if size < 4 || size > len(attrs) {
			break
		}
		if ne.Uint16(attrs[2:]) == diagInfo && size >= 4+tcpInfoRTT+4 {
			rtts = append(rtts, float64(ne.Uint32(attrs[4+tcpInfoRTT:]))/1000)
		}
		attrs = attrs[min(len(attrs), (size+3)&^3):]
	}
	return rtts
}

// loopback reports whether the peer's address is on this host.
func loopback(family uint8, addr []byte) bool {
	if family == unix.AF_INET {
		return addr[0] == 127
	}
	return netip.AddrFrom16([16]byte(addr)).Unmap().IsLoopback()
}
