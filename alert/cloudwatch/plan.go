package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
)

// Change is one step from the alarms that are there to those that ought to be.
type Change struct {
	Name string   `json:"name"`
	Verb string   `json:"verb"` // create, update, delete, keep, or refuse: the name is taken by an alarm that is not firewatch's
	Diff []string `json:"diff,omitempty"`
	Hand bool     `json:"edited_by_hand,omitempty"` // drift: what is there is not what was applied last

	input *cloudwatch.PutMetricAlarmInput
}

// Alarms keeps the CloudWatch alarms of one host. It touches only those that carry
// its tag.
type Alarms struct {
	conn   connection
	naming naming
	choice choice
}

// NewAlarms makes it for a sink; ids are the instance's, as Options.Identity gives
// them. It talks to nobody yet.
func NewAlarms(c Config, host string, ids map[string]string) *Alarms {
	return &Alarms{conn: connection{cfg: c}, naming: naming{cfg: c, host: host, ids: ids}, choice: c.choice()}
}

// Plan compares the alarms that the rules and the dead-man ask for, for the series
// that seen has, with what is there. problems says what cannot be mirrored.
func (a *Alarms) Plan(ctx context.Context, rules []Rule, seen []collect.Sample) (changes []Change, problems []string, err error) {
	want, problems := a.naming.alarms(rules, &a.choice, seen)
	changes, err = a.compare(ctx, want, a.scopes())
	return changes, problems, err
}

// PlanEnd lists the deletion of all alarms of this host; with group, that of its
// Auto Scaling group's alarm too.
func (a *Alarms) PlanEnd(ctx context.Context, group bool) ([]Change, error) {
	scopes := a.scopes()
	if !group {
		scopes = scopes[:1]
	}
	return a.compare(ctx, nil, scopes)
}

func (a *Alarms) scopes() []string {
	scopes := []string{a.naming.scope()}
	if g := clean(a.naming.ids[groupDimension]); g != "" {
		scopes = append(scopes, g)
	}
	return scopes
}

func (a *Alarms) compare(ctx context.Context, want []*cloudwatch.PutMetricAlarmInput, scopes []string) ([]Change, error) {
	client, err := a.conn.get(ctx)
	if err != nil {
		return nil, err
	}
	there := map[string]types.MetricAlarm{}
	for _, scope := range scopes {
		if err := describe(ctx, client, namePrefix+scope+"/", there); err != nil {
			return nil, err
		}
	}
	var out []Change
	for _, in := range want {
		name := aws.ToString(in.AlarmName)
		have, ok := there[name]
		if !ok {
			out = append(out, Change{Name: name, Verb: "create", Diff: difference(nil, fields(in)), input: in})
			continue
		}
		delete(there, name)
		mine, err := owned(ctx, client, have)
		if err != nil {
			return nil, err
		}
		out = append(out, change(in, have, mine))
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		mine, err := owned(ctx, client, there[name])
		if err != nil {
			return nil, err
		}
		if mine {
			out = append(out, Change{Name: name, Verb: "delete"})
		}
	}
	return out, nil
}

// change says what is to be done with an alarm that is there.
func change(in *cloudwatch.PutMetricAlarmInput, have types.MetricAlarm, mine bool) Change {
	c := Change{Name: aws.ToString(in.AlarmName), Verb: "keep", input: in}
	if !mine {
		c.Verb = "refuse"
		return c
	}
	is := fields(inputOf(have))
	if c.Diff = difference(is, fields(in)); len(c.Diff) > 0 {
		c.Verb = "update"
		c.Hand = fingerprint(is) != stamped(aws.ToString(have.AlarmDescription))
	}
	return c
}

