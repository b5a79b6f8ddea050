package detect

import (
	"testing"

	"github.com/firewatch-agent/firewatch/alert"
)

// TestUnusual: the scores are those of the newest verdicts, quiet ones too.
func TestUnusual(t *testing.T) {
	t.Parallel()
	bound := alert.Number(0.7)
	d := &Detector{rules: []Rule{&Threshold{}, &Anomaly{}, &Anomaly{verdict: []Verdict{{Level: OK, Target: "disk", Value: 0.5, Threshold: &bound}}}}}
	got := d.Unusual()
	if len(got) != 1 || got[0].Target != "disk" || *got[0].Value != 0.5 || *got[0].Threshold != bound {
		t.Errorf("%+v", got)
	}
}
