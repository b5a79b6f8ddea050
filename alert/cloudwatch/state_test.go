package cloudwatch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
)

// told are the states that the fake has, from the datum numbered from.
func told(fake *awsfake.Server, from int) string {
	var out []string
	for _, d := range fake.Data()[from:] {
		if d.Metric == StateMetric {
			out = append(out, fmt.Sprintf("%s%s=%g", d.Dimensions["rule"], d.Dimensions["target"], d.Value))
		}
	}
	slices.Sort(out)
	return fmt.Sprint(out)
}

// TestStateOfEachMember: an alarm on the rule of a member works, not only one on
// the rule that the incident is called by; the whole incident is one request.
func TestStateOfEachMember(t *testing.T) {
	credentials(t)
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	s := NewSink(Config{Name: "cw", Region: "eu-west-1", Endpoint: fake.URL})
	members := func(disk, io alert.State) []alert.Member {
		return []alert.Member{{Rule: "disk", Target: "/", State: disk}, {Rule: "io", State: io}}
	}
	for _, c := range []struct {
		phase   string
		state   alert.State
		members []alert.Member
		want    string
	}{
		{alert.PhaseFiring, alert.Firing, nil, "[disk/=1]"},
		{"update-1", alert.Firing, members(alert.Firing, alert.Firing), "[disk/=1 io=1]"},
		{"update-2", alert.Firing, members(alert.Resolved, alert.Firing), "[disk/=0 io=1]"},
		{alert.PhaseResolved, alert.Resolved, members(alert.Resolved, alert.Firing), "[disk/=0 io=0]"},
		{alert.PhaseDigest, alert.Resolved, members(alert.Firing, alert.Resolved), "[disk/=1 io=0]"},
	} {
		a := alerttest.Alert(alert.PhaseFiring)
		a.Rule, a.Target, a.Phase, a.State, a.Members = "disk", "/", c.phase, c.state, c.members
		if c.phase == alert.PhaseDigest {
			a.Rule, a.Target = alert.PhaseDigest, ""
		}
		data, requests := len(fake.Data()), fake.Requests()
		if _, err := s.Send(t.Context(), a, alert.Receipt{}); err != nil {
			t.Fatal(err)
		}
		if got := told(fake, data); got != c.want || fake.Requests() != requests+1 {
			t.Errorf("%s: %s in %d requests, want %s in one", c.phase, got, fake.Requests()-requests, c.want)
		}
	}
}

// TestStateIsRepeatedEachMinute: an alarm on a member's rule that wants three
// minutes of it goes off while it fires and back when it ends, and a request that
// is repeated changes neither.
func TestStateIsRepeatedEachMinute(t *testing.T) {
	var firing []alert.Member
	p, fake := publisher(t, Config{Metrics: []string{}}, Options{Firing: func() []alert.Member { return firing }})
	start := minute(20)
	for k, v := range map[string]cbor.Value{
		"Namespace": cbor.String("CWAgent"), "MetricName": cbor.String(StateMetric), "Statistic": cbor.String("Maximum"), "Period": cbor.Float64(60),
		"Dimensions":        cbor.List{cbor.Map{"Name": cbor.String("host"), "Value": cbor.String("h1")}, cbor.Map{"Name": cbor.String("rule"), "Value": cbor.String("io")}},
		"EvaluationPeriods": cbor.Float64(3), "DatapointsToAlarm": cbor.Float64(3), "Threshold": cbor.Float64(1),
		"ComparisonOperator": cbor.String("GreaterThanOrEqualToThreshold"), "TreatMissingData": cbor.String("notBreaching"),
	} {
		fake.EditAlarm("io", k, v)
	}
	both := []alert.Member{{Rule: "disk", Target: "/"}, {Rule: "io"}, {Rule: "io"}}
	want := map[int]string{1: "[disk/=1 io=1]", 3: "[disk/=1 io=1]", 4: "[disk/=0 io=1]", 5: "[io=0]", 6: "[]"}
	for m := range 7 {
		firing = map[int][]alert.Member{1: both, 2: both, 3: both, 4: {{Rule: "io"}}}[m]
		from := len(fake.Data())
		for sec := range 60 {
			p.Record(collect.Frame{Time: start.Add(time.Duration(m)*time.Minute + time.Duration(sec)*time.Second), Elapsed: time.Second})
		}
		p.sendAll(t.Context())
		if m == 0 {
			continue
		}
		fake.Evaluate(start.Add(time.Duration(m) * time.Minute))
		if w, ok := want[m]; ok && told(fake, from) != w {
			t.Errorf("minute %d: %s, want %s", m, told(fake, from), w)
		}
		if state := fake.Alarms()["io"]; (state == awsfake.StateAlarm) != (m == 3 || m == 4) {
			t.Errorf("minute %d: the alarm on the member's rule is %s", m, state)
		}
	}
	for _, d := range fake.Data() {
		if !d.Single {
			t.Errorf("%+v: a state is one value, so that a repeat changes no statistic", d)
		}
	}
	if fake.Requests() != 5 {
		t.Errorf("%d requests for five minutes with states, want 5", fake.Requests())
	}
}
