package main

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/bench/report"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/record"
)

// variant is a set of rules that is judged.
type variant string

const (
	thresholds variant = "thresholds only"
	anomaly    variant = "anomaly only"
	both       variant = "both"
	liveBoth   variant = "both, live"
)

// rules are those of a variant, as shipped.
func (v variant) rules() ([]detect.Rule, error) {
	levels, err := detect.Rules(detect.DefaultRules())
	if err != nil {
		return nil, err
	}
	odd, err := detect.NewAnomaly(detect.AnomalyConfig{})
	switch {
	case err != nil:
		return nil, err
	case v == thresholds:
		return levels, nil
	case v == anomaly:
		return odd, nil
	}
	return slices.Concat(levels, odd), nil
}

// replay calls see with each frame of a recording.
func replay(path string, see func(collect.Frame)) (record.Header, error) {
	f, err := os.Open(path)
	if err != nil {
		return record.Header{}, err
	}
	defer f.Close()
	r, err := record.NewReader(f)
	if err != nil {
		return record.Header{}, err
	}
	for f, err := range r.Frames() {
		var damage *record.Damage
		if err == nil {
			see(f)
		} else if !errors.As(err, &damage) {
			return r.Header, err
		}
	}
	return r.Header, nil
}

// learnt is a detector that has seen a healthy recording; "" = none. How full the
// disks were on that day is left out: it is a state and no behaviour, and differs by now.
// The metrics are those of the agent that is judged, which may know more; nil = of the recording.
func learnt(path string, v variant, metrics []collect.Metric) (*detect.Detector, error) {
	rules, err := v.rules()
	if err != nil || path == "" {
		return nil, cmp.Or(err, errors.New("give -rec, the recording that the models start from"))
	}
	if metrics == nil {
		h, err := replay(path, func(collect.Frame) {})
		if err != nil {
			return nil, err
		}
		metrics = h.Metrics
	}
	d := detect.New(rules, detect.Options{Metrics: metrics})
	_, err = replay(path, func(f collect.Frame) {
		f.Samples = slices.DeleteFunc(f.Samples, func(s collect.Sample) bool { return strings.HasPrefix(s.Metric, "disk_") })
		d.Observe(f)
	})
	return d, err
}

// row is one fault in one variant.
type row struct {
	Variant variant `json:"variant"`
	Fault   string  `json:"fault"`
	Sharp   bool    `json:"sharp"`
	Found   bool    `json:"found"`             // some message named one of its series
	Seconds float64 `json:"seconds,omitempty"` // from its begin to that message
	Any     bool    `json:"any"`               // there was a message at all
	Right   bool    `json:"right"`             // … and the first named series and object
	Process bool    `json:"process,omitempty"` // … and the process, live only
	First   string  `json:"first,omitempty"`
}

type result struct {
	runLog
	Rows   []row           `json:"rows"`
	Others map[variant]int `json:"other_messages"` // firing messages outside any fault
}

func judge(o options) error {
	r := result{Others: map[variant]int{}}
	if err := report.Read(filepath.Join(o.judge, "run.json"), &r.runLog); err != nil {
		return err
	}
	rec := filepath.Join(o.judge, "lab.rec")
	h, err := replay(rec, func(collect.Frame) {})
	if err != nil {
		return err
	}
	for _, v := range []variant{thresholds, anomaly, both} {
		rules, err := v.rules()
		if err != nil {
			return err
		}
		d := detect.New(rules, detect.Options{Metrics: h.Metrics})
		if o.rec != "" {
			if d, err = learnt(o.rec, v, h.Metrics); err != nil {
				return err
			}
		}
		var messages []told
		if _, err := replay(rec, func(f collect.Frame) {
			for _, a := range d.Observe(f) {
				messages = append(messages, told{f.Time, a})
			}
		}); err != nil {
			return err
		}
		r.match(v, messages)
	}
	r.match(liveBoth, r.Live)
	r.Live = nil // long, and in the log of the run
	return report.Write(o.out, r)
}

// match finds the messages of each fault: those from its begin to 8 s after its
// end that tell of something that did not fire before.
func (r *result) match(v variant, messages []told) {
	known := map[string]fault{}
	for _, f := range faults() {
		known[f.name] = f
	}
	news := fresh(messages)
	used := map[int]bool{}
	for _, e := range r.Events {
		f := known[e.Fault]
		x := row{Variant: v, Fault: e.Fault, Sharp: !f.slow}
		for i, m := range news {
			if m.At.Before(e.From) || m.At.After(e.To.Add(8*time.Second)) {
				continue
			}
			used[i] = true
			series, object, process := names(m.Alert, f)
			if !x.Any {
				x.Any, x.Right, x.Process, x.First = true, series && object, process, m.Alert.Summary
			}
			if series && object && !x.Found {
				x.Found, x.Seconds = true, m.At.Sub(e.From).Seconds()
			}
		}
		r.Rows = append(r.Rows, x)
	}
	r.Others[v] = len(news) - len(used)
}

// fresh keeps the messages with a member that did not fire in the one before of
// the same incident or is there again, as its text says, and those whose text names
// a series which none before did.
func fresh(messages []told) []told {
	firing, named := map[string][]string{}, map[string][]string{} // by origin
	var out []told
	for _, m := range messages {
		a, k := m.Alert, m.Alert.Origin()
		if a.State == alert.Resolved {
			delete(firing, k)
			delete(named, k)
			continue
		}
		var now []string
		for _, x := range a.Members {
			if x.State == alert.Firing {
				now = append(now, x.Rule+"\x00"+x.Target+again(x.Summary))
			}
		}
		if len(a.Members) == 0 {
			now = []string{k + again(a.Summary)}
		}
		var series []string
		for _, c := range a.Causes {
			series = append(series, c.Metric+"\x00"+c.Target)
		}
		if slices.ContainsFunc(now, func(id string) bool { return !slices.Contains(firing[k], id) }) ||
			slices.ContainsFunc(series, func(s string) bool {
				called := strings.TrimSuffix(strings.Replace(s, "\x00", " on ", 1), " on ") // as the text does
				return !slices.Contains(named[k], s) && strings.Contains(a.Summary, called+" ")
			}) {
			out = append(out, m)
		}
		firing[k], named[k] = now, append(named[k], series...)
	}
	return out
}

// again is how a text begins which says that a trouble is there again, and since
// when; "" where it does not.
func again(text string) string {
	since, _, _ := strings.Cut(text, ": ")
	if !strings.HasPrefix(since, "again since ") {
		return ""
	}
	return "\x00" + since
}

// names is what a message names of a fault.
func names(a alert.Alert, f fault) (series, object, process bool) {
	is := func(metric, target string) {
		if slices.ContainsFunc(f.series, func(p string) bool { return strings.HasPrefix(metric, p) }) {
			series = true
			object = object || f.object == "" || strings.HasSuffix(target, f.object)
		}
	}
	is(a.Metric, a.Target)
	for _, c := range a.Causes {
		is(c.Metric, c.Target)
	}
	process = f.process != "" && slices.ContainsFunc(a.Culprits, func(c alert.Culprit) bool { return strings.Contains(c.Command, f.process) })
	return series, object, process
}
