package collect

import (
	"context"
	"time"
)

const (
	maxPorts  = 50
	portsWait = 10 * time.Second
)

// TCPPorts measures the connections to each listening port, by inet_diag every
// 10 s: their median round-trip time as the kernel estimates it, and how many
// segments were sent again. It is what clients of a server feel, without a probe.
type TCPPorts struct {
	host    Host
	at      time.Time
	last    []Sample
	err     error
	retrans map[uint64]uint32 // of each open connection, by cookie; nil before the first dump
	buf     []byte            // of a dump
}

// NewTCPPorts makes the collector.
func NewTCPPorts(h Host) *TCPPorts { return &TCPPorts{host: h} }

// Name implements Collector.
func (c *TCPPorts) Name() string { return "tcp_ports" }

// Metrics implements Collector.
func (c *TCPPorts) Metrics() []Metric {
	return []Metric{
		amount("netstat_port_rtt", milliseconds, "latency", "median round-trip time of the open connections to a listening port; the target is :port"),
		amount("netstat_port_retrans", countRate, "network", "segments sent again on the open connections to a listening port"),
		amount("netstat_port_connections", count, "network", "open connections to a listening port; the 50 ports with the most"),
		amount("netstat_ports_connected", count, "network", "listening ports with open connections"),
	}
}

// Collect implements Collector.
func (c *TCPPorts) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	if c.host.Proc != "/proc" {
		return dst, &SkippedError{"sockets are those of this network namespace, not of " + c.host.Proc}
	}
	since := now.Sub(c.at)
	if c.at.IsZero() || since < 0 || since >= portsWait {
		if c.at.IsZero() || since < 0 || since > 3*portsWait {
			since = 0 // a gap: no rates
		}
		c.at = now
		c.last, c.err = c.read(since)
	}
	return append(dst, c.last...), c.err
}