// difference lists the settings that differ, "name: old → new".
func difference(is, want map[string]string) []string {
	all := maps.Clone(want)
	for k := range is {
		if _, ok := all[k]; !ok {
			all[k] = ""
		}
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		switch old, ok := is[k]; {
		case old == all[k]:
		case is == nil:
			if all[k] != "" && all[k] != "0" {
				out = append(out, k+": "+all[k])
			}
		case !ok:
			out = append(out, fmt.Sprintf("%s: none → %s", k, all[k]))
		default:
			out = append(out, fmt.Sprintf("%s: %s → %s", k, old, all[k]))
		}
	}
	return out
}

func describe(ctx context.Context, client *cloudwatch.Client, prefix string, into map[string]types.MetricAlarm) error {
	in := &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String(prefix), AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm}, MaxRecords: aws.Int32(100)}
	for range 100 { // 10 000 alarms of one host are a mistake
		out, err := client.DescribeAlarms(ctx, in)
		if err != nil {
			return awsclient.Class(ctx, "describe alarms", err)
		}
		for _, m := range out.MetricAlarms {
			into[aws.ToString(m.AlarmName)] = m
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return nil
		}
	}
	return fmt.Errorf("describe alarms: more than 10 000 begin with %s", prefix)
}

// owned reports whether an alarm carries the tag of the scope that its name says.
func owned(ctx context.Context, client *cloudwatch.Client, m types.MetricAlarm) (bool, error) {
	out, err := client.ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: m.AlarmArn})
	if err != nil {
		return false, awsclient.Class(ctx, "list tags of "+aws.ToString(m.AlarmName), err)
	}
	scope, _, _ := strings.Cut(strings.TrimPrefix(aws.ToString(m.AlarmName), namePrefix), "/")
	return slices.ContainsFunc(out.Tags, func(t types.Tag) bool { return aws.ToString(t.Key) == ownerTag && aws.ToString(t.Value) == scope }), nil
}

func inputOf(m types.MetricAlarm) *cloudwatch.PutMetricAlarmInput {
	return &cloudwatch.PutMetricAlarmInput{AlarmName: m.AlarmName, AlarmDescription: m.AlarmDescription, ActionsEnabled: m.ActionsEnabled, AlarmActions: m.AlarmActions,
		OKActions: m.OKActions, Namespace: m.Namespace, MetricName: m.MetricName, Dimensions: m.Dimensions, Statistic: m.Statistic, ExtendedStatistic: m.ExtendedStatistic,
		Period: m.Period, EvaluationPeriods: m.EvaluationPeriods, DatapointsToAlarm: m.DatapointsToAlarm, Threshold: m.Threshold, ComparisonOperator: m.ComparisonOperator,
		TreatMissingData: m.TreatMissingData, Metrics: m.Metrics}
}

// CheckDelete tries whether alarms of this host may be deleted, by asking for one
// that nobody has: CloudWatch looks at the permission first.
func (a *Alarms) CheckDelete(ctx context.Context) error {
	client, err := a.conn.get(ctx)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s%s/check-%016x", namePrefix, a.naming.scope(), rand.Uint64())
	_, err = client.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{name}})
	var none *types.ResourceNotFound
	if err == nil || errors.As(err, &none) {
		return nil
	}
	return awsclient.Class(ctx, "delete alarms", err)
}

// Apply makes the changes; what is to be kept or refused is left alone. It returns
// how many requests changed something.
func (a *Alarms) Apply(ctx context.Context, changes []Change) (calls int, err error) {
	client, err := a.conn.get(ctx)
	if err != nil {
		return 0, err
	}
	var gone []string
	for _, c := range changes {
		switch c.Verb {
		case "create", "update":
			calls++
			if _, err := client.PutMetricAlarm(ctx, c.input); err != nil {
				return calls, awsclient.Class(ctx, "put alarm "+c.Name, err)
			}
		case "delete":
			gone = append(gone, c.Name)
		}
	}
	for names := range slices.Chunk(gone, 100) { // of DeleteAlarms
		calls++
		if _, err := client.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: names}); err != nil {
			return calls, awsclient.Class(ctx, "delete alarms", err)
		}
	}
	return calls, nil
}
