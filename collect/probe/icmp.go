package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// icmpAttempt sends one echo request (RFC 792, RFC 4443) and waits for its
// answer, through the kernel's unprivileged ping socket where
// net.ipv4.ping_group_range allows it (icmp(7)), else through a raw one, which
// needs CAP_NET_RAW.
func icmpAttempt(ctx context.Context, c Config) (out outcome, err error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", c.Target)
	if err != nil {
		return out, fmt.Errorf("look up: %w", err)
	}
	to := addrs[0].Unmap()
	family, proto, request, reply := unix.AF_INET, unix.IPPROTO_ICMP, byte(8), byte(0)
	if to.Is6() {
		family, proto, request, reply = unix.AF_INET6, unix.IPPROTO_ICMPV6, 128, 129
	}
	conn, err := pingSocket(family, proto)
	if err != nil {
		return out, err
	}
	defer func() { _ = conn.Close() }() // nothing can be lost
	if until, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(until); err != nil {
			return out, fmt.Errorf("ping: %w", err)
		}
	}
	packet := make([]byte, 64)
	nonce := rand.Uint64()
	packet[0] = request
	binary.BigEndian.PutUint16(packet[4:], uint16(os.Getpid()))
	binary.BigEndian.PutUint64(packet[8:], nonce)
	if to.Is4() {
		binary.BigEndian.PutUint16(packet[2:], checksum(packet)) // of IPv6 the kernel writes it
	}
	var address net.Addr = &net.UDPAddr{IP: to.AsSlice(), Zone: to.Zone()}
	if _, raw := conn.(*net.IPConn); raw {
		address = &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}
	}
	if _, err := conn.WriteTo(packet, address); err != nil {
		return out, &failure{notConnected, fmt.Errorf("ping: %w", err)}
	}
	buf := make([]byte, 2048)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return out, fmt.Errorf("ping: no answer: %w", err)
		}
		if echoes(buf[:n], reply, nonce) {
			return out, nil
		}
	}
}

// echoes reports whether b answers the echo request with that nonce. A raw IPv4
// socket gives the IP header too.
func echoes(b []byte, reply byte, nonce uint64) bool {
	if len(b) >= 20 && b[0]>>4 == 4 && len(b) >= int(b[0]&15)*4 {
		b = b[int(b[0]&15)*4:]
	}
	return len(b) >= 16 && b[0] == reply && binary.BigEndian.Uint64(b[8:]) == nonce
}

// checksum is the Internet checksum (RFC 1071).
func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func pingSocket(family, proto int) (net.PacketConn, error) {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM, proto)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EPROTONOSUPPORT) {
		var rawErr error
		if fd, rawErr = unix.Socket(family, unix.SOCK_RAW, proto); rawErr != nil {
			return nil, &failure{refused, errors.New("ping is not allowed: set net.ipv4.ping_group_range to include this group, or give CAP_NET_RAW")}
		}
	} else if err != nil {
		return nil, fmt.Errorf("open ping socket: %w", err)
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("open ping socket: %w", err)
	}
	f := os.NewFile(uintptr(fd), "ping")
	defer func() { _ = f.Close() }() // conn has its own
	conn, err := net.FilePacketConn(f)
	if err != nil {
		return nil, fmt.Errorf("open ping socket: %w", err)
	}
	return conn, nil
}
