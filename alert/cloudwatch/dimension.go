package cloudwatch

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firewatch-agent/firewatch/collect"
)

// The dimension that names an Auto Scaling group, and an instance.
const (
	groupDimension    = "AutoScalingGroupName"
	instanceDimension = "InstanceId"
)

// naming gives series their dimensions, as the CloudWatch agent does: what
// append_dimensions says, by default the instance on EC2 and else the host, and
// those of the series itself.
type naming struct {
	cfg  Config
	host string
	// ids are those of the instance by name, empty where there is none. A name
	// whose value is not known is left out.
	ids map[string]string
}

// base are the dimensions that every series of this host has.
func (n *naming) base() map[string]string {
	out := map[string]string{}
	add := func(name, value string) {
		if value = clean(value); value != "" {
			out[name] = value
		}
	}
	if n.cfg.AppendDimensions == nil {
		for _, v := range variables {
			add(v, n.ids[v])
		}
	}
	for name, value := range n.cfg.AppendDimensions {
		if v := variableForm.FindStringSubmatch(value); v != nil {
			value = n.ids[v[1]]
		}
		add(name, value)
	}
	if len(out) == 0 {
		add("host", n.host)
	}
	return out
}

// of are the sets of dimensions under which a series is published: the full one
// first, then those of aggregation_dimensions that it has all names of. The agent's own
// sign of life is there for the Auto Scaling group too.
func (n *naming) of(metric string, own []collect.Label) []map[string]string {
	full := n.base()
	for _, l := range own {
		if v := clean(l.Value); v != "" {
			full[l.Name] = v
		}
	}
	sets := []map[string]string{full}
	add := func(names []string) {
		set := map[string]string{}
		for _, name := range names {
			value := full[name]
			if value == "" {
				return
			}
			set[name] = value
		}
		if !slices.ContainsFunc(sets, func(have map[string]string) bool { return maps.Equal(have, set) }) {
			sets = append(sets, set)
		}
	}
	for _, names := range n.cfg.AggregationDimensions {
		add(names)
	}
	if group := clean(n.ids[groupDimension]); metric == UpMetric && group != "" {
		full := map[string]string{groupDimension: group}
		if !slices.ContainsFunc(sets, func(have map[string]string) bool { return maps.Equal(have, full) }) {
			sets = append(sets, full)
		}
	}
	return sets
}

// list is a set of dimensions in the order of their names.
func list(set map[string]string) []types.Dimension {
	out := make([]types.Dimension, 0, len(set))
	for _, name := range slices.Sorted(maps.Keys(set)) {
		out = append(out, types.Dimension{Name: aws.String(name), Value: aws.String(set[name])})
	}
	return out
}

// clean replaces what CloudWatch does not allow in a dimension's value:
// printable ASCII only, not beginning with a colon, at most 1024 characters.
func clean(value string) string {
	v := strings.Map(func(r rune) rune {
		if r < 32 || r > 126 {
			return '?'
		}
		return r
	}, value)
	v = strings.TrimLeft(v, ": ")
	return strings.TrimRight(v[:min(len(v), 1024)], " ")
}
