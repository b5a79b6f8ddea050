package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// Netstat reads TCP and UDP: connections by state, retransmits, resets, listen
// queue overflows and the round-trip time that the kernel measured
// (/proc/net/snmp, netstat, sockstat, and inet_diag every 10 s).
type Netstat struct {
	host    Host
	file    fileReader
	rates   *tracker
	local   bool // /proc is this kernel's own: inet_diag speaks of the same host
	diagAt  time.Time
	diag    []Sample
	diagErr error
}

// NewNetstat makes the collector.
func NewNetstat(h Host) *Netstat {
	return &Netstat{host: h, rates: newTracker(h.gap()), local: h.Proc == "/proc"}
}

// Name implements Collector.
func (c *Netstat) Name() string { return "netstat" }

// tcpCounters maps counters of /proc/net/snmp and /proc/net/netstat to metrics
// (RFC 1213 names; Documentation/networking/snmp_counter.rst).
var tcpCounters = []struct{ group, field, metric, help string }{
	{"Tcp:", "InSegs", "netstat_tcp_in_segs", "TCP segments received"},
	{"Tcp:", "OutSegs", "netstat_tcp_out_segs", "TCP segments sent"},
	{"Tcp:", "RetransSegs", "netstat_tcp_retrans", "TCP segments sent again"},
	{"Tcp:", "AttemptFails", "netstat_tcp_attempt_fails", "TCP connections that failed to open"},
	{"Tcp:", "EstabResets", "netstat_tcp_estab_resets", "TCP connections reset"},
	{"Tcp:", "OutRsts", "netstat_tcp_out_rsts", "TCP resets sent"},
	{"Tcp:", "ActiveOpens", "netstat_tcp_active_opens", "TCP connections opened from here"},
	{"Tcp:", "PassiveOpens", "netstat_tcp_passive_opens", "TCP connections accepted"},
	{"TcpExt:", "TCPSynRetrans", "netstat_tcp_syn_retrans", "TCP connection requests sent again"},
	{"TcpExt:", "ListenDrops", "netstat_tcp_listen_drops", "connection requests that listening sockets dropped, for whatever reason"},
	{"TcpExt:", "ListenOverflows", "netstat_tcp_listen_overflows", "connections refused because an accept queue was full"},
	{"TcpExt:", "TCPTimeouts", "netstat_tcp_timeouts", "TCP retransmission time-outs"},
	{"Udp:", "InErrors", "netstat_udp_in_errors", "UDP datagrams lost on receipt"},
	{"Udp:", "RcvbufErrors", "netstat_udp_rcvbuf_errors", "UDP datagrams lost because a program did not read fast enough"},
	{"Udp:", "NoPorts", "netstat_udp_no_ports", "UDP datagrams to a port where nothing listens"},
	{"Udp:", "OutDatagrams", "netstat_udp_out_datagrams", "UDP datagrams sent"},
	{"Udp:", "InDatagrams", "netstat_udp_in_datagrams", "UDP datagrams received"},
}

var socketGauges = []struct{ proto, field, metric, help string }{
	{"TCP:", "orphan", "netstat_tcp_orphans", "TCP sockets without a process"},
	{"TCP:", "tw", "netstat_tcp_time_wait", "TCP connections in TIME_WAIT"},
	{"TCP:", "inuse", "netstat_tcp_inuse", "TCP sockets in use"},
	{"UDP:", "inuse", "netstat_udp_socket", "UDP sockets in use"},
}

// Metrics implements Collector.
func (c *Netstat) Metrics() []Metric {
	out := []Metric{
		amount("netstat_tcp_established", count, "network", "TCP connections established"),
		share("netstat_tcp_retrans_percent", "network", "share of TCP segments that were sent again; missing below 10 segments a second"),
		amount("netstat_tcp_rtt", milliseconds, "network", "median round-trip time of established TCP connections beyond loopback"),
	}
	for _, m := range tcpCounters {
		out = append(out, amount(m.metric, countRate, "network", m.help))
	}
	for _, m := range socketGauges {
		out = append(out, amount(m.metric, count, "network", m.help))
	}
	for _, s := range tcpStates {
		if s != "" && s != "established" && s != "time_wait" {
			out = append(out, amount("netstat_tcp_"+s, count, "network", "TCP sockets in state "+s))
		}
	}
	return out
}

