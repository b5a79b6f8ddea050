package cloudwatch

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
)

func credentials(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "xoxb-c4n4ry-5ecr3t-0f-the-5u1te")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CA_BUNDLE", "")
}

// answered is CloudWatch's error answer.
func answered(status int, code string) alerttest.Answer {
	return alerttest.Answer{Status: status, Header: map[string]string{"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"},
		Body: string(cbor.Encode(cbor.Map{"__type": cbor.String("com.amazonaws.cloudwatch#" + code), "message": cbor.String("no")}))}
}

func TestConformance(t *testing.T) {
	credentials(t)
	for _, complaint := range alerttest.Check(alerttest.Config{
		New: func(s *alerttest.Server) (alert.Sink, error) {
			sink := NewSink(Config{Name: "cw", Region: "eu-west-1", Endpoint: s.URL})
			_, err := sink.conn.get(context.Background()) // reading the SDK's configuration is no part of a request's time
			return sink, err
		},
		Success: func(alerttest.Request) alerttest.Answer {
			return alerttest.Answer{Header: map[string]string{"Smithy-Protocol": "rpc-v2-cbor", "X-Amzn-Requestid": "r-1"}}
		},
		Retryable:   []alerttest.Answer{answered(500, "InternalServiceFault"), answered(503, "ServiceUnavailable")},
		Throttled:   []alerttest.Answer{answered(400, "ThrottlingException"), answered(400, "LimitExceededFault")},
		Credentials: []alerttest.Answer{answered(403, "ExpiredTokenException"), answered(403, "AccessDeniedException")},
		Permanent:   []alerttest.Answer{answered(400, "InvalidParameterValueException")},
	}) {
		t.Error(complaint)
	}
}

// TestStateGoesUpAndDown through the fake, which is strict about dimensions.
func TestStateGoesUpAndDown(t *testing.T) {
	credentials(t)
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	s := NewSink(Config{Name: "cw", Region: "eu-west-1", Endpoint: fake.URL})
	a := alerttest.Alert(alert.PhaseFiring)
	a.Host, a.Target = "hôst", ": :/mnt/\x01x "
	if _, err := s.Send(t.Context(), a, alert.Receipt{}); err != nil {
		t.Fatal(err)
	}
	a.Phase, a.State = alert.PhaseResolved, alert.Resolved
	if _, err := s.Send(t.Context(), a, alert.Receipt{}); err != nil {
		t.Fatal(err)
	}
	d := fake.Data()
	if len(d) != 2 || d[0].Value != 1 || d[1].Value != 0 || d[0].Metric != StateMetric || d[0].Dimensions["rule"] != a.Rule || d[0].Dimensions["target"] != "/mnt/?x" {
		t.Errorf("%+v", d)
	}
}

func frames(p *Publisher, start time.Time, n int, every time.Duration) {
	for i := range n {
		p.Record(collect.Frame{Time: start.Add(time.Duration(i) * every), Elapsed: every, Samples: []collect.Sample{
			{Metric: "cpu_usage_active", Value: float64(i % 50)},
			{Metric: "cpu_usage_active", Target: "cpu0", Value: 99},
			{Metric: "diskio_read_bytes", Target: "sda", Value: 100, Dims: []collect.Label{{Name: "name", Value: "sda"}}},
			{Metric: "system_load1", Value: float64(i)},
		}})
	}
}

var units = []collect.Metric{{Name: "cpu_usage_active", Unit: "Percent"}, {Name: "diskio_read_bytes", Unit: "Bytes/Second"}, {Name: "system_load1", Unit: "Count"}}

// TestPublisher: one datum per series and minute, values with counts, disk I/O
// as the sum of the minute, a statistic set beyond 150 values.
func TestPublisher(t *testing.T) {
	credentials(t)
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	p := NewPublisher(Config{Name: "cw", Region: "eu-west-1", Endpoint: fake.URL, Metrics: []string{"cpu_usage_active", "diskio_read_bytes", "system_load1"}}, "h1", units, nil)
	start := time.Now().Truncate(time.Minute).Add(-10 * time.Minute)
	frames(p, start, 241, 250*time.Millisecond)
	for p.sendOldest(t.Context()) {
	}
	byName := map[string]awsfake.Datum{}
	for _, d := range fake.Data() {
		byName[d.Metric] = d
	}
	if len(byName) != 3 || fake.Requests() != 1 {
		t.Fatalf("%d series in %d requests: %+v", len(byName), fake.Requests(), fake.Data())
	}
	cpu, disk, load := byName["cpu_usage_active"], byName["diskio_read_bytes"], byName["system_load1"]
	n := 0.0
	for _, c := range cpu.Counts {
		n += c
	}
	if n != 240 || len(cpu.Values) != 50 || cpu.Unit != "Percent" || cpu.Dimensions["host"] != "h1" {
		t.Errorf("cpu: %+v", cpu)
	}
	if disk.Value != 6000 || disk.Unit != "Bytes" || disk.Dimensions["name"] != "sda" {
		t.Errorf("disk: %+v, want 100 bytes/s × 60 s", disk)
	}
	if load.Statistics["SampleCount"] != 240 || load.Statistics["Maximum"] != 239 || load.Statistics["Minimum"] != 0 {
		t.Errorf("load: %+v", load)
	}
}

// TestPublisherKeepsWhatCannotBeSent: an outage of three minutes is sent after it,
// one refused batch does not hold up the others, and the backlog is bounded.
func TestPublisherKeepsWhatCannotBeSent(t *testing.T) {
	credentials(t)
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	p := NewPublisher(Config{Name: "cw", Region: "eu-west-1", Endpoint: fake.URL, Metrics: []string{"cpu_usage_active"}}, "h1", units, nil)
	fake.Fail(func(string) (int, http.Header, string) { return 503, nil, "ServiceUnavailable" })
	start := time.Now().Truncate(time.Minute).Add(-50 * time.Minute)
	frames(p, start, 4, time.Minute)
	if p.sendOldest(t.Context()) || len(p.waiting) != 3 {
		t.Fatalf("%d batches wait, want 3", len(p.waiting))
	}
	fake.Fail(nil)
	for p.sendOldest(t.Context()) {
	}
	if got := len(fake.Data()); got != 3 {
		t.Errorf("%d data after the outage, want 3", got)
	}
	frames(p, start.Add(-10*time.Hour), 100, time.Minute)
	if len(p.waiting) > maxWaiting {
		t.Errorf("%d batches wait, at most %d", len(p.waiting), maxWaiting)
	}
}
