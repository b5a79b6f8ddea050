package collect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Offsets within struct inet_diag_msg and struct tcp_info
// (include/uapi/linux/inet_diag.h, tcp.h).
const (
	diagPort       = 4  // local port, big endian
	diagCookie     = 44 // identity of the socket
	tcpInfoRetrans = 100
	stateOpen      = 1
	stateListen    = 10
)

// portUse is what the connections of one listening port have in common.
type portUse struct {
	rtts    []float64 // milliseconds
	open    int
	retrans uint64 // segments sent again since the last dump
}

// dump asks for the listening and the established sockets and adds up the
// latter by local port.
func (c *TCPPorts) dump(first bool) (map[uint16]*portUse, error) {
	listening, ports, seen := map[uint16]bool{}, map[uint16]*portUse{}, map[uint64]uint32{}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		err := c.eachSocket(family, 1<<stateOpen|1<<stateListen, func(m []byte) {
			port := binary.BigEndian.Uint16(m[diagPort:])
			if m[1] == stateListen {
				listening[port] = true
				return
			}
			u := ports[port]
			if u == nil {
				u = &portUse{}
				ports[port] = u
			}
			u.open++
			info := tcpInfo(m)
			if len(info) < tcpInfoRetrans+4 {
				return
			}
			u.rtts = append(u.rtts, float64(binary.NativeEndian.Uint32(info[tcpInfoRTT:]))/1000)
			cookie, again := binary.NativeEndian.Uint64(m[diagCookie:]), binary.NativeEndian.Uint32(info[tcpInfoRetrans:])
			if before := c.retrans[cookie]; !first && again >= before {
				u.retrans += uint64(again - before)
			}
			seen[cookie] = again
		})
		if err != nil {
			return nil, err
		}
	}
	c.retrans = seen
	maps.DeleteFunc(ports, func(port uint16, _ *portUse) bool { return !listening[port] })
	return ports, nil
}

// read gives the ports with the most connections, in the order of their number,
// and how many have any: so a host without connections is not a collector that
// reads nothing.
func (c *TCPPorts) read(since time.Duration) ([]Sample, error) {
	first := since <= 0
	if first {
		c.retrans = nil
	}
	ports, err := c.dump(first)
	if err != nil {
		return nil, err
	}
	numbers := slices.Collect(maps.Keys(ports))
	slices.SortFunc(numbers, func(a, b uint16) int { return ports[b].open - ports[a].open })
	out := []Sample{{Metric: "netstat_ports_connected", Value: float64(len(numbers))}}
	numbers = numbers[:min(len(numbers), maxPorts)]
	slices.Sort(numbers)
	for _, n := range numbers {
		u, target := ports[n], ":"+strconv.Itoa(int(n))
		out = append(out, Sample{Metric: "netstat_port_connections", Target: target, Value: float64(u.open)})
		if len(u.rtts) > 0 {
			slices.Sort(u.rtts)
			out = append(out, Sample{Metric: "netstat_port_rtt", Target: target, Value: u.rtts[len(u.rtts)/2]})
		}
		if !first {
			out = append(out, Sample{Metric: "netstat_port_retrans", Target: target, Value: float64(u.retrans) / since.Seconds()})
		}
	}
	return out, nil
}

// eachSocket dumps the TCP sockets of a family in the given states, at most
// maxDiagSockets.
func (c *TCPPorts) eachSocket(family uint8, states uint32, each func(m []byte)) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return fmt.Errorf("open sock_diag: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}); err != nil {
		return fmt.Errorf("open sock_diag: %w", err)
	}
	req := make([]byte, unix.NLMSG_HDRLEN+56) // struct inet_diag_req_v2
	ne := binary.NativeEndian
	ne.PutUint32(req[0:], uint32(len(req)))
	ne.PutUint16(req[4:], diagByFamily)
	ne.PutUint16(req[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	req[16], req[17], req[18] = family, unix.IPPROTO_TCP, 1<<(diagInfo-1)
	ne.PutUint32(req[20:], states)
	if err := unix.Sendto(fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("ask sock_diag: %w", err)
	}
	if c.buf == nil {
		c.buf = make([]byte, 64<<10)
	}
	for seen := 0; seen < maxDiagSockets; {
		n, _, err := unix.Recvfrom(fd, c.buf, 0)
		if err != nil {
			return fmt.Errorf("read sock_diag: %w", err)
		}
		done, err := socketMessages(c.buf[:n], func(m []byte) { seen++; each(m) })
		if err != nil || done {
			return err
		}
	}
	return nil
}

// socketMessages reads one datagram of a dump; done is true for its last one.
func socketMessages(b []byte, each func(m []byte)) (done bool, err error) {
	for len(b) >= unix.NLMSG_HDRLEN {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			return true, errors.New("read sock_diag: unexpected form")
		}
		switch binary.NativeEndian.Uint16(b[4:]) {
		case unix.NLMSG_DONE:
			return true, nil
		case unix.NLMSG_ERROR:
			return true, &SkippedError{"sock_diag refuses: the tcp_diag module is not there, or not allowed"}
		}
		if m := b[unix.NLMSG_HDRLEN:size]; len(m) >= diagMsgLen {
			each(m)
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return false, nil
}

// tcpInfo finds the struct tcp_info among the attributes of a message.
func tcpInfo(m []byte) []byte {
	for attrs := m[diagMsgLen:]; len(attrs) >= 4; {
		size := int(binary.NativeEndian.Uint16(attrs))
		if size < 4 || size > len(attrs) {
			break
		}
		if binary.NativeEndian.Uint16(attrs[2:]) == diagInfo {
			return attrs[4:size]
		}
		attrs = attrs[min(len(attrs), (size+3)&^3):]
	}
	return nil
}
