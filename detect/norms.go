package detect

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

// norms knows what the series that explain trouble usually are: of each, a
// reading every 10 s is kept in a sample that ages exponentially with a horizon
// of 14 days (biased reservoir sampling: Aggarwal 2006, VLDB, pp. 607–618). What
// a series is while its own rule fires is not learnt.
//
// Which reading gives way is a hash of the series and the count, so that a
// replay keeps the same ones without any state of chance.
type norms struct {
	byKey map[key]*norm
	last  time.Duration // clock of the last readings
	also  map[string]bool
}

type norm struct {
	values []float32
	n      uint64 // readings offered
	seed   uint64
	seen   time.Duration
}

// Constants of the norms.
const (
	normEvery   = 10 * time.Second
	normSize    = 128
	normLeast   = 30 // readings, 5 min, before anything is called usual
	normSeries  = 2000
	normHorizon = uint64(14 * 24 * time.Hour / normEvery)
)

// telling are the metrics that explain trouble, in no order. Each says
// something that the others do not.
var telling = []string{
	"cpu_usage_active", "cpu_usage_system", "cpu_usage_iowait", "cpu_usage_steal", "pressure_cpu_some_avg10", "cpu_runqueue_wait", "context_switches",
	"processes_running", "processes_blocked", "processes_total", "processes_total_threads", "processes_forked", "processes_zombies", "fd_open",
	"mem_available_percent", "mem_dirty", "mem_major_faults", "swap_in", "swap_out", "pressure_memory_some_avg10",
	"pressure_io_some_avg10", "diskio_await", "diskio_util", "diskio_read_bytes", "diskio_write_bytes", "diskio_writes", "disk_used_percent", "disk_inodes_used_percent",
	"net_bytes_recv", "net_bytes_sent", "net_packets_recv", "net_err_in", "net_drop_in", "netstat_tcp_retrans", "netstat_tcp_established",
	"netstat_tcp_listen_overflows", "netstat_tcp_attempt_fails", "netstat_tcp_time_wait", "netstat_tcp_syn_recv", "conntrack_count",
	"probe_duration", "resolver_duration",
}

func newNorms() *norms {
	return &norms{byKey: map[key]*norm{}, also: map[string]bool{}, last: -normEvery}
}

// use keeps norms of the metrics that the rules are about, too.
func (n *norms) use(rules []Rule) {
	clear(n.also)
	for _, m := range telling {
		n.also[m] = true
	}
	for _, r := range rules {
		if t, ok := r.(*Threshold); ok {
			n.also[t.cfg.Metric] = true
		}
	}
}

// observe learns a frame every 10 s, but for the series that are ill.
func (n *norms) observe(clock time.Duration, f *collect.Frame, ill func(key) bool) {
	if clock-n.last < normEvery {
		return
	}
	n.last = clock
	for i := range f.Samples {
		s := &f.Samples[i]
		if !n.also[s.Metric] {
			continue
		}
		k := key{s.Metric, s.Target}
		m := n.byKey[k]
		if m == nil {
			if len(n.byKey) >= normSeries {
				continue
			}
			m = newNorm(k)
			n.byKey[k] = m
		}
		m.seen = clock
		if !ill(k) {
			m.add(float32(s.Value))
		}
	}
	if n.last%time.Hour < normEvery {
		for k, m := range n.byKey {
			if clock-m.seen > 24*time.Hour {
				delete(n.byKey, k)
			}
		}
	}
}

func newNorm(k key) *norm {
	h := fnv.New64a()
	h.Write([]byte(k.metric))
	h.Write([]byte{0})
	h.Write([]byte(k.target))
	return &norm{seed: h.Sum64()}
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood 2014,
// doi:10.1145/2660193.2660195).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (m *norm) add(v float32) {
	m.n++
	if len(m.values) < normSize {
		m.values = append(m.values, v)
		return
	}
	if i := mix(m.seed+m.n*0x9e3779b97f4a7c15) % min(m.n, normHorizon); i < normSize {
		m.values[i] = v
	}
}

// usual is the range of the middle 96 %, and its middle; nil with fewer than 30
// readings.
func (m *norm) usual() (*alert.Range, float64) {
	if len(m.values) < normLeast {
		return nil, math.NaN()
	}
	v := make([]float64, len(m.values))
	for i, x := range m.values {
		v[i] = float64(x)
	}
	slices.Sort(v)
	q := func(p float64) float64 { return stat.Quantile(p, stat.LinInterp, v, nil) }
	return &alert.Range{Low: alert.Number(q(0.02)), High: alert.Number(q(0.98))}, q(0.5)
}

// beyond is how far v is outside what is usual, in widths of the usual range;
// least is the width below which the range counts as that wide. 0 inside.
func beyond(v float64, usual *alert.Range, least float64) float64 {
	low, high := float64(usual.Low), float64(usual.High)
	width := math.Max(high-low, least)
	return math.Max(0, math.Max(v-high, low-v)/width)
}

type savedNorm struct {
	Metric string        `json:"metric"`
	Target string        `json:"target,omitempty"`
	N      uint64        `json:"n"`
	Seen   time.Duration `json:"seen"`
	Values []byte        `json:"values"` // little-endian float32
}

// save gives all norms, sorted, and first the time of the last readings.
func (n *norms) save() []savedNorm {
	out := []savedNorm{{Seen: n.last}}
	for k, m := range n.byKey {
		s := savedNorm{Metric: k.metric, Target: k.target, N: m.n, Seen: m.seen, Values: make([]byte, 0, 4*len(m.values))}
		for _, v := range m.values {
			s.Values = binary.LittleEndian.AppendUint32(s.Values, math.Float32bits(v))
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b savedNorm) int {
		return cmp.Or(cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.Target, b.Target))
	})
	return out
}

// load takes what save gave; what cannot be is left out. None leaves all as it
// is.
func (n *norms) load(list []savedNorm, ago time.Duration) {
	if len(list) == 0 {
		return
	}
	clear(n.byKey)
	for _, s := range list {
		if s.Metric == "" {
			n.last = s.Seen + ago
			continue
		}
		if len(n.byKey) >= normSeries || len(s.Values) > 4*normSize {
			continue
		}
		k := key{s.Metric, s.Target}
		m := newNorm(k)
		m.n, m.seen = max(s.N, uint64(len(s.Values)/4)), s.Seen+ago
		for ; len(s.Values) >= 4; s.Values = s.Values[4:] {
			if v := math.Float32frombits(binary.LittleEndian.Uint32(s.Values)); v == v && !math.IsInf(float64(v), 0) {
				m.values = append(m.values, v)
			}
		}
		n.byKey[k] = m
	}
}
