package cloudwatch

import (
	"context"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
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
	c := alerttest.Config{
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
	}
	for _, complaint := range append(alerttest.Check(c), alerttest.Unfound(c)...) {
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
	a.Host, a.Target, a.Members = "hôst", ": :/mnt/\x01x ", nil
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
