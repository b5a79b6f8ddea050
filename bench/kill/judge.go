package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// The steps of the outbox that a kill can find an incident at.
const (
	stepCreated = "file created, nothing written"
	stepWritten = "file written, not renamed"
	stepOwed    = "accepted, nothing sent"
	stepFlight  = "request under way"
	stepAnswer  = "answered, not confirmed on disk"
	stepSettled = "settled, not moved to closed"
)

var stepNames = []string{stepCreated, stepWritten, stepOwed, stepFlight, stepAnswer, stepSettled}

// moment returns what the webhook receiver knows at a kill.
func (s *services) moment() (flight, answers map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.flight), maps.Clone(s.answers)
}

// file is what the judge reads of an incident's file.
type file struct {
	ID    string `json:"id"`
	First struct {
		Target string `json:"target"`
		Phase  string `json:"phase"`
	} `json:"first"`
	End *struct {
		Key string `json:"key"`
	} `json:"resolved"`
	Sinks map[string]struct {
		Confirmed string `json:"confirmed"`
		Done      string `json:"done"`
		Digest    string `json:"digest"`
	} `json:"sinks"`
}

func read(path string) (file, bool) {
	var f file
	b, err := os.ReadFile(path)
	return f, err == nil && json.Unmarshal(b, &f) == nil
}

// stepsNow reads in the state directory, and from what the receiver knows, at
// which steps the kill found incidents.
func (l *life) stepsNow(flight, answers map[string]bool) map[string]bool {
	out := map[string]bool{}
	tmp, _ := filepath.Glob(l.state() + "/incidents/tmp/*")
	for _, t := range tmp {
		if st, err := os.Stat(t); err == nil && st.Size() == 0 {
			out[stepCreated] = true
		} else {
			out[stepWritten] = true
		}
	}
	open, _ := filepath.Glob(l.state() + "/incidents/open/*.json")
	for _, o := range open {
		f, ok := read(o)
		if !ok || f.First.Phase == "digest" {
			continue
		}
		d := f.Sinks["webhook"]
		key, head := f.ID+".firing", "firing"
		if d.Confirmed == "firing" && f.End != nil {
			key, head = f.End.Key, "resolved"
		}
		settled := f.End != nil
		for _, x := range f.Sinks {
			settled = settled && x.Done == "resolved"
		}
		switch {
		case settled:
			out[stepSettled] = true
		case d.Confirmed == head:
		case answers[key]:
			out[stepAnswer] = true
		case flight[key]:
			out[stepFlight] = true
		default:
			out[stepOwed] = true
		}
	}
	return out
}

// mode runs one mode: kills, then a long life in which everything is delivered.
func (c config) mode(mode string) (outcome, error) {
	l, err := c.newLife(mode)
	if err != nil {
		return outcome{}, err
	}
	defer l.s.close()
	o := outcome{Mode: mode, Steps: map[string]int{}, Shown: map[string]int{}, Sent: map[string]int{}, Twice: map[string]int{}, Unheard: map[string]int{}}
	if err := l.kills(&o); err != nil {
		return o, err
	}
	l.s.mend()
	if o.Drain, err = l.drain(); err != nil {
		return o, err
	}
	l.judge(&o)
	return o, nil
}

// kills starts and kills agents.
func (l *life) kills(o *outcome) error {
	c := l.c
	c.turns <- struct{}{}
	defer func() { <-c.turns }()
	for o.LoadKills < c.load || o.StartKills < c.start {
		if o.LoadKills < c.load {
			if err := l.underLoad(o.Steps); err != nil {
				return err
			}
			o.LoadKills++
		}
		if o.StartKills < c.start {
			if err := l.atStart(); err != nil {
				return err
			}
			o.StartKills++
		}
	}
	return nil
}

// drainLimit is the longest that a mode may take to deliver the rest: Slack takes
// one message a second, and a fast machine raises a thousand incidents.
const drainLimit = 40 * time.Minute

// drain ends everything that was raised and waits until nothing is owed.
func (l *life) drain() (float64, error) {
	if err := l.begin(); err != nil {
		return 0, err
	}
	if err := l.ready(); err != nil {
		return 0, err
	}
	began := time.Now()
	for n := 1; n <= l.next; n++ { // also those whose promise was cut off: they may be on disk
		if t := fmt.Sprintf("%s%06d", targetPrefix, n); !l.resolved[t] {
			l.end(t)
		}
	}
	for time.Since(began) < drainLimit {
		var list []alert.Incident
		resp, err := l.http.Get("http://agent/v1/incidents")
		if err != nil {
			return 0, err
		}
		if resp.StatusCode == http.StatusOK {
			_ = json.NewDecoder(resp.Body).Decode(&list)
			_ = resp.Body.Close()
			if len(list) == 0 {
				time.Sleep(3 * time.Second) // the files move
				took := time.Since(began).Seconds() - 3
				_ = l.cmd.Process.Signal(os.Interrupt)
				return took, l.cmd.Wait()
			}
			for _, in := range list { // the answer to its end may have been lost
				if in.State == alert.Firing && strings.HasPrefix(in.Target, targetPrefix) {
					l.end(in.Target)
				}
			}
			if took := time.Since(began); took > drainLimit-time.Minute {
				b, _ := json.Marshal(list[0])
				l.stuck = fmt.Sprintf("%d incidents are open after %s, the first: %s", len(list), took.Round(time.Second), b)
				break
			}
		}
		time.Sleep(time.Second)
	}
	l.kill()
	return time.Since(began).Seconds(), nil // judge says what is missing
}

