package cloudwatch

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
)

// StateMetric is the metric that Sink keeps: 1 while a rule fires on a target,
// 0 when it ended. Its dimensions are host, rule and target; never an incident's
// id, since each value of a dimension is a metric that costs.
const StateMetric = "firewatch_alert_state"

// Sink sends the state of alerts.
type Sink struct {
	conn connection
}

// NewSink makes the sink; it talks to nobody yet.
func NewSink(c Config) *Sink { return &Sink{connection{cfg: c}} }

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.conn.cfg.Name }

// Send implements alert.Sink. The datum carries the time of its sending: a state
// that is delivered late is still the state now.
func (s *Sink) Send(ctx context.Context, a alert.Alert, _ alert.Receipt) (alert.Receipt, error) {
	value := 1.0
	if a.State == alert.Resolved {
		value = 0
	}
	id, err := s.put(ctx, StateMetric, value, dimensions("host", a.Host, "rule", a.Rule, "target", a.Target))
	if err != nil {
		return alert.Receipt{}, err
	}
	return alert.Receipt{ID: id}, nil
}

// Check puts one value of the metric firewatch_check, which needs the permission
// that alerts need: CloudWatch has no request that only asks.
func (s *Sink) Check(ctx context.Context) error {
	_, err := s.put(ctx, "firewatch_check", 1, nil)
	return err
}

// put sends one value and returns CloudWatch's request id.
func (s *Sink) put(ctx context.Context, metric string, value float64, dims []types.Dimension) (string, error) {
	client, err := s.conn.get(ctx)
	if err != nil {
		return "", err
	}
	out, err := client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{
		Namespace: aws.String(s.conn.cfg.namespace()),
		MetricData: []types.MetricDatum{{
			MetricName: aws.String(metric), Unit: types.StandardUnitNone, Value: aws.Float64(value),
			Dimensions: dims,
		}},
	})
	if err != nil {
		return "", awsclient.Class(ctx, "put metric data", err)
	}
	id, ok := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	if !ok || id == "" { // CloudWatch gives one with every answer: this is somebody else's 200
		return "", errors.New("put metric data: the answer is not CloudWatch's: does a login page stand between?")
	}
	return id, nil
}

// dimensions makes a list of name, value, name, value …; empty values are left
// out, and what CloudWatch does not allow in one is replaced.
func dimensions(pairs ...string) []types.Dimension {
	var out []types.Dimension
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := clean(pairs[i+1]); v != "" {
			out = append(out, types.Dimension{Name: aws.String(pairs[i]), Value: aws.String(v)})
		}
	}
	return out
}
