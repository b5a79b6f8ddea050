package cloudwatch

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
)

var mirrored = []Rule{
	{Name: "cpu-high", Metric: "cpu_usage_active", Statistic: "avg", Period: time.Minute, Comparison: ">", Threshold: 90, Periods: 5, ToAlarm: 3, Missing: "missing", Summary: "busy"},
	{Name: "disk-full", Metric: "disk_used_percent", Target: "*", Statistic: "p99", Period: 5 * time.Minute, Comparison: ">=", Threshold: 95, Periods: 1, ToAlarm: 1, Missing: "notBreaching"},
	{Name: "net-busy", Metric: "net_bytes_recv", Target: "eth0", Statistic: "avg", Period: time.Minute, Comparison: ">", Threshold: 1000, Periods: 1, ToAlarm: 1, Missing: "missing"},
}

var seenSamples = []collect.Sample{
	{Metric: "cpu_usage_active", Dims: []collect.Label{{Name: "cpu", Value: "cpu-total"}}}, {Metric: "cpu_usage_active", Target: "cpu0"},
	{Metric: "disk_used_percent", Target: "/"}, {Metric: "disk_used_percent", Target: "/data"},
	{Metric: "net_bytes_recv", Target: "eth0", Dims: []collect.Label{{Name: "interface", Value: "eth0"}}},
}

func alarms(t *testing.T, ids map[string]string, metrics ...string) (*Alarms, *awsfake.Server) {
	t.Helper()
	credentials(t)
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	c := Config{Name: "cw", Region: "eu-west-1", Endpoint: fake.URL, Metrics: metrics, AlarmActions: []string{"arn:aws:sns:eu-west-1:123456789012:alerts"}}
	return NewAlarms(c, "h1", ids), fake
}

var publishedHere = []string{"cpu_usage_active", "disk_used_percent:*", "net_bytes_recv", UpMetric}

// apply plans and applies, and returns the plan in short and the changing calls.
func apply(t *testing.T, a *Alarms) (string, int) {
	t.Helper()
	changes, problems, err := a.Plan(t.Context(), mirrored, seenSamples)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	calls, err := a.Apply(t.Context(), changes)
	if err != nil {
		t.Fatal(err)
	}
	return short(changes), calls
}

func short(changes []Change) string {
	var out []string
	for _, c := range changes {
		s := c.Verb + " " + c.Name
		if c.Hand {
			s += " by hand " + strings.Join(c.Diff, "; ")
		}
		out = append(out, s)
	}
	return strings.Join(out, "\n")
}

// TestApplyTwice: the second time nothing is changed; what a person edited is
// shown as drift and put right, what a person made is left alone.
func TestApplyTwice(t *testing.T) {
	a, fake := alarms(t, nil, publishedHere...)
	fake.EditAlarm("firewatch/h1/by-hand", "Threshold", cbor.Float64(1))
	first, calls := apply(t, a)
	if calls != 5 || strings.Count(first, "create") != 5 {
		t.Fatalf("%d calls:\n%s", calls, first)
	}
	before := fake.Calls()
	if second, calls := apply(t, a); calls != 0 || strings.Count(second, "keep") != 5 || fake.Calls()["PutMetricAlarm"] != before["PutMetricAlarm"] {
		t.Errorf("the second time %d calls:\n%s", calls, second)
	}
	fake.EditAlarm("firewatch/h1/cpu-high", "Threshold", cbor.Float64(50))
	if third, calls := apply(t, a); calls != 1 || !strings.Contains(third, "update firewatch/h1/cpu-high by hand threshold: 50 → 90") {
		t.Errorf("after an edit by hand %d calls:\n%s", calls, third)
	}
	end, err := a.PlanEnd(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Apply(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	if left := fake.Alarms(); len(left) != 1 || left["firewatch/h1/by-hand"] == "" {
		t.Errorf("after destroy: %v", left)
	}
}

// TestTakenName: an alarm of that name which is not ours is never touched.
func TestTakenName(t *testing.T) {
	a, fake := alarms(t, nil, publishedHere...)
	fake.EditAlarm("firewatch/h1/cpu-high", "Threshold", cbor.Float64(1))
	plan, calls := apply(t, a)
	if calls != 4 || !strings.Contains(plan, "refuse firewatch/h1/cpu-high") {
		t.Errorf("%d calls:\n%s", calls, plan)
	}
}

// TestNotPublished: a rule on a series that is not published says so.
func TestNotPublished(t *testing.T) {
	a, _ := alarms(t, nil, "cpu_usage_active")
	_, problems, err := a.Plan(t.Context(), mirrored, seenSamples)
	if err != nil || len(problems) != 4 {
		t.Errorf("%v: %q, want both disks, the interface and the sign of life", err, problems)
	}
}

// TestMirrorFires: the alarm judges the published data as the rule would.
func TestMirrorFires(t *testing.T) {
	a, fake := alarms(t, nil, publishedHere...)
	apply(t, a)
	p := NewPublisher(a.conn.cfg, Options{Host: "h1", Metrics: units})
	start := minute(10)
	for i := range 6*60 + 1 {
		v := 10.0
		if i >= 120 {
			v = 95
		}
		p.Record(collect.Frame{Time: start.Add(time.Duration(i) * time.Second), Elapsed: time.Second, Samples: []collect.Sample{{Metric: "cpu_usage_active", Value: v, Dims: seenSamples[0].Dims}}})
	}
	p.sendAll(t.Context())
	name := "firewatch/h1/cpu-high"
	fake.Evaluate(start.Add(4 * time.Minute))
	early := fake.Alarms()[name]
	fake.Evaluate(start.Add(5 * time.Minute))
	if late := fake.Alarms()[name]; early != awsfake.StateOK || late != awsfake.StateAlarm {
		t.Errorf("two of five minutes beyond: %s; three: %s", early, late)
	}
}

// TestDeadMan: silence is an alarm, for one host and for a group of three.
func TestDeadMan(t *testing.T) {
	for name, ids := range map[string]map[string]string{"firewatch/h1/dead-man": nil, "firewatch/web/dead-man": {"InstanceId": "i-1", "AutoScalingGroupName": "web"}} {
		a, fake := alarms(t, ids, publishedHere...)
		apply(t, a)
		var hosts []*Publisher
		for i := range 3 {
			o := Options{Host: "h1", Metrics: units}
			if ids != nil {
				own := map[string]string{"InstanceId": "i-" + string(rune('1'+i)), "AutoScalingGroupName": "web"}
				o.Identity = func() (map[string]string, bool) { return own, true }
			} else if i > 0 {
				break
			}
			hosts = append(hosts, NewPublisher(a.conn.cfg, o))
		}
		start := minute(40)
		state := map[int]string{}
		for m := range 31 {
			at := start.Add(time.Duration(m) * time.Minute)
			fake.PutGroupSize("web", at, 3)
			for i, p := range hosts {
				if i == len(hosts)-1 && m >= 11 && m < 20 {
					continue // killed
				}
				p.Record(collect.Frame{Time: at, Elapsed: time.Minute})
				p.sendAll(t.Context())
			}
			fake.Evaluate(at)
			state[m] = fake.Alarms()[name]
		}
		if state[10] != awsfake.StateOK || state[19] != awsfake.StateAlarm || state[28] != awsfake.StateOK {
			t.Errorf("%s: alive %s, killed %s, back %s", name, state[10], state[19], state[28])
		}
	}
}
