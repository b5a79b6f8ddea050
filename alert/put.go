package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ErrFull is in the chain of the error of a Put that was refused because too
// many incidents are open and none may give way. It is counted; a critical is
// refused at twice the bound only.
var ErrFull = errors.New("too many open incidents")

// Put accepts an alert of the detector. nil means that it is on disk.
//
// The alert belongs to the open incident of its Origin: firing opens one or,
// where one is open, updates it; resolved ends it, and is ignored and counted
// where none is open. Put fills in Schema, Key, Incident, Phase, Host, Labels,
// SilenceCommand and Agent.
//
// Put waits for the disk until ctx ends (5 s without a deadline). If the disk
// fails or is too slow the error wraps [ErrNotDurable]: the alert is delivered
// from memory and written as soon as the disk takes it. Any other error means
// that the alert was not taken.
func (o *Outbox) Put(ctx context.Context, a Alert) error {
	ctx, cancel := context.WithTimeout(ctx, putWait)
	defer cancel()
	o.mu.Lock()
	touched, err := o.change(a, "", nil)
	o.mu.Unlock()
	if err != nil {
		return err
	}
	return o.settle(ctx, touched)
}

// settle waits until the changes are on disk, and lets them be sent either way.
func (o *Outbox) settle(ctx context.Context, touched []*record) error {
	var first error
	for _, r := range touched {
		o.mu.Lock()
		rev := r.must
		o.mu.Unlock()
		if err := o.awaitSaved(ctx, r, rev); err != nil && first == nil {
			first = err
		}
	}
	if first == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stats.NotDurable++
	for _, r := range touched {
		r.heldUntil = time.Time{}
	}
	o.wake()
	return first
}

// idem is the idempotency key of an intake, and the digest of its body.
type idem struct{ key, body string }

// change applies an alert to the incidents and returns those it touched. mu is
// held.
func (o *Outbox) change(a Alert, source string, key *idem) ([]*record, error) {
	a = tidy(a)
	if source == "" {
		a = fit(a)
	}
	if err := check(&a); err != nil {
		o.stats.Refused++
		return nil, err
	}
	origin := source + "\x00" + a.Origin()
	now := time.Now().UTC().Round(0)
	var open []*record
	for _, r := range o.open {
		if r.End == nil && !r.digest() && r.origin() == origin {
			open = append(open, r)
		}
	}
	slices.SortFunc(open, func(a, b *record) int { return a.AcceptedAt.Compare(b.AcceptedAt) })
	if a.State == Resolved {
		if len(open) == 0 {
			o.stats.Ignored++
		}
		for _, r := range open {
			o.resolve(r, a, now, key)
		}
		return open, nil
	}
	if len(open) > 0 {
		o.update(open[0], a, now, key)
		return open[:1], nil
	}
	r, err := o.begin(a, source, now, key)
	if err != nil {
		return nil, err
	}
	return []*record{r}, nil
}

func (r *record) origin() string { return r.Source + "\x00" + r.First.Origin() }

func (o *Outbox) begin(a Alert, source string, now time.Time, key *idem) (*record, error) {
	if len(o.open) >= o.opt.MaxOpen || o.bytes >= o.opt.MaxBytes {
		if err := o.makeRoom(a.Severity); err != nil {
			return nil, err
		}
	}
	r := &record{Schema: recordSchema, ID: newID(), Source: source, AcceptedAt: now, Worst: a.Severity, Sinks: map[string]*delivery{}}
	r.First = o.fill(a, r, PhaseFiring, now)
	o.open[r.ID] = r
	o.stats.Incidents++
	o.accepted(r, &r.First, now, key)
	return r, nil
}

func (o *Outbox) update(r *record, a Alert, now time.Time, key *idem) {
	if a.Severity.Rank() > r.Worst.Rank() {
		r.Worst = a.Severity
	}
	if r.Last != nil && !r.begun(r.Updates) {
		o.stats.Merged++
	}
	r.Updates++
	last := o.fill(a, r, updatePhase(r.Updates), now)
	r.Last = &last
	o.accepted(r, r.Last, now, key)
}

func (o *Outbox) resolve(r *record, a Alert, now time.Time, key *idem) {
	if a.ResolvedAt.IsZero() {
		a.ResolvedAt = now
	}
	if a.Severity == "" {
		a.Severity = r.Worst
	}
	if a.Summary == "" {
		a.Summary = "resolved: " + r.First.Summary
	}
	end := o.fill(a, r, PhaseResolved, now)
	muted := o.muted(r) != ""
	r.End = &end
	r.release()
	o.accepted(r, r.End, now, key)
	n := uint64(r.cancel(muted))
	o.stats.Cancelled += n
	if muted {
		o.stats.Silenced += n
	}
}

