package collect

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// diagMessage builds what the kernel sends for one socket with a TCP_INFO.
func diagMessage(family, state uint8, peer string, rtt uint32) []byte {
	ne := binary.NativeEndian
	m := make([]byte, unix.NLMSG_HDRLEN+diagMsgLen+4+tcpInfoRTT+4)
	ne.PutUint32(m, uint32(len(m)))
	ne.PutUint16(m[4:], diagByFamily)
	body := m[unix.NLMSG_HDRLEN:]
	body[0], body[1] = family, state
	copy(body[24:], netip.MustParseAddr(peer).AsSlice())
	attr := body[diagMsgLen:]
	ne.PutUint16(attr, uint16(len(attr)))
	ne.PutUint16(attr[2:], diagInfo)
	ne.PutUint32(attr[4+tcpInfoRTT:], rtt)
	return m
}

func done() []byte {
	m := make([]byte, unix.NLMSG_HDRLEN)
	binary.NativeEndian.PutUint32(m, uint32(len(m)))
	binary.NativeEndian.PutUint16(m[4:], unix.NLMSG_DONE)
	return m
}

func TestDiagMessages(t *testing.T) {
	t.Parallel()
	var dump []byte
	for _, m := range [][]byte{
		diagMessage(unix.AF_INET, 1, "192.0.2.1", 1500), diagMessage(unix.AF_INET6, 1, "2001:db8::1", 2500),
		diagMessage(unix.AF_INET, 1, "127.0.0.5", 7), diagMessage(unix.AF_INET6, 1, "::1", 7), diagMessage(unix.AF_INET6, 1, "::ffff:127.0.0.1", 7),
		diagMessage(unix.AF_INET, 8, "192.0.2.1", 7), diagMessage(unix.AF_INET, 10, "0.0.0.0", 7), done(), diagMessage(unix.AF_INET, 1, "192.0.2.9", 9),
	} {
		dump = append(dump, m...)
	}
	var states [len(tcpStates)]int
	rtts, sockets, end, err := diagMessages(dump, &states, nil)
	if err != nil || !end || sockets != 7 || len(rtts) != 2 || rtts[0] != 1.5 || rtts[1] != 2.5 {
		t.Errorf("round trips %v of %d sockets, %v, %v; want 1.5 and 2.5 ms of 7", rtts, sockets, end, err)
	}
	if states[1] != 5 || states[8] != 1 || states[10] != 1 {
		t.Errorf("states %v", states)
	}
	if _, _, _, err := diagMessages(dump[:100], &states, nil); err == nil {
		t.Error("a message that is cut off passed")
	}
}

func FuzzDiagMessages(f *testing.F) {
	f.Add(append(diagMessage(unix.AF_INET, 1, "192.0.2.1", 1500), done()...))
	f.Add(diagMessage(unix.AF_INET6, 10, "::", 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		var states [len(tcpStates)]int
		rtts, sockets, _, _ := diagMessages(b, &states, nil)
		sum := 0
		for _, n := range states {
			sum += n
		}
		if sum > sockets || sockets > len(b)/unix.NLMSG_HDRLEN || len(rtts) > len(b) {
			t.Fatalf("%d states, %d sockets and %d round trips from %d bytes", sum, sockets, len(rtts), len(b))
		}
	})
}
