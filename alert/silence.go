package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Silence keeps the alerts that match from being told, until its end. An
// incident that began meanwhile and still fires then is told; one that ended
// before it was told is cancelled and counted. Who heard "firing" hears
// "resolved", silence or not.
type Silence struct {
	ID       string            `json:"id"`                 // 8 hex digits
	Rule     string            `json:"rule,omitempty"`     // * stands for any text; "" = any
	Target   string            `json:"target,omitempty"`   // so too
	Severity Severity          `json:"severity,omitempty"` // this one alone; "" = any
	Labels   map[string]string `json:"labels,omitempty"`   // all of these; * stands for any text
	From     time.Time         `json:"from"`
	Until    time.Time         `json:"until"`
	By       string            `json:"by,omitempty"`
	Comment  string            `json:"comment,omitempty"`
}

const (
	silencesFile = "silences.json"
	maxSilences  = 500
	maxSilence   = 366 * 24 * time.Hour
)

// ErrUnknownSilence says that no silence in force has that id.
var ErrUnknownSilence = errors.New("no silence has this id")

// AddSilence puts a silence in force until s.Until. ID and From are filled in.
// The error wraps [ErrInvalid], [ErrFull] (500 are in force) or
// [ErrNotDurable]; in the last case the silence is in force all the same.
func (o *Outbox) AddSilence(ctx context.Context, s Silence) (Silence, error) {
	s.From, s.Until = time.Now().UTC().Round(0), s.Until.UTC().Round(0)
	s.By, s.Comment = cut(s.By, maxName), cut(s.Comment, maxName)
	switch {
	case !s.Until.After(s.From):
		return s, fmt.Errorf("%w: the silence would end before it begins", ErrInvalid)
	case s.Until.Sub(s.From) > maxSilence:
		return s, fmt.Errorf("%w: a silence lasts at most 366 days", ErrInvalid)
	case s.Severity != "" && s.Severity.Rank() == 0:
		return s, fmt.Errorf("%w: severity %q: use info, warning or critical", ErrInvalid, s.Severity)
	case s.Rule == "" && s.Target == "" && s.Severity == "" && len(s.Labels) == 0:
		return s, fmt.Errorf("%w: say what to silence; rule * silences everything", ErrInvalid)
	case len(s.Rule) > maxName || len(s.Target) > maxName || len(s.Labels) > maxList:
		return s, fmt.Errorf("%w: the silence is too long", ErrInvalid)
	}
	s.ID = newID()[:8]
	o.mu.Lock()
	o.expire(s.From)
	if len(o.silences) >= maxSilences {
		o.mu.Unlock()
		return s, fmt.Errorf("add silence: %w: %d are in force", ErrFull, maxSilences)
	}
	o.silences = append(o.silences, s)
	return s, o.saveSilences(ctx, s.By, "silence-add", s)
}

// RemoveSilence ends a silence.
func (o *Outbox) RemoveSilence(ctx context.Context, id, by string) error {
	o.mu.Lock()
	i := slices.IndexFunc(o.silences, func(s Silence) bool { return s.ID == id })
	if i < 0 {
		o.mu.Unlock()
		return fmt.Errorf("remove silence: %w", ErrUnknownSilence)
	}
	s := o.silences[i]
	o.silences = slices.Delete(o.silences, i, i+1)
	return o.saveSilences(ctx, cut(by, maxName), "silence-remove", s)
}

// saveSilences puts a change in force and waits until it is on disk. It is
// called with mu held and gives it up.
func (o *Outbox) saveSilences(ctx context.Context, by, action string, s Silence) error {
	b, err := json.MarshalIndent(o.silences, "", " ")
	o.audit(by, action, s)
	o.quiet(time.Now())
	o.wake()
	o.mu.Unlock()
	if err != nil {
		return fmt.Errorf("encode silences: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, putWait)
	defer cancel()
	return o.saveBlob(ctx, &o.silenceFile, append(b, '\n'))
}

// Silences lists the silences in force, the one that ends first first.
func (o *Outbox) Silences() []Silence {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expire(time.Now())
	out := append([]Silence{}, o.silences...)
	slices.SortFunc(out, func(a, b Silence) int { return a.Until.Compare(b.Until) })
	return out
}

// SetMaintenance sets the maintenance windows that hold from now on.
func (o *Outbox) SetMaintenance(configs []MaintenanceConfig) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.windows = windows(configs)
	o.quiet(time.Now())
	o.wake()
}

// mute is a silence or an open maintenance window.
type mute struct {
	id   string
	hits func(rule, target string, severity Severity, labels map[string]string) bool
}

// expire forgets silences that are over. mu is held.
func (o *Outbox) expire(now time.Time) {
	o.silences = slices.DeleteFunc(o.silences, func(s Silence) bool { return !now.Round(0).Before(s.Until) })
}

// quiet works out what is muted now; a change wakes those that deliver. It is
// called every second: silences and windows go by the calendar, not by boot
// time. mu is held.
func (o *Outbox) quiet(now time.Time) {
	o.expire(now)
	var mutes []mute
	for _, s := range o.silences {
		mutes = append(mutes, mute{s.ID, s.hits})
	}
	for _, w := range o.windows {
		if w.open(now) {
			mutes = append(mutes, mute{w.id, w.hits})
		}
	}
	same := slices.EqualFunc(mutes, o.mutes, func(a, b mute) bool { return a.id == b.id })
	o.mutes = mutes
	if !same {
		o.opt.Log.Info("silences and maintenance windows in force changed", "in_force", len(mutes))
		o.wake()
	}
}

func (s Silence) hits(rule, target string, severity Severity, labels map[string]string) bool {
	if s.Rule != "" && !wild(s.Rule, rule) || s.Target != "" && !wild(s.Target, target) || s.Severity != "" && s.Severity != severity {
		return false
	}
	for k, p := range s.Labels {
		if v, ok := labels[k]; !ok || !wild(p, v) {
			return false
		}
	}
	return true
}

func (w *window) hits(rule, target string, severity Severity, labels map[string]string) bool {
	return w.match.matches(&Alert{Rule: rule, Target: target, Severity: severity, Labels: labels})
}

// muted returns what mutes an incident now, "" = nothing. All that fires of it
// must match: a member that joined and is not silenced is told. mu is held.
func (o *Outbox) muted(r *record) string {
	if len(o.mutes) == 0 || r.digest() {
		return ""
	}
	a := r.newest()
	for _, m := range o.mutes {
		all := m.hits(r.First.Rule, r.First.Target, r.Worst, a.Labels)
		for _, member := range a.Members {
			all = all && (member.State != Firing || m.hits(member.Rule, member.Target, member.Severity, a.Labels))
		}
		if all {
			return m.id
		}
	}
	return ""
}

// wild reports whether s matches a pattern in which * stands for any text and
// nothing else is special: targets are full of slashes and brackets.
func wild(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return true
}

// loadSilences reads what is in force. A damaged file is quarantined: then
// nothing is silenced.
func (o *Outbox) loadSilences() {
	if _, err := o.disk.root().Lstat(silencesFile); err != nil {
		return
	}
	b, err := readFile(o.disk.root(), silencesFile, 4<<20)
	var list []Silence
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		o.quarantine(silencesFile, fmt.Errorf("decode silences: %w", err))
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.silences = list[:min(len(list), maxSilences)]
	o.quiet(time.Now())
}
