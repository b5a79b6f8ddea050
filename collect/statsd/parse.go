package statsd

import (
	"bytes"
	"math"
	"strconv"
)

// line is one metric of a datagram; its slices are those of the datagram.
type line struct {
	name   []byte
	values []byte // one value, or several with colons between them (DogStatsD 1.1)
	kind   byte   // c, g, m (ms), h, d or s
	rate   float64
	tags   []byte // "a:b,c", as sent
}

const maxName = 200 // bytes of name and tags each

// parse reads "name:value|type|@rate|#tag:value,…" as StatsD and DogStatsD
// define it (https://github.com/statsd/statsd/blob/master/docs/metric_types.md,
// https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/). Fields it
// does not know, such as a container's id, are passed over. ok is false for what
// is no metric, event or service check.
func parse(b []byte) (l line, ok bool) {
	colon := bytes.IndexByte(b, ':')
	if colon <= 0 || colon > maxName {
		return l, false
	}
	l.name, l.rate = b[:colon], 1
	for _, c := range l.name {
		if c <= ' ' || c >= 0x7f || c == '|' || c == '{' || c == '}' {
			return l, false
		}
	}
	values, rest, found := bytes.Cut(b[colon+1:], []byte("|"))
	if !found || len(values) == 0 {
		return l, false
	}
	l.values = values
	kind, rest, _ := bytes.Cut(rest, []byte("|"))
	switch string(kind) {
	case "c", "g", "h", "d", "s":
		l.kind = kind[0]
	case "ms":
		l.kind = 'm'
	default:
		return l, false
	}
	for len(rest) > 0 {
		var f []byte
		f, rest, _ = bytes.Cut(rest, []byte("|"))
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case '@':
			if l.rate, ok = number(f[1:]); !ok || l.rate <= 0 || l.rate > 1 || l.rate < 1e-6 {
				return l, false
			}
		case '#':
			if l.tags = f[1:]; len(l.tags) > maxName || !printable(l.tags) {
				return l, false
			}
		}
	}
	return l, true
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// number reads a finite decimal number. Most are short whole ones.
func number(b []byte) (float64, bool) {
	if len(b) == 0 || len(b) > 32 {
		return 0, false
	}
	v, i := 0, 0
	for ; i < len(b) && i < 9 && b[i] >= '0' && b[i] <= '9'; i++ {
		v = v*10 + int(b[i]-'0')
	}
	if i == len(b) {
		return float64(v), true
	}
	for _, c := range b {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	return f, err == nil && !math.IsInf(f, 0)
}
