package sns

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
)

const topic = "arn:aws:sns:eu-west-1:123456789012:alerts"

// answered is SNS's error answer.
func answered(status int, code string) alerttest.Answer {
	return alerttest.Answer{Status: status, Header: map[string]string{"Content-Type": "text/xml"}, Body: "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>"}
}

// The SDK reads credentials from the environment, which is the process's: these
// tests set it once and do not run in parallel with others that do.
func credentials(t *testing.T, secret string) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CA_BUNDLE", "")
}

func TestConformance(t *testing.T) {
	credentials(t, "xoxb-c4n4ry-5ecr3t-0f-the-5u1te")
	c := suite(topic + ".fifo")
	c.Key = func(r alerttest.Request) string {
		v, _ := url.ParseQuery(string(r.Body))
		return v.Get("MessageDeduplicationId")
	}
	for _, complaint := range alerttest.Check(c) { // not Run: its cases are parallel, and t.Setenv is not
		t.Error(complaint)
	}
}

func suite(arn string) alerttest.Config {
	return alerttest.Config{
		New: func(s *alerttest.Server) (alert.Sink, error) {
			sink, err := New(Config{Name: "topic", Topic: arn, Endpoint: s.URL})
			if err == nil { // reading the SDK's configuration is no part of a request's time
				_, err = sink.connect(context.Background())
			}
			return sink, err
		},
		Success: func(alerttest.Request) alerttest.Answer {
			return alerttest.Answer{Header: map[string]string{"Content-Type": "text/xml"}, Body: "<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>"}
		},
		Retryable:   []alerttest.Answer{answered(500, "InternalError"), answered(503, "ServiceUnavailable")},
		Throttled:   []alerttest.Answer{answered(400, "Throttling"), answered(400, "ThrottledException")},
		Credentials: []alerttest.Answer{answered(403, "ExpiredToken"), answered(403, "AuthorizationError"), answered(404, "NotFound"), answered(403, "InvalidClientTokenId")},
		Permanent:   []alerttest.Answer{answered(400, "InvalidParameter"), answered(400, "ParameterValueInvalid")},
	}
}

func TestLimitsOfTheService(t *testing.T) {
	credentials(t, "secret")
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	for _, arn := range []string{topic, topic + ".fifo"} {
		s, err := New(Config{Name: "topic", Topic: arn, Endpoint: fake.URL})
		if err != nil {
			t.Fatal(err)
		}
		a := alerttest.Alert(alert.PhaseFiring)
		a.Summary = "line\nbreak ünïcode " + strings.Repeat("x", 400)
		for range 3000 {
			a.Members = append(a.Members, alert.Member{Rule: "r", Summary: strings.Repeat("y", 100)})
		}
		for range 2 {
			if _, err := s.Send(t.Context(), a, alert.Receipt{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := fake.Messages()
	if len(got) != 4 || got[1].Repeat || !got[3].Repeat {
		t.Fatalf("%d messages; a FIFO topic knows the repeat, a standard one does not", len(got))
	}
	if m := got[3]; m.GroupID == "" || m.Attributes["severity"] == "" || !strings.HasPrefix(m.Subject, "[firewatch] ") {
		t.Errorf("%+v", m)
	}
}

func TestNoCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	s, err := New(Config{Name: "topic", Topic: topic, Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(t.Context(), alerttest.Alert(alert.PhaseFiring), alert.Receipt{}); !errors.Is(err, alert.ErrCredentials) {
		t.Errorf("without credentials: %v", err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for arn, good := range map[string]bool{topic: true, topic + ".fifo": true, "alerts": false, "arn:aws:sqs:eu-west-1:123456789012:q": false, "arn:aws-cn:sns:cn-north-1:123456789012:a": true} {
		if f := (Config{Name: "a", Topic: arn}).Validate(); (len(f) == 0) != good {
			t.Errorf("%s: %v", arn, f)
		}
	}
}
