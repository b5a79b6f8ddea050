package cloudid

import (
	"context"
	"encoding/json"
)

// Kind says what a notice means for the host.
type Kind string

// The kinds, least grave first.
const (
	Risk        Kind = "at risk"     // a rebalance recommendation: it may be taken away
	Stopping    Kind = "stopping"    // it is stopped or hibernated, and comes back
	Terminating Kind = "terminating" // it leaves for good
)

func (k Kind) rank() int {
	return map[Kind]int{Risk: 1, Stopping: 2, Terminating: 3}[k]
}

// Notice is a notice that this host got.
type Notice struct {
	Kind  Kind
	Cause string // in words
}

// notice asks for the three notices and returns the gravest; the zero Notice is
// none. Paths and forms: EC2 user guide, "Spot Instance interruption notices" and
// "rebalance recommendations"; Auto Scaling user guide, "Retrieve the target
// lifecycle state".
func (w *Watcher) notice(ctx context.Context) (Notice, error) {
	var worst Notice
	for _, ask := range []struct {
		path string
		read func(string) Notice
	}{
		{"spot/instance-action", readSpot},
		{"autoscaling/target-lifecycle-state", readLifecycle},
		{"events/recommendations/rebalance", readRebalance},
	} {
		text, err := w.get(ctx, ask.path)
		if err != nil {
			return worst, err
		}
		if n := ask.read(text); n.Kind.rank() > worst.Kind.rank() {
			worst = n
		}
	}
	return worst, nil
}

func readSpot(text string) Notice {
	var in struct {
		Action string `json:"action"`
		Time   string `json:"time"`
	}
	if text == "" || json.Unmarshal([]byte(text), &in) != nil {
		return Notice{}
	}
	switch in.Action {
	case "terminate":
		return Notice{Terminating, "spot interruption"}
	case "stop", "hibernate":
		return Notice{Stopping, "spot interruption (" + in.Action + ")"}
	}
	return Notice{}
}

func readLifecycle(text string) Notice {
	if text == "Terminated" {
		return Notice{Terminating, "the Auto Scaling group terminates it"}
	}
	return Notice{}
}

func readRebalance(text string) Notice {
	var in struct {
		NoticeTime string `json:"noticeTime"`
	}
	if json.Unmarshal([]byte(text), &in) != nil || in.NoticeTime == "" {
		return Notice{}
	}
	return Notice{Risk, "rebalance recommendation"}
}
