package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/firewatch-agent/firewatch/alert"
)

// TestFresh: a message counts for a fault that begins in it if a member is new, is
// there again since another time than was told, or a series is named for the first
// time.
func TestFresh(t *testing.T) {
	t.Parallel()
	disk := func(summary string, state alert.State) alert.Member {
		return alert.Member{Rule: "disk", State: state, Summary: summary}
	}
	other := alert.Member{Rule: "memory", State: alert.Firing, Summary: "memory: full"}
	message := func(summary string, members ...alert.Member) told {
		return told{Alert: alert.Alert{Rule: "memory", State: alert.Firing, Summary: summary, Members: members}}
	}
	messages := []told{
		message("new alone"),
		message("not new: as it was"),
		message("new member", other, disk("disk: slow", alert.Firing)),
		message("not new: as it was", other, disk("disk: slow", alert.Firing)),
		message("new: again", other, disk("again since 12:01 UTC: disk: slow", alert.Firing)),
		message("not new: told", other, disk("again since 12:01 UTC: disk: slower", alert.Firing)),
		message("not new: well", other, disk("again since 12:01 UTC: disk: slower", alert.Resolved)),
		message("new: again after that", other, disk("again since 12:09 UTC: disk: slower", alert.Firing)),
	}
	messages[1].Alert.Causes = []alert.Cause{{Metric: "mem_used"}}
	messages[1].Alert.Summary = "new: mem_used 7"
	var got, want []string
	for _, m := range fresh(messages) {
		got = append(got, m.Alert.Summary)
	}
	for _, m := range messages {
		if strings.HasPrefix(m.Alert.Summary, "new") {
			want = append(want, m.Alert.Summary)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	alone := []told{message("disk: slow"), message("disk: slow"), message("again since 12:01 UTC: disk: slow"), message("again since 12:01 UTC: disk: slow")}
	if n := len(fresh(alone)); n != 2 {
		t.Errorf("alone: %d of 4", n)
	}
}
