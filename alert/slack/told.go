package slack

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/firewatch-agent/firewatch/alert"
)

// memo is what the sink remembers of an incident: the message to edit, and what
// was said aloud. With all members told it has about 700 bytes; the outbox keeps
// 1 KiB.
type memo struct {
	Channel string `json:"c"`
	TS      string `json:"t"`
	Worst   int    `json:"w,omitempty"` // rank of the greatest severity told; 0 in memos of before this was kept
	Told    string `json:"m,omitempty"` // members told that are critical still, each as 8 hex digits
	Content string `json:"h,omitempty"` // of the last alert, to know a reminder by
}

const maxTold = 64 // critical members; further ones are told again rather than never

// move is what to do with an alert.
type move int

// The moves. Only posts and replies notify.
const (
	post  move = iota // a new message
	edit              // the incident's message, silently
	reply             // edit it, and say it in its thread and in the channel
)

// decide chooses the move, with the reason that a reply shows and the critical
// members that are new. It is a function of the alert and of what was told.
//
//	no message yet, a digest, the first alert  → post
//	a higher severity, a new critical member,
//	or one that was well and is back           → reply
//	the same again (the route's repeat)        → reply
//	progress, resolved                         → edit
func decide(a alert.Alert, m memo) (move, string, []alert.Member) {
	if m.TS == "" || m.Channel == "" || a.Phase == alert.PhaseFiring || a.Phase == alert.PhaseDigest {
		return post, "", nil
	}
	if a.State == alert.Resolved || m.Worst == 0 {
		return edit, "", nil
	}
	var fresh []alert.Member
	for _, x := range criticals(a) {
		said := digits(x, "")
		if s := again(x); s != "" {
			said = digits(x, s)
		}
		if !strings.Contains(m.Told, said) {
			fresh = append(fresh, x)
		}
	}
	switch {
	case a.Severity.Rank() > m.Worst:
		return reply, "Now " + string(a.Severity), fresh
	case len(fresh) > 0:
		return reply, "Also critical", fresh
	case m.Content == content(a):
		return reply, "Still " + string(a.Severity), nil
	}
	return edit, "", nil
}

// told is the memo after a was said.
func (m memo) told(a alert.Alert) memo {
	m.Worst, m.Content = max(m.Worst, a.Severity.Rank()), content(a)
	m.Told = "" // what is well again is told when it comes back
	for _, x := range criticals(a) {
		if len(m.Told) < 8*maxTold {
			m.Told += digits(x, "")
		}
		if s := again(x); s != "" && len(m.Told) < 8*maxTold {
			m.Told += digits(x, s)
		}
	}
	return m
}

func (m memo) receipt(id string) (alert.Receipt, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: encode memo: %w", alert.ErrPermanent, err)
	}
	return alert.Receipt{ID: id, Memo: b}, nil
}

// recall reads the memo of the incident's last alert; one that cannot be read is
// none.
func recall(last alert.Receipt) memo {
	var m memo
	if json.Unmarshal(last.Memo, &m) != nil {
		return memo{}
	}
	return m
}

// criticals are the members that are critical and fire. An incident with one
// member does not list it.
func criticals(a alert.Alert) []alert.Member {
	var out []alert.Member
	if len(a.Members) == 0 && a.Severity == alert.Critical && a.State == alert.Firing {
		out = append(out, alert.Member{Rule: a.Rule, Target: a.Target, Summary: a.Summary})
	}
	for _, m := range a.Members {
		if m.Severity == alert.Critical && m.State == alert.Firing {
			out = append(out, m)
		}
	}
	return out
}

// again is since when a member is there again, where its summary says so; else "".
// The detector may not have said that it was well in between.
func again(m alert.Member) string {
	if s, _, ok := strings.Cut(m.Summary, ": "); ok && strings.HasPrefix(s, alert.AgainSince) {
		return s
	}
	return ""
}

func digits(m alert.Member, again string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(m.Rule + "\x00" + m.Target + "\x00" + again))
	return fmt.Sprintf("%08x", h.Sum32())
}

// content tells a reminder, which repeats the last alert, from progress.
func content(a alert.Alert) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%v\x00%v", a.Severity, a.State, a.Summary, a.Value, a.Members)
	return fmt.Sprintf("%016x", h.Sum64())
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
