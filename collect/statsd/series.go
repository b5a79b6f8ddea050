package statsd

import (
	"bytes"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// expiry is how long a series that nobody sends any more is still given: a
// counter as 0 a second, a gauge with its last value.
const expiry = 5 * time.Minute

// maxMembers bounds the members of one set that are told apart in a tick,
// maxAllMembers those of all sets (about 2 MB): those beyond are not counted.
const maxMembers, maxAllMembers = 10_000, 100_000

// series is one name with its tags.
type series struct {
	target string
	dims   []collect.Label
	kind   byte
	sum    float64 // counter: since the last tick; gauge: its value
	hist   *histogram
	set    map[uint64]struct{}
	heard  uint32 // turn in which it was last sent
	at     time.Time
}

// add takes one line; false where it fits no series.
func (s *Server) add(l line) bool {
	p := s.find(l)
	if p == nil {
		return true // beyond the bound, counted by find
	}
	if p.kind != l.kind {
		return false
	}
	p.heard = s.turn
	for rest, more := l.values, true; more; {
		var b []byte
		b, rest, more = bytes.Cut(rest, colon)
		if l.kind == 's' {
			if s.members < maxAllMembers && len(p.set) < maxMembers {
				before := len(p.set)
				p.set[maphash.Bytes(s.seed, b)] = struct{}{}
				s.members += len(p.set) - before
			}
			more = false
			continue
		}
		v, ok := number(b)
		if !ok || l.kind == 'm' && v < 0 {
			return false
		}
		switch {
		case l.kind == 'c':
			p.sum += v / l.rate
		case l.kind == 'g' && (b[0] == '+' || b[0] == '-'):
			p.sum += v
		case l.kind == 'g':
			p.sum = v
		default:
			p.hist.add(v, 1/l.rate)
		}
	}
	return true
}

var colon = []byte(":")

// find gives the series of a line, made where there is room. The same tags in
// another order are the same series.
func (s *Server) find(l line) *series {
	key := append(append(append(s.key[:0], l.name...), '|'), l.tags...)
	s.key = key
	if p := s.series[string(key)]; p != nil {
		return p
	}
	// Every order of tags takes a key; without tags there is only one.
	if full := len(s.list) >= s.most; len(s.series) >= 4*s.most || full && len(l.tags) == 0 {
		s.unknown++
		return nil
	}
	target, dims := describe(l)
	if p := s.targets[target]; p != nil {
		s.series[string(key)] = p
		return p
	}
	if len(s.list) >= s.most {
		s.unknown++
		return nil
	}
	p := &series{target: target, dims: dims, kind: l.kind}
	switch l.kind {
	case 'm', 'h', 'd':
		p.hist = &histogram{}
	case 's':
		p.set = map[uint64]struct{}{}
	}
	s.series[string(key)], s.targets[target] = p, p
	s.list = append(s.list, p)
	return p
}

// describe gives the target of a line, name{a=b,c}, and its dimensions.
func describe(l line) (string, []collect.Label) {
	dims := []collect.Label{{Name: "name", Value: string(l.name)}}
	var tags []string
	for tag := range strings.SplitSeq(string(l.tags), ",") {
		if tag == "" {
			continue
		}
		name, value, has := strings.Cut(tag, ":")
		if has {
			tag = name + "=" + value
		} else {
			value = "true"
		}
		tags = append(tags, tag)
		if name != "" && name != "name" && value != "" && len(dims) < 20 {
			dims = append(dims, collect.Label{Name: name, Value: value})
		}
	}
	slices.Sort(tags)
	slices.SortFunc(dims, func(a, b collect.Label) int { return strings.Compare(a.Name, b.Name) })
	dims = slices.CompactFunc(dims, func(a, b collect.Label) bool { return a.Name == b.Name })
	target := string(l.name)
	if len(tags) > 0 {
		target += "{" + strings.Join(slices.Compact(tags), ",") + "}"
	}
	return target, dims
}

// samples gives one series over the seconds since the last tick and starts it
// afresh.
func (p *series) samples(seconds float64, dst []collect.Sample) []collect.Sample {
	add := func(metric string, v float64) {
		if !math.IsNaN(v) {
			dst = append(dst, collect.Sample{Metric: metric, Target: p.target, Dims: p.dims, Value: v})
		}
	}
	switch p.kind {
	case 'c':
		if seconds > 0 {
			add("statsd_counter", p.sum/seconds)
		}
		p.sum = 0
	case 'g':
		add("statsd_gauge", p.sum)
	case 's':
		add("statsd_set", float64(len(p.set)))
		if len(p.set) > 100 { // a cleared map keeps its memory
			p.set = map[uint64]struct{}{}
		}
		clear(p.set)
	default:
		prefix := "statsd_distribution_"
		if p.kind == 'm' {
			prefix = "statsd_timer_"
		}
		if seconds > 0 {
			add(prefix+"rate", p.hist.count/seconds)
		}
		if p.hist.count > 0 {
			var q [3]float64
			p.hist.quantiles([]float64{0.50, 0.95, 0.99}, q[:])
			add(prefix+"p50", q[0])
			add(prefix+"p95", q[1])
			add(prefix+"p99", q[2])
			add(prefix+"max", p.hist.max)
			p.hist.reset()
		}
	}
	return dst
}
