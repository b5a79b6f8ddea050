package cloudwatch

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Rule is a threshold rule that CloudWatch is to mirror, in its own language.
type Rule struct {
	Name, Metric, Target string
	Statistic            string // avg, min, max, sum, p1 to p99
	Period               time.Duration
	Comparison           string // >, >=, <, <=
	Threshold            float64
	Periods, ToAlarm     int    // evaluation periods and datapoints to alarm
	Missing              string // as TreatMissingData
	Summary              string
}

var (
	statistics  = map[string]types.Statistic{"avg": types.StatisticAverage, "min": types.StatisticMinimum, "max": types.StatisticMaximum, "sum": types.StatisticSum}
	comparisons = map[string]types.ComparisonOperator{">": types.ComparisonOperatorGreaterThanThreshold, ">=": types.ComparisonOperatorGreaterThanOrEqualToThreshold,
		"<": types.ComparisonOperatorLessThanThreshold, "<=": types.ComparisonOperatorLessThanOrEqualToThreshold}
)

const (
	ownerTag    = "firewatch:owner"
	namePrefix  = "firewatch/"
	deadMan     = "dead-man"
	deadMinutes = 3 // a host that is silent for so long is dead
	deadInGroup = 5 // in a group, where hosts come and go
	stampMark   = " [firewatch "
)

// scope is what alarms of this host belong to: the instance, or the host's name.
func (n *naming) scope() string {
	if id := clean(n.ids[instanceDimension]); id != "" {
		return id
	}
	return clean(n.host)
}

// alarms makes the alarms that the rules and the dead-man ask for. problems says
// what cannot be mirrored, and why.
func (n *naming) alarms(rules []Rule, c *choice, seen []collect.Sample) (out []*cloudwatch.PutMetricAlarmInput, problems []string) {
	for _, r := range rules {
		if _, own := derived[r.Metric]; own || summed(r.Metric) && r.Statistic != "avg" && r.Statistic != "sum" {
			problems = append(problems, fmt.Sprintf("rule %s: CloudWatch has %s as sums of a minute: only avg and sum can be mirrored", r.Name, r.Metric))
			continue
		}
		found := false
		for i := range seen {
			s := &seen[i]
			if s.Metric != r.Metric || !matches(r.Target, s.Target, seen, r.Metric) {
				continue
			}
			found = true
			switch {
			case !c.wanted(s.Metric, s.Target):
				problems = append(problems, fmt.Sprintf("rule %s: %s is not published; add it to metrics", r.Name, strings.TrimSuffix(s.Metric+":"+s.Target, ":")))
			case r.Period < time.Minute && !c.high(s.Metric, s.Target):
				problems = append(problems, fmt.Sprintf("rule %s: a period of %s needs %s in high_resolution", r.Name, r.Period, s.Metric))
			default:
				out = append(out, n.mirror(r, s, summed(s.Metric)))
			}
		}
		if !found {
			problems = append(problems, fmt.Sprintf("rule %s: this host has no %s", r.Name, r.Metric))
		}
	}
	if c.wanted(UpMetric, "") {
		out = append(out, n.deadMan())
	} else {
		problems = append(problems, UpMetric+" is not published: no alarm notices a dead host; add it to metrics")
	}
	return out, problems
}

// matches is how a rule picks its series: by its target, without one the host's
// own, and all where the host has none of its own.
func matches(target, series string, seen []collect.Sample, metric string) bool {
	if target == "" {
		return series == "" || !slices.ContainsFunc(seen, func(s collect.Sample) bool { return s.Metric == metric && s.Target == "" })
	}
	return conf.Glob(target, series)
}

func (n *naming) mirror(r Rule, s *collect.Sample, total bool) *cloudwatch.PutMetricAlarmInput {
	name := namePrefix + n.scope() + "/" + r.Name
	if s.Target != "" {
		name += "/" + clean(s.Target)
	}
	in := n.put(name, r.Summary)
	in.Namespace, in.MetricName = aws.String(n.cfg.namespace()), aws.String(r.Metric)
	in.Dimensions = list(n.of(r.Metric, s.Dims)[0])
	in.Period = aws.Int32(int32(r.Period / time.Second))
	in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(int32(r.Periods)), aws.Int32(int32(r.ToAlarm))
	in.Threshold, in.ComparisonOperator, in.TreatMissingData = aws.Float64(r.Threshold), comparisons[r.Comparison], aws.String(r.Missing)
	if in.Statistic = statistics[r.Statistic]; in.Statistic == "" {
		in.ExtendedStatistic = aws.String(r.Statistic)
	}
	if total && r.Statistic == "avg" {
		in.Threshold = aws.Float64(r.Threshold * normalStep.Seconds()) // the datum is the sum of a minute
	}
	stamp(in)
	return in
}