// begun reports whether any sink is done with phase n.
func (r *record) begun(n int) bool {
	for _, d := range r.Sinks {
		if at(d.Done) >= n {
			return true
		}
	}
	return false
}

// route adds the sinks that an alert of r goes to.
func (o *Outbox) route(r *record, a *Alert) {
	var chains [][]string
	chains, r.Repeat = routed(a, o.routes, o.names())
	for _, c := range chains {
		if !slices.ContainsFunc(r.Chains, func(have []string) bool { return slices.Equal(have, c) }) {
			r.Chains = append(r.Chains, c)
		}
		for _, name := range c {
			if r.Sinks[name] != nil {
				continue
			}
			d := &delivery{}
			if r.Updates > 0 { // it hears of the incident as it is now, not as it began
				first := *a
				first.Phase, first.Key = PhaseFiring, r.ID+"."+PhaseFiring
				d.First, d.Joined = &first, r.Updates
			}
			r.Sinks[name] = d
		}
	}
}

// accepted routes an incident's newest alert and has it written.
func (o *Outbox) accepted(r *record, a *Alert, now time.Time, key *idem) {
	if a.State == Firing {
		o.route(r, a)
	}
	if key != nil && len(r.Keys) < maxKeys {
		if r.Keys == nil {
			r.Keys = map[string]string{}
		}
		r.Keys[key.key] = key.body
	}
	r.changed = now
	o.stats.Accepted++
	o.touch(r)
	o.hold(r, putWait)
	o.wake()
}

// fill makes a the alert of one phase of r.
func (o *Outbox) fill(a Alert, r *record, phase string, now time.Time) Alert {
	a.Schema, a.Incident, a.Phase = Schema, r.ID, phase
	a.Key = r.ID + "." + phase
	if a.Host == "" {
		a.Host = o.opt.Host
	}
	if len(o.opt.Labels) > 0 {
		labels := maps.Clone(o.opt.Labels)
		maps.Copy(labels, a.Labels)
		a.Labels = labels
	}
	a.Agent = Agent{Version: o.opt.Version, InstallID: o.install.ID}
	if a.StartedAt.IsZero() {
		a.StartedAt = r.First.StartedAt
	}
	if a.StartedAt.IsZero() {
		a.StartedAt = now
	}
	if a.ChangedAt.IsZero() {
		a.ChangedAt = now
	}
	if a.SilenceCommand == "" {
		a.SilenceCommand = silenceCommand(&a)
	}
	return a
}

func silenceCommand(a *Alert) string {
	s := "firewatch silence add --rule " + quote(a.Rule)
	if a.Target != "" {
		s += " --target " + quote(a.Target)
	}
	return s + " --for 2h"
}

// quote makes s one word of a POSIX shell.
func quote(s string) string {
	safe := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:@%+,=", c)
	}
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !safe(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// tidy gives an alert the form that it will have after a restart (UTC, valid
// UTF-8 in what identifies it), and bounds its lists.
func tidy(a Alert) Alert {
	a.Rule, a.Target = string([]rune(a.Rule)), string([]rune(a.Target))
	for _, t := range []*time.Time{&a.StartedAt, &a.ChangedAt, &a.ResolvedAt} {
		*t = t.UTC().Round(0)
	}
	if len(a.Causes) > maxList {
		a.Causes = a.Causes[:maxList]
	}
	if len(a.Culprits) > maxList {
		a.Culprits = a.Culprits[:maxList]
	}
	if len(a.Members) > maxList {
		a.Members = a.Members[:maxList]
	}
	return a
}

// fit shortens an alert of the detector that is longer than 64 KiB: better told
// in few words than not at all.
func fit(a Alert) Alert {
	if b, err := json.Marshal(a); err == nil && len(b) > maxAlertSize {
		a.Causes, a.Culprits, a.Members, a.Labels = nil, nil, nil, nil
		a.Summary = cut(a.Summary, maxAlertSize/8)
	}
	return a
}

// ErrInvalid is in the chain of the error about an alert that cannot be
// accepted by anyone: what it says is wrong.
var ErrInvalid = errors.New("invalid alert")

// check refuses what could not be kept.
func check(a *Alert) error {
	switch {
	case a.Rule == "":
		return fmt.Errorf("%w: rule is empty", ErrInvalid)
	case a.Severity.Rank() == 0 && (a.Severity != "" || a.State == Firing):
		return fmt.Errorf("%w: severity %q: use info, warning or critical", ErrInvalid, a.Severity)
	case a.State != Firing && a.State != Resolved:
		return fmt.Errorf("%w: state %q: use firing or resolved", ErrInvalid, a.State)
	}
	b, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(b) > maxAlertSize {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrInvalid, len(b), maxAlertSize)
	}
	return nil
}
