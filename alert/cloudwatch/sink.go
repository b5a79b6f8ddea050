package cloudwatch

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
)

// Sink sends the state of alerts.
type Sink struct {
	conn connection
}

// NewSink makes the sink; it talks to nobody yet.
func NewSink(c Config) *Sink { return &Sink{connection{cfg: c}} }

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.conn.cfg.Name }

// Send implements alert.Sink: one request with the state of every member of the
// incident. It carries the time of its sending: a state that is delivered late is
// still the state now.
func (s *Sink) Send(ctx context.Context, a alert.Alert, _ alert.Receipt) (alert.Receipt, error) {
	order, value := states(a)
	data := make([]types.MetricDatum, 0, len(order))
	for _, k := range order {
		data = append(data, stateDatum(a.Host, k, value[k], time.Time{}))
	}
	id, err := s.put(ctx, data)
	if err != nil {
		return alert.Receipt{}, err
	}
	return alert.Receipt{ID: id}, nil
}

// Check puts one value of the metric firewatch_check, which needs the permission
// that alerts need: CloudWatch has no request that only asks.
func (s *Sink) Check(ctx context.Context) error {
	_, err := s.put(ctx, []types.MetricDatum{{MetricName: aws.String("firewatch_check"), Unit: types.StandardUnitNone, Value: aws.Float64(1)}})
	return err
}

// put sends the data in one request and returns CloudWatch's request id.
func (s *Sink) put(ctx context.Context, data []types.MetricDatum) (string, error) {
	client, err := s.conn.get(ctx)
	if err != nil {
		return "", err
	}
	out, err := client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String(s.conn.cfg.namespace()), MetricData: data})
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
