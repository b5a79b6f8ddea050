package collect

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPortsOfThisHost: a listener with three connections is found, with their
// round-trip time; rates come with the second dump and not over a gap.
func TestPortsOfThisHost(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 3 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
	target := l.Addr().String()[len("127.0.0.1"):]
	ports := NewTCPPorts(Host{Proc: "/proc"})
	now := time.Unix(1_790_000_000, 0)
	for i, step := range []struct {
		wait time.Duration
		rate bool
	}{{0, false}, {portsWait, true}, {time.Hour, false}, {portsWait, true}} {
		now = now.Add(step.wait)
		samples, err := ports.Collect(t.Context(), now, nil)
		if err != nil {
			t.Skip(err)
		}
		got := map[string]float64{}
		for _, s := range samples {
			if s.Target == target || s.Metric == "netstat_ports_connected" {
				got[s.Metric] = s.Value
			}
		}
		retrans, rate := got["netstat_port_retrans"]
		if got["netstat_port_connections"] != 3 || got["netstat_port_rtt"] <= 0 || got["netstat_ports_connected"] < 1 || rate != step.rate || retrans != 0 {
			t.Errorf("dump %d: %v", i, got)
		}
	}
}

func FuzzSocketMessages(f *testing.F) {
	f.Add(make([]byte, 200))
	f.Add([]byte{88, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = socketMessages(b, func(m []byte) {
			if len(m) < diagMsgLen || len(m) > len(b)-unix.NLMSG_HDRLEN {
				t.Errorf("%d bytes of %d", len(m), len(b))
			}
			_ = tcpInfo(m)
		})
	})
}
