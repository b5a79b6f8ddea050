package sns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"pgregory.net/rapid"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
	"github.com/firewatch-agent/firewatch/internal/conf"
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
	for _, complaint := range append(alerttest.Check(c), alerttest.Unfound(c)...) { // not Run: its cases are parallel, and t.Setenv is not
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
	if m := got[3]; m.GroupID == "" || m.Attributes["severity"] == "" || !strings.HasPrefix(m.Subject, "[firewatch] ") || m.Mail != "" {
		t.Errorf("%+v", m)
	}
	if m := got[0]; m.Attributes["truncated"] != "true" || m.Attributes["label.team"] != "web" || !strings.Contains(m.Mail, "how bad    97.5 % (limit 90 %)") || !strings.Contains(m.SMS, "ünïcode") {
		t.Errorf("%+v", m)
	}
}

// TestBatch: each entry has its own outcome, and all are one request.
func TestBatch(t *testing.T) {
	credentials(t, "secret")
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	for _, arn := range []string{topic, topic + ".fifo"} {
		s, err := New(Config{Name: "topic", Topic: arn, Endpoint: fake.URL})
		if err != nil {
			t.Fatal(err)
		}
		var all []alert.Alert
		for i := range maxBatch {
			a := alerttest.Alert(alert.PhaseFiring)
			a.Incident = fmt.Sprintf("%032d", i)
			a.Key = a.Incident + ".firing"
			for range 500 {
				a.Members = append(a.Members, alert.Member{Rule: "r", Summary: strings.Repeat("y", 300)})
			}
			if i == 3 && s.fifo {
				a.Incident = strings.Repeat("x", 129)
			}
			all = append(all, a)
		}
		before, had := fake.Requests(), len(fake.Messages())
		out := s.SendBatch(t.Context(), all)
		for i, o := range out {
			if bad := i == 3 && s.fifo; errors.Is(o.Err, alert.ErrPermanent) != bad || (o.Err == nil) == bad || (o.Receipt.ID == "") != bad {
				t.Errorf("%s, entry %d: %+v", arn, i, o)
			}
		}
		if n := fake.Requests() - before; n != 1 || len(fake.Messages())-had != len(all)-map[bool]int{true: 1}[s.fifo] {
			t.Errorf("%d requests, %d messages", n, len(fake.Messages())-had)
		}
		fake.Fail(func(string) (int, http.Header, string) { return 400, nil, "Throttling" })
		for i, o := range s.SendBatch(t.Context(), all) {
			var slow *alert.ThrottledError
			if !errors.As(o.Err, &slow) {
				t.Errorf("throttled, entry %d: %v", i, o.Err)
			}
		}
		fake.Fail(nil)
	}
}

func TestEntryError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code   string
		sender bool
		class  error
	}{{"InvalidParameter", true, alert.ErrPermanent}, {"AuthorizationError", true, alert.ErrCredentials}, {"InternalError", false, nil}, {"KMSAccessDenied", true, alert.ErrCredentials}} {
		err := entryError(types.BatchResultErrorEntry{Code: aws.String(c.code), SenderFault: c.sender})
		for _, class := range []error{alert.ErrPermanent, alert.ErrCredentials} {
			if errors.Is(err, class) != errors.Is(c.class, class) {
				t.Errorf("%s: %v", c.code, err)
			}
		}
	}
	var slow *alert.ThrottledError
	if err := entryError(types.BatchResultErrorEntry{Code: aws.String("Throttled"), SenderFault: true}); !errors.As(err, &slow) || errors.Is(err, alert.ErrPermanent) {
		t.Error(err)
	}
}

