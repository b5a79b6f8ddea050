package scrape

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// keep takes the series of an answer that are on the allow-list; e.mu is held.
// A first reading of a counter, one after a gap and one that went back give no
// rate.
func (e *endpoint) keep(at time.Time, body []byte) error {
	now, before, beforeAt := map[string]float64{}, e.last, e.lastAt
	e.last, e.lastAt = now, at
	seconds := at.Sub(beforeAt).Seconds()
	sound := before != nil && seconds > 0 && seconds <= 3*e.cfg.Interval.D().Seconds()+5
	types := map[string]string{}
	seen := map[string]bool{}
	left := 0
	delta := func(key string) (float64, bool) {
		was, had := before[key]
		d := now[key] - was
		return d, sound && had && d >= 0
	}
	for line := range bytes.Lines(body) {
		s, ok := parse(bytes.TrimSpace(line), types)
		if !ok {
			continue
		}
		base, part := family(s.name, types)
		allowed := base
		if part == "" {
			allowed = s.name
		}
		if !e.allows(allowed) && !e.allows(s.name) || part == "bucket" {
			continue
		}
		target := e.cfg.Name + ":" + s.name + s.labels
		if len(target) > 1024 || len(seen) >= maxSeries || seen[target] {
			left++
			continue
		}
		seen[target] = true
		counter := types[s.name] == "counter" || types[s.name] == "" && strings.HasSuffix(s.name, "_total")
		if part == "" && !counter {
			e.add("scrape_value", target, s.value)
			continue
		}
		now[target] = s.value
		d, ok := delta(target)
		if ok && part != "sum" {
			e.add("scrape_rate", target, d/seconds)
		}
		if part == "sum" || part == "count" { // whichever comes second
			sumKey, countKey := e.cfg.Name+":"+base+"_sum"+s.labels, e.cfg.Name+":"+base+"_count"+s.labels
			if seen[sumKey] && seen[countKey] {
				count, ok := delta(countKey)
				if was, had := before[sumKey]; ok && had && count > 0 {
					e.add("scrape_mean", e.cfg.Name+":"+base+s.labels, (now[sumKey]-was)/count)
				}
			}
		}
	}
	if left > 0 {
		return fmt.Errorf("%d series are too many, twice there or have too long a name: left out", left)
	}
	return nil
}

func (e *endpoint) add(metric, target string, v float64) {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		e.samples = append(e.samples, collect.Sample{Metric: metric, Target: target, Value: v})
	}
}

func (e *endpoint) allows(name string) bool {
	return slices.ContainsFunc(e.cfg.Metrics, func(p string) bool { ok, err := filepath.Match(p, name); return ok && err == nil })
}

// family splits the name of a histogram's or summary's part.
func family(name string, types map[string]string) (base, part string) {
	for _, part := range []string{"sum", "count", "bucket"} {
		if base, ok := strings.CutSuffix(name, "_"+part); ok && (types[base] == "histogram" || types[base] == "summary") {
			return base, part
		}
	}
	return name, ""
}

// sample is one line of the text format.
type sample struct {
	name, labels string // labels as they are sent, braces included
	value        float64
}

const maxTypes = 10_000

// parse reads one line of the Prometheus text format, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/): a series, or a
// TYPE line that it notes in types.
func parse(b []byte, types map[string]string) (s sample, ok bool) {
	if rest, isType := bytes.CutPrefix(b, []byte("# TYPE ")); isType {
		if f := bytes.Fields(rest); len(f) == 2 && len(types) < maxTypes {
			types[string(f[0])] = string(f[1])
		}
		return s, false
	}
	if len(b) == 0 || b[0] == '#' {
		return s, false
	}
	end := bytes.IndexAny(b, "{ \t")
	if end <= 0 || !metricName(b[:end]) {
		return s, false
	}
	s.name = string(b[:end])
	rest := b[end:]
	if rest[0] == '{' {
		n := closing(rest)
		if n < 0 {
			return s, false
		}
		if s.labels, rest = string(rest[:n+1]), rest[n+1:]; s.labels == "{}" {
			s.labels = ""
		}
		if strings.ToValidUTF8(s.labels, "") != s.labels {
			return s, false
		}
	}
	f := bytes.Fields(rest)
	if len(f) < 1 || len(f) > 2 {
		return s, false
	}
	v, err := strconv.ParseFloat(string(f[0]), 64)
	s.value = v
	return s, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// closing finds the brace that ends the labels; values in quotes may hold any.
func closing(b []byte) int {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch {
		case quoted && b[i] == '\\':
			i++
		case b[i] == '"':
			quoted = !quoted
		case b[i] == '}' && !quoted:
			return i
		}
	}
	return -1
}

func metricName(b []byte) bool {
	for i, c := range b {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}
