package awsfake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// The states of an alarm.
const (
	StateOK           = "OK"
	StateAlarm        = "ALARM"
	StateInsufficient = "INSUFFICIENT_DATA"
)

// alarm is a metric alarm as it was put.
type alarm struct {
	spec  cbor.Map // as PutMetricAlarm gave it, without tags
	tags  map[string]string
	state string
	since time.Time
}

const arnPrefix = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:"

// The members of PutMetricAlarm that this fake takes: another one is a mistake
// that AWS would answer too, or work for whoever needs it.
var alarmMembers = []string{"AlarmName", "AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions", "MetricName", "Namespace", "Statistic",
	"ExtendedStatistic", "Dimensions", "Period", "Unit", "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "Metrics", "Tags"}

// putMetricAlarm holds the documented limits of PutMetricAlarm (CloudWatch API
// reference). Tags count for a new alarm only.
func (s *Server) putMetricAlarm(in cbor.Map) *refusal {
	name := text(in["AlarmName"])
	if why := wrongAlarm(in); why != "" {
		return &refusal{"ValidationError", name + ": " + why}
	}
	a := &alarm{spec: cbor.Map{}, tags: map[string]string{}, state: StateInsufficient, since: s.clock()}
	if old := s.alarms[name]; old != nil {
		a.tags, a.state, a.since = old.tags, old.state, old.since
	} else {
		tags, _ := in["Tags"].(cbor.List)
		for _, t := range tags {
			m, _ := t.(cbor.Map)
			a.tags[text(m["Key"])] = text(m["Value"])
		}
	}
	maps.Copy(a.spec, in)
	delete(a.spec, "Tags")
	if a.spec["ActionsEnabled"] == nil {
		a.spec["ActionsEnabled"] = cbor.Bool(true)
	}
	s.alarms[name] = a
	return nil
}

func wrongAlarm(in cbor.Map) string {
	for k := range in {
		if !slices.Contains(alarmMembers, k) {
			return "member " + k + " is not known"
		}
	}
	name, periods := text(in["AlarmName"]), number(in["EvaluationPeriods"])
	metrics, math := in["Metrics"].(cbor.List)
	tags, _ := in["Tags"].(cbor.List)
	switch {
	case name == "" || len(name) > 255:
		return "AlarmName has 1 to 255 characters"
	case len(text(in["AlarmDescription"])) > 1024:
		return "AlarmDescription has at most 1024 characters"
	case periods < 1:
		return "EvaluationPeriods is required"
	case number(in["DatapointsToAlarm"]) > periods:
		return "DatapointsToAlarm is at most EvaluationPeriods"
	case !slices.Contains([]string{"GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"}, text(in["ComparisonOperator"])):
		return "ComparisonOperator"
	case !slices.Contains([]string{"", "missing", "ignore", "breaching", "notBreaching"}, text(in["TreatMissingData"])):
		return "TreatMissingData"
	case len(tags) > 50:
		return "at most 50 tags"
	case in["Threshold"] == nil:
		return "Threshold is required"
	}
	for _, list := range []string{"AlarmActions", "OKActions"} {
		if l, _ := in[list].(cbor.List); len(l) > 5 {
			return list + " has at most 5 actions"
		}
	}
	if math {
		return wrongMetrics(in, metrics, periods)
	}
	if (text(in["Statistic"]) == "") == (text(in["ExtendedStatistic"]) == "") {
		return "exactly one of Statistic and ExtendedStatistic"
	}
	return wrongSource(in, number(in["Period"]), periods)
}

// wrongSource checks the series and period of an alarm or of a MetricStat.
func wrongSource(m cbor.Map, period, periods float64) string {
	dims, _ := m["Dimensions"].(cbor.List)
	whole := period == float64(int(period)) && int(period)%60 == 0 && period > 0
	switch {
	case text(m["Namespace"]) == "" || text(m["MetricName"]) == "":
		return "Namespace and MetricName are required"
	case len(dims) > maxDimensions:
		return "at most 30 dimensions"
	case period != 10 && period != 20 && period != 30 && !whole:
		return fmt.Sprintf("Period %g is not 10, 20, 30 or a multiple of 60", period)
	case period*periods > 7*24*3600 || period < 3600 && period*periods > 24*3600:
		return "EvaluationPeriods × Period is at most a day, or seven with periods of an hour"
	}
	return ""
}

func wrongMetrics(in cbor.Map, metrics cbor.List, periods float64) string {
	returned := 0
	if in["MetricName"] != nil || in["Period"] != nil || in["Statistic"] != nil {
		return "Metrics excludes MetricName, Period and Statistic"
	}
	for _, item := range metrics {
		m, _ := item.(cbor.Map)
		if b, given := m["ReturnData"].(cbor.Bool); !given || bool(b) {
			returned++
		}
		stat, simple := m["MetricStat"].(cbor.Map)
		if simple == (text(m["Expression"]) != "") {
			return "exactly one of MetricStat and Expression"
		}
		if simple {
			metric, _ := stat["Metric"].(cbor.Map)
			if why := wrongSource(metric, number(stat["Period"]), periods); why != "" {
				return why
			}
		}
	}
	if returned != 1 {
		return "exactly one of Metrics returns data"
	}
	return ""
}

func (s *Server) describeAlarms(in cbor.Map) (cbor.Value, *refusal) {
	prefix := text(in["AlarmNamePrefix"])
	names, _ := in["AlarmNames"].(cbor.List)
	out := cbor.List{}
	for _, name := range slices.Sorted(maps.Keys(s.alarms)) {
		asked := slices.ContainsFunc(names, func(v cbor.Value) bool { return text(v) == name })
		if !asked && (len(names) > 0 || !strings.HasPrefix(name, prefix)) {
			continue
		}
		m := maps.Clone(s.alarms[name].spec)
		m["AlarmArn"], m["StateValue"] = cbor.String(arnPrefix+name), cbor.String(s.alarms[name].state)
		out = append(out, m)
	}
	// Pages of 100, as the API's MaxRecords allows at most.
	start := 0
	if token := text(in["NextToken"]); token != "" {
		if _, err := fmt.Sscanf(token, "from-%d", &start); err != nil || start > len(out) {
			return nil, &refusal{"InvalidNextToken", token}
		}
	}
	answer := cbor.Map{}
	if end := start + 100; end < len(out) {
		answer["NextToken"] = cbor.String(fmt.Sprintf("from-%d", end))
		out = out[:end]
	}
	answer["MetricAlarms"] = out[start:]
	return answer, nil
}

func (s *Server) deleteAlarms(in cbor.Map) *refusal {
	names, _ := in["AlarmNames"].(cbor.List)
	if len(names) == 0 || len(names) > 100 {
		return &refusal{"ValidationError", "AlarmNames has 1 to 100 names"}
	}
	for _, n := range names {
		if s.alarms[text(n)] == nil {
			return &refusal{"ResourceNotFound", text(n)}
		}
	}
	for _, n := range names {
		delete(s.alarms, text(n))
	}
	return nil
}

func (s *Server) listTags(in cbor.Map) (cbor.Value, *refusal) {
	a := s.alarms[strings.TrimPrefix(text(in["ResourceARN"]), arnPrefix)]
	if a == nil {
		return nil, &refusal{"ResourceNotFoundException", text(in["ResourceARN"])}
	}
	tags := cbor.List{}
	for _, k := range slices.Sorted(maps.Keys(a.tags)) {
		tags = append(tags, cbor.Map{"Key": cbor.String(k), "Value": cbor.String(a.tags[k])})
	}
	return cbor.Map{"Tags": tags}, nil
}

// Alarms maps the names of the alarms to their states.
func (s *Server) Alarms() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for name, a := range s.alarms {
		out[name] = a.state
	}
	return out
}

// EditAlarm changes one member of an alarm, as a person would in the console; a
// nil value takes it away.
func (s *Server) EditAlarm(name, member string, value cbor.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.alarms[name]
	if a == nil {
		a = &alarm{spec: cbor.Map{"AlarmName": cbor.String(name)}, tags: map[string]string{}, state: StateInsufficient}
		s.alarms[name] = a
	}
	if a.spec[member] = value; value == nil {
		delete(a.spec, member)
	}
}

func text(v cbor.Value) string {
	s, _ := v.(cbor.String)
	return string(s)
}

func number(v cbor.Value) float64 {
	f, _ := float(v)
	return f
}