// TestCompose: whatever the alert, the message is within the topic's limit,
// keeps what says what it is, and is text that SNS takes.
func TestCompose(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(leastMessage, 16<<10).Draw(t, "limit")
		s, err := New(Config{Topic: topic + rapid.SampledFrom([]string{"", ".fifo"}).Draw(t, "kind"), MaxMessage: conf.Size(limit)})
		if err != nil {
			t.Fatal(err)
		}
		a := alerttest.Alert(rapid.SampledFrom([]string{"firing", "update-3", "resolved", "digest"}).Draw(t, "phase"))
		n := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\x00\n\u202e", strings.Repeat("ä", 3000), strings.Repeat("\"", 3000), "\xff", ".", "a..b", "🔥"}))
		a.Summary, a.Host, a.Target, a.Rule, a.SilenceCommand = n.Draw(t, "summary"), n.Draw(t, "host"), n.Draw(t, "target"), n.Draw(t, "rule"), n.Draw(t, "silence")
		a.Labels = rapid.MapOfN(rapid.OneOf(n, rapid.StringMatching("[a-z]{1,9}")), n, 0, 30).Draw(t, "labels")
		for range rapid.IntRange(0, 40).Draw(t, "members") {
			a.Members = append(a.Members, alert.Member{Rule: a.Rule, Severity: alert.Info, State: alert.Firing, Summary: a.Summary})
		}
		m, err := s.compose(a, int64(limit))
		if err != nil {
			t.Fatal(err)
		}
		if m.size() > int64(limit) || len(m.attributes) > 10 || !utf8.ValidString(m.body) || utf8.RuneCountInString(*m.subject) >= 100 || strings.ContainsFunc(*m.subject, unicode.IsControl) {
			t.Errorf("%d of %d bytes, %d attributes, subject %q", m.size(), limit, len(m.attributes), *m.subject)
		}
		body := m.body
		if m.structure != nil {
			var texts map[string]string
			if err := json.Unmarshal([]byte(body), &texts); err != nil {
				t.Fatal(err)
			}
			body = texts["default"]
		}
		var back alert.Alert
		if err := json.Unmarshal([]byte(body), &back); err != nil || back.Key != a.Key || back.Severity != a.Severity || back.State != a.State {
			t.Errorf("%v: %s", err, body)
		}
	})
}

func TestMailAndSubject(t *testing.T) {
	t.Parallel()
	a := alerttest.Alert(alert.PhaseResolved)
	a.StartedAt = time.Date(2026, 11, 25, 9, 41, 30, 0, time.UTC)
	a.ResolvedAt = a.StartedAt.Add(41 * time.Minute)
	const want = `RESOLVED web-1: The disk /var/lib/data has room again after 30 s

since      2026-11-25 09:41:30 UTC until 2026-11-25 10:22:30 UTC, 41 min
how bad    97.5 % (limit 90 %)
where      disk_used_percent /var/lib/data
driven by  disk_used_percent /var/lib/data 97.5 % (usually 40 % to 60 %)
who        dd if=/dev/zero (pid 4711, root): 95.4 MiB/s diskio_write_bytes

rule disk-full, incident 0123456789abcdef0123456789abcdef, firewatch 1.2.3
`
	if got := mail(a); got != want {
		t.Errorf("%s", got)
	}
	a.Summary = strings.Repeat("größer ", 30)
	if got := subject(a); utf8.RuneCountInString(got) > maxSubject || !strings.HasPrefix(got, "[firewatch] RESOLVED web-1: größer") {
		t.Errorf("%q", got)
	}
	if got := cutBytes("aäää", 5); got != "a…" {
		t.Errorf("%q is not cut between characters", got)
	}
}

// TestCheckSize: check says where max_message is more than the topic takes.
func TestCheckSize(t *testing.T) {
	credentials(t, "secret")
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	for size, good := range map[conf.Size]bool{0: true, 64 << 10: true, 1 << 20: false} {
		s, err := New(Config{Name: "topic", Topic: topic, Endpoint: fake.URL, MaxMessage: size})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(t.Context()); (err == nil) != good {
			t.Errorf("%s: %v", size, err)
		}
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
	for endpoint, good := range map[string]bool{
		"": true, "http://127.0.0.1:4100": true, "https://sns.eu-west-1.amazonaws.com": true, "https://vpce-1-2.sns.eu-west-1.vpce.amazonaws.com/": true,
		"https://sns.us-east-1.amazonaws.com": false, "https://sns.us-east-1.api.aws/": false, "https://vpce-1-2.sns.us-east-1.vpce.amazonaws.com": false, "https://sns-fips.us-east-1.amazonaws.com:443": false,
	} {
		if f := (Config{Name: "a", Topic: topic, Endpoint: endpoint}).Validate(); (len(f) == 0) != good {
			t.Errorf("endpoint %q: %v", endpoint, f)
		}
	}
}

// TestClientOnFirstNeed: neither making the sink nor a config with a broken
// profile asks the SDK for anything; the first alert does.
func TestClientOnFirstNeed(t *testing.T) {
	credentials(t, "secret")
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	s, err := New(Config{Name: "topic", Topic: topic, Endpoint: fake.URL})
	if err != nil || s.client != nil {
		t.Fatalf("%v: a client before the first alert", err)
	}
	if _, err := s.Send(t.Context(), alerttest.Alert(alert.PhaseFiring), alert.Receipt{}); err != nil || s.client == nil {
		t.Errorf("%v: no client after it", err)
	}
	if _, err := New(Config{Name: "topic", Topic: topic, Profile: "there-is-none"}); err != nil {
		t.Errorf("the profile was looked for at the start: %v", err)
	}
}