// deadMan is the alarm that notices a dead agent or host: in an Auto Scaling group
// one for all, which compares the hosts that report with those in service; else one
// for this host. No data is an alarm.
func (n *naming) deadMan() *cloudwatch.PutMetricAlarmInput {
	group := clean(n.ids[groupDimension])
	if group == "" {
		in := n.put(namePrefix+n.scope()+"/"+deadMan, "firewatch on "+n.scope()+" says nothing: the agent or the host is dead")
		in.Namespace, in.MetricName, in.Dimensions = aws.String(n.cfg.namespace()), aws.String(UpMetric), list(n.of(UpMetric, nil)[0])
		in.Statistic, in.Period, in.EvaluationPeriods, in.DatapointsToAlarm = types.StatisticSum, aws.Int32(60), aws.Int32(deadMinutes), aws.Int32(deadMinutes)
		in.Threshold, in.ComparisonOperator, in.TreatMissingData = aws.Float64(1), types.ComparisonOperatorLessThanThreshold, aws.String("breaching")
		stamp(in)
		return in
	}
	in := n.put(namePrefix+group+"/"+deadMan, "fewer hosts of "+group+" report by firewatch than are in service")
	metric := func(id, namespace, name, statistic string) types.MetricDataQuery {
		return types.MetricDataQuery{Id: aws.String(id), ReturnData: aws.Bool(false), MetricStat: &types.MetricStat{Period: aws.Int32(60), Stat: aws.String(statistic),
			Metric: &types.Metric{Namespace: aws.String(namespace), MetricName: aws.String(name), Dimensions: list(map[string]string{groupDimension: group})}}}
	}
	in.Metrics = []types.MetricDataQuery{metric("up", n.cfg.namespace(), UpMetric, "Sum"), metric("inservice", "AWS/AutoScaling", "GroupInServiceInstances", "Average"),
		{Id: aws.String("silent"), Expression: aws.String("inservice - FILL(up, 0)"), Label: aws.String("hosts in service that do not report"), ReturnData: aws.Bool(true)}}
	in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(deadInGroup), aws.Int32(deadInGroup)
	in.Threshold, in.ComparisonOperator, in.TreatMissingData = aws.Float64(0.5), types.ComparisonOperatorGreaterThanThreshold, aws.String("breaching")
	stamp(in)
	return in
}

// put is what all alarms have.
func (n *naming) put(name, description string) *cloudwatch.PutMetricAlarmInput {
	owner, _, _ := strings.Cut(strings.TrimPrefix(name, namePrefix), "/")
	return &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String(name[:min(len(name), 255)]), AlarmDescription: aws.String(description), ActionsEnabled: aws.Bool(true),
		AlarmActions: n.cfg.AlarmActions, OKActions: n.cfg.AlarmActions, Tags: []types.Tag{{Key: aws.String(ownerTag), Value: aws.String(owner)}}}
}

// stamp puts a fingerprint of the alarm at the end of its description, so that a
// change by hand can be told from one of the configuration.
func stamp(in *cloudwatch.PutMetricAlarmInput) {
	in.AlarmDescription = aws.String(aws.ToString(in.AlarmDescription) + stampMark + fingerprint(fields(in)) + "]")
}

// stamped is the fingerprint that a description carries.
func stamped(description string) string {
	_, mark, _ := strings.Cut(description, stampMark)
	return strings.TrimSuffix(mark, "]")
}

func fingerprint(f map[string]string) string {
	h := fnv.New32a()
	for _, k := range slices.Sorted(maps.Keys(f)) {
		if k != "description" {
			_, _ = fmt.Fprintf(h, "%s=%s\n", k, f[k]) // a hash takes everything
		}
	}
	return fmt.Sprintf("%08x", h.Sum32())
}

// fields are the settings of an alarm in words, for comparing and showing.
func fields(in *cloudwatch.PutMetricAlarmInput) map[string]string {
	whole := func(v *int32) string { return strconv.Itoa(int(aws.ToInt32(v))) }
	dims := func(list []types.Dimension) string {
		var parts []string
		for _, d := range list {
			parts = append(parts, aws.ToString(d.Name)+"="+aws.ToString(d.Value))
		}
		slices.Sort(parts)
		return strings.Join(parts, ",")
	}
	f := map[string]string{
		"description": aws.ToString(in.AlarmDescription), "actions": strings.Join(in.AlarmActions, ","), "ok_actions": strings.Join(in.OKActions, ","),
		"actions_enabled": strconv.FormatBool(aws.ToBool(in.ActionsEnabled)), "namespace": aws.ToString(in.Namespace), "metric": aws.ToString(in.MetricName),
		"dimensions": dims(in.Dimensions), "statistic": string(in.Statistic) + aws.ToString(in.ExtendedStatistic), "period": whole(in.Period),
		"evaluation_periods": whole(in.EvaluationPeriods), "datapoints_to_alarm": whole(in.DatapointsToAlarm), "comparison": string(in.ComparisonOperator),
		"threshold": strconv.FormatFloat(aws.ToFloat64(in.Threshold), 'g', -1, 64), "missing": aws.ToString(in.TreatMissingData),
	}
	for _, m := range in.Metrics {
		text := aws.ToString(m.Expression)
		if s := m.MetricStat; s != nil && s.Metric != nil {
			text = fmt.Sprintf("%s of %s/%s{%s} over %s", aws.ToString(s.Stat), aws.ToString(s.Metric.Namespace), aws.ToString(s.Metric.MetricName), dims(s.Metric.Dimensions), whole(s.Period))
		}
		f["metrics."+aws.ToString(m.Id)] = text
	}
	return f
}