// Collect implements Collector.
func (c *Netstat) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	before := len(dst)
	var errs []error
	for _, name := range []string{"snmp", "netstat"} {
		var err error
		if dst, err = c.table(now, name, dst); err != nil {
			errs = append(errs, err)
		}
	}
	c.rates.sweep()
	var err error
	if dst, err = c.sockstat(dst); err != nil {
		errs = append(errs, err)
	}
	dst = retransPercent(dst, before)
	if c.local {
		if c.diagAt.IsZero() || now.Sub(c.diagAt) >= 10*time.Second || now.Before(c.diagAt) {
			c.diag, c.diagErr = tcpDiag()
			c.diagAt = now
		}
		dst = append(dst, c.diag...)
		if c.diagErr != nil {
			errs = append(errs, fmt.Errorf("read TCP states: %w", c.diagErr))
		}
	}
	return dst, errors.Join(errs...)
}

// table reads pairs of lines "Tcp: NAME NAME …" and "Tcp: VALUE VALUE …".
func (c *Netstat) table(now time.Time, name string, dst []Sample) ([]Sample, error) {
	path := c.host.net(name)
	b, err := c.file.read(path)
	if err != nil {
		return dst, source(err, "")
	}
	var heads []byte
	sound := false
	for line := range bytes.Lines(b) {
		line = bytes.TrimRight(line, "\n")
		group, rest := cutField(line)
		headGroup, headRest := cutField(heads)
		if !bytes.Equal(group, headGroup) {
			heads = line
			continue
		}
		sound = true
		for len(headRest) > 0 {
			var head, value []byte
			head, headRest = cutField(headRest)
			value, rest = cutField(rest)
			dst = c.tcpField(now, group, head, value, dst)
		}
		heads = nil
	}
	if !sound {
		return dst, malformed(path)
	}
	return dst, nil
}

func (c *Netstat) tcpField(now time.Time, group, head, value []byte, dst []Sample) []Sample {
	if string(group) == "Tcp:" && string(head) == "CurrEstab" {
		return gauge("netstat_tcp_established", value, dst)
	}
	for _, m := range tcpCounters {
		if m.field == string(head) && m.group == string(group) {
			return appendRate(c.rates, now, m.metric, []byte(m.metric), value, 1, dst)
		}
	}
	return dst
}

// retransPercent adds the share of segments sent again, where enough were
// sent for it to mean something.
func retransPercent(dst []Sample, from int) []Sample {
	sent, again := -1.0, -1.0
	for _, s := range dst[from:] {
		switch s.Metric {
		case "netstat_tcp_out_segs":
			sent = s.Value
		case "netstat_tcp_retrans":
			again = s.Value
		}
	}
	// OutSegs leaves retransmitted segments out (RFC 1213, tcpOutSegs).
	if sent >= 0 && again >= 0 && sent+again >= 10 {
		dst = append(dst, Sample{Metric: "netstat_tcp_retrans_percent", Value: 100 * again / (sent + again)})
	}
	return dst
}

func (c *Netstat) sockstat(dst []Sample) ([]Sample, error) {
	b, err := c.file.read(c.host.net("sockstat"))
	if err != nil {
		return dst, source(err, "")
	}
	for line := range bytes.Lines(b) {
		proto, rest := cutField(bytes.TrimRight(line, "\n"))
		for len(rest) > 0 {
			var name, value []byte
			name, rest = cutField(rest)
			value, rest = cutField(rest)
			for _, m := range socketGauges {
				if m.proto == string(proto) && m.field == string(name) {
					dst = gauge(m.metric, value, dst)
				}
			}
		}
	}
	return dst, nil
}