// place is a target at a service.
type place struct{ service, target string }

// judge compares what people saw with what was promised.
func (l *life) judge(o *outcome) {
	say := func(format string, args ...any) {
		if len(o.Examples) < 5 {
			o.Examples = append(o.Examples, fmt.Sprintf(format, args...))
		}
	}
	rank := map[string]int{"firing": 1, "resolved": 1 << 20}
	phases := map[place]map[string]int{}
	newest := map[place]int{}
	last := map[string]time.Time{} // service and key
	unheard := map[place]bool{}    // the answer to the newest message that people saw was cut off
	for _, x := range l.s.seen {
		o.Sent[x.service]++
		if x.digest || x.target == "" {
			continue
		}
		p := place{x.service, x.target}
		if phases[p] == nil {
			phases[p] = map[string]int{}
		}
		phase := x.phase
		if strings.HasPrefix(x.service, "slack") { // the first is the firing, the next an edit
			phase = "firing"
			if x.edit {
				phase = "resolved"
			}
		}
		id := x.service + " " + x.key
		switch first := last[id]; {
		case x.service == "webhook" && !first.IsZero():
			// The same Idempotency-Key: the receiver shows it once.
		case x.service == "sns" && !first.IsZero():
			switch later := x.at.Sub(first) > 5*time.Minute; {
			case later && x.repeat:
				o.Marked++
			case later: // SNS has forgotten the key, and nothing says so
				o.Twice[x.service]++
				say("%s: %s came again after %s, unmarked", x.service, x.key, x.at.Sub(first))
			}
		case phases[p][phase] > 0 && !x.edit && unheard[p]:
			o.Unheard[x.service]++
		case phases[p][phase] > 0 && !x.edit:
			o.Twice[x.service]++
			if x.service == "webhook" || x.service == "sns" { // two keys for one change
				say("%s: %s of %s came under a second key, %s", x.service, phase, x.target, x.key)
			}
		default:
			o.Shown[x.service]++
		}
		if x.key != "" && last[id].IsZero() {
			last[id] = x.at
		}
		phases[p][phase]++
		unheard[p] = x.unheard
		if r := rank[phase]; r < newest[p] && phases[p][phase] == 1 {
			o.Disorder++
			say("%s: %s of %s came after a later phase", x.service, phase, x.target)
		} else {
			newest[p] = max(newest[p], r)
		}
	}
	o.Accepted, o.Resolved = len(l.fired), len(l.resolved)
	l.missing(o, phases, say)
	if l.stuck != "" {
		o.Problems = append(o.Problems, l.stuck)
	}
	l.check(o)
}

// missing counts what was accepted and is neither told nor in a digest.
func (l *life) missing(o *outcome, phases map[place]map[string]int, say func(string, ...any)) {
	digests, digested := l.digested()
	for t := range l.fired {
		for _, service := range names {
			got := phases[place{service, t}]
			told := digests[digested[service+" "+t]]
			if told {
				o.Digested++
			}
			switch {
			case got["firing"] == 0 && !told:
				o.Lost++
				say("%s never had %s", service, t)
			case got["firing"] > 0 && got["resolved"] == 0 && l.resolved[t] && !told:
				o.ResolveLost++
				say("%s never had the end of %s", service, t)
			}
		}
	}
}

// digested returns the keys of digests that the services had, and which digest
// told of a target at a service, by the closed incidents.
func (l *life) digested() (had map[string]bool, by map[string]string) {
	had, by = map[string]bool{}, map[string]string{}
	for _, x := range l.s.seen {
		if x.digest && x.incident != "" { // Slack's carries none that the fake shows: see below
			had[x.incident] = true
		}
	}
	files, _ := filepath.Glob(l.state() + "/incidents/closed/*.json")
	for _, name := range files {
		f, ok := read(name)
		if !ok {
			continue
		}
		for sink, d := range f.Sinks {
			if d.Digest != "" {
				by[sink+" "+f.First.Target] = d.Digest
				if strings.HasPrefix(sink, "slack") { // its digest carries no id that the fake shows: the receipt is the promise
					had[d.Digest] = true
				}
			}
		}
	}
	return had, by
}

// check runs `firewatch outbox check`.
func (l *life) check(o *outcome) {
	out, _ := exec.Command(l.c.binary, "outbox", "check", "--json", "--state-dir", l.state()).Output()
	var list []struct{ Path, Problem string }
	_ = json.Unmarshal(out, &list)
	for _, p := range list {
		if strings.HasPrefix(p.Path, "incidents/quarantine/") {
			o.HalfWritten++
			continue
		}
		o.Problems = append(o.Problems, p.Path+": "+p.Problem)
	}
}
