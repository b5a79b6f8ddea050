package cloudwatch

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"github.com/firewatch-agent/firewatch/internal/awsclient"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Config is one [[sink.cloudwatch]].
type Config struct {
	Name                  string            `toml:"name"`
	Region                string            `toml:"region"`                 // default the SDK's: AWS_REGION, the profile, the instance
	Namespace             string            `toml:"namespace"`              // default CWAgent
	Endpoint              string            `toml:"endpoint"`               // of a VPC endpoint or a test server; default AWS's own
	Profile               string            `toml:"profile"`                // of the shared config
	Metrics               []string          `toml:"metrics"`                // series to publish: "name" or "name:target", with *; default DefaultMetrics; [] = none
	Exclude               []string          `toml:"exclude"`                // not these, in the same form
	HighResolution        []string          `toml:"high_resolution"`        // of those published: every 10 s, in seconds' resolution
	AppendDimensions      map[string]string `toml:"append_dimensions"`      // default InstanceId, ImageId, InstanceType and AutoScalingGroupName on EC2, else host
	AggregationDimensions [][]string        `toml:"aggregation_dimensions"` // each series again with these dimensions only
	AlarmActions          []string          `toml:"alarm_actions"`          // ARNs that `firewatch alarms` gives its alarms
}

// The agent's own metrics, published like others.
const (
	UpMetric    = "firewatch_up"            // 1 a minute from each host: what dead-man alarms watch
	ScoreMetric = "firewatch_anomaly_score" // the greatest score of the anomaly rules, 0 to 1
)

// DefaultMetrics are the series published where the configuration names none:
// few, since each costs about $0.30 a month.
func DefaultMetrics() []string {
	return []string{"cpu_usage_active", "cpu_usage_iowait", "mem_used_percent", "swap_used_percent", "disk_used_percent:/",
		"pressure_cpu_some_avg10", "pressure_io_some_avg10", "pressure_memory_some_avg10", "host_saturation", "netstat_tcp_retrans_percent", ScoreMetric, UpMetric}
}

// OwnMetrics lists what may be published beyond what collectors measure.
func OwnMetrics() []string {
	return append([]string{UpMetric, ScoreMetric}, slices.Sorted(maps.Keys(derived))...)
}

// The bounds of a configuration.
const (
	maxSeries  = 500
	maxActions = 5 // of an alarm (PutMetricAlarm)
)

var (
	namespaceForm = regexp.MustCompile(`^[0-9A-Za-z._/#:-]{1,255}$`)
	dimensionForm = regexp.MustCompile(`^[!-9;-~][ -~]{0,254}$`) // printable ASCII, not beginning with a colon
	variableForm  = regexp.MustCompile(`^\$\{aws:(\w+)\}$`)
)

// variables are what append_dimensions may name, as with the CloudWatch agent.
var variables = []string{"InstanceId", "ImageId", "InstanceType", "AutoScalingGroupName"}

// Validate reports what is wrong.
func (c Config) Validate() []conf.Fault {
	faults := conf.ValidateSinkName(c.Name)
	add := func(path, problem, hint string) {
		faults = append(faults, conf.Fault{Path: path, Problem: problem, Hint: hint})
	}
	if c.Namespace != "" && (strings.HasPrefix(c.Namespace, "AWS/") || !namespaceForm.MatchString(c.Namespace)) {
		add("namespace", fmt.Sprintf("namespace %q is not allowed", c.Namespace), "1 to 255 of A-Z a-z 0-9 . - _ / # :, not beginning with AWS/")
	}
	if len(c.Metrics) > maxSeries {
		add("metrics", fmt.Sprintf("%d metrics, at most %d", len(c.Metrics), maxSeries), "each costs about $0.30 a month")
	}
	for i, name := range c.HighResolution {
		if metric, _, _ := strings.Cut(name, ":"); summed(metric) || derived[metric].from != "" {
			add("high_resolution."+strconv.Itoa(i), fmt.Sprintf("%s is published as the sum of a minute", metric), "leave it out")
		}
	}
	for name, value := range c.AppendDimensions {
		v := variableForm.FindStringSubmatch(value)
		switch {
		case !dimensionForm.MatchString(name):
			add("append_dimensions."+name, fmt.Sprintf("%q is no name of a dimension", name), "1 to 255 printable ASCII characters, not beginning with a colon")
		case v != nil && !slices.Contains(variables, v[1]):
			add("append_dimensions."+name, fmt.Sprintf("%s is not known", value), "${aws:…} of "+strings.Join(variables, ", "))
		case value == "" || len(value) > 1024:
			add("append_dimensions."+name, "the value has 1 to 1024 characters", "")
		}
	}
	if len(c.AppendDimensions) > 10 || len(c.AggregationDimensions) > 5 {
		add("append_dimensions", "at most 10 append_dimensions and 5 aggregation_dimensions", "each aggregation is metrics that cost")
	}
	if len(c.AlarmActions) > maxActions {
		add("alarm_actions", fmt.Sprintf("%d actions, at most %d", len(c.AlarmActions), maxActions), "")
	}
	for i, arn := range c.AlarmActions {
		if !strings.HasPrefix(arn, "arn:") {
			add("alarm_actions."+strconv.Itoa(i), fmt.Sprintf("%q is no ARN", arn), `write for example "arn:aws:sns:eu-west-1:123456789012:alerts"`)
		}
	}
	return append(faults, conf.ValidateEndpoint(c.Endpoint)...)
}

func (c Config) namespace() string {
	if c.Namespace == "" {
		return "CWAgent"
	}
	return c.Namespace
}

// published is what the configuration names, or the default.
func (c Config) published() []string {
	if c.Metrics == nil {
		return DefaultMetrics()
	}
	return c.Metrics
}

// connection makes the client when it is first needed: looking for credentials
// and region can take seconds and must not delay the start.
type connection struct {
	cfg    Config
	mu     sync.Mutex
	client *cloudwatch.Client
}

func (c *connection) get(ctx context.Context) (*cloudwatch.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil {
		return c.client, nil
	}
	cfg, err := awsclient.Load(ctx, c.cfg.Region, c.cfg.Profile)
	if err != nil {
		return nil, err
	}
	c.client = cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) {
		if c.cfg.Endpoint != "" {
			o.BaseEndpoint = aws.String(c.cfg.Endpoint)
		}
	})
	return c.client, nil
}
