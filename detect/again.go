package detect

import (
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// What was well for a while and is bad again before it counted as resolved goes on
// in its incident. That it is there again is an update, unless it was told of
// shortly before; the wait doubles with each time, so that what comes and goes all
// day is told of a few times.

const (
	wellFor    = time.Minute     // less, and it was never well
	againAfter = 2 * time.Minute // since it was told of; doubles each time
	againMost  = 9               // times that it doubles: to 17 h
)

// comeBack notes that e, whose phase becomes next, was well for a while and is not
// any more.
func (e *entry) comeBack(next phase, clock time.Duration) {
	if e.Phase == clearing && next == firing && (e.untold() || clock-e.Well >= wellFor) {
		e.Back = clock
	}
}

// untold is whether e came back since it was told of.
func (e *entry) untold() bool { return e.Back > max(e.Began, e.Told) }

// again is whether that is to be told now: of the targets of one rule that come back
// within seconds, the first at once and the rest together.
func (e *entry) again(clock time.Duration) bool {
	return e.untold() && clock-max(e.Began, e.Told) >= againAfter<<min(e.Times, againMost) &&
		!slices.ContainsFunc(e.incident.members, func(m *entry) bool { return m.Rule == e.Rule && m.Told < clock && clock-m.Told < updateEvery })
}

// renew has e, whose alert was made anew, told of at once.
func (d *Detector) renew(e *entry) {
	e.incident.Owed = true
	e.incident.unsaid(e)
	since, back := d.clock, e.untold()
	if back {
		since = e.Back
		e.Times++
	}
	e.Told = d.clock
	d.name(e, since, back)
}

// name has e's alert say that it is there again, and since when, where it came back or
// one of its incident was of the same: of an anomaly, of the same series.
func (d *Detector) name(e *entry, since time.Duration, back bool) {
	inc, s := e.incident, e.about()
	if back && e.Alert.Metric != RankMetric || slices.Contains(inc.Named, s) {
		e.Alert.Summary = alert.AgainSince + d.now.Add(since-d.clock).UTC().Format("15:04") + " UTC: " + e.Alert.Summary
		return
	}
	inc.Named = append(inc.Named, s)
	inc.Named = inc.Named[max(0, len(inc.Named)-maxMembers):]
}

// about is e and what its alert names first.
func (e *entry) about() string {
	s := name(e.Rule, e.Target)
	if c := e.Alert.Causes; len(c) > 0 {
		s += ": " + name(c[0].Metric, c[0].Target)
	}
	return s
}

// since says that e is there again, and since when, where its alert does and it still
// is; else "".
func (e *entry) since() string {
	s, _, _ := strings.Cut(e.Alert.Summary, ": ")
	if !strings.HasPrefix(s, alert.AgainSince) || e.Phase != firing {
		return ""
	}
	return " " + s
}

// summary is that of its alert, which says no longer that it is there again once it is
// well.
func (e *entry) summary() string {
	if e.Phase != firing {
		return once(e.Alert.Summary)
	}
	return e.Alert.Summary
}

// once is a summary that does not say that it is there again.
func once(summary string) string {
	if s, rest, ok := strings.Cut(summary, ": "); ok && strings.HasPrefix(s, alert.AgainSince) {
		return rest
	}
	return summary
}
