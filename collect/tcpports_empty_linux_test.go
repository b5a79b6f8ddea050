package collect

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNoConnectionIsAReading: a host on which nobody is connected has a
// collector that reads 0, and not one that reads nothing. It needs a network
// namespace of its own.
func TestNoConnectionIsAReading(t *testing.T) {
	t.Parallel()
	got := make(chan []Sample)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its namespace
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			got <- nil
			return
		}
		samples, err := NewTCPPorts(Host{Proc: "/proc"}).read(0)
		if err != nil {
			t.Error(err)
		}
		got <- samples
	}()
	samples := <-got
	if samples == nil {
		t.Skip("a network namespace needs root")
	}
	if len(samples) != 1 || samples[0].Metric != "netstat_ports_connected" || samples[0].Value != 0 {
		t.Errorf("%+v", samples)
	}
}
