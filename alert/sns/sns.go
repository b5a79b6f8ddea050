// Package sns delivers alerts to an Amazon SNS topic, standard or FIFO.
//
// The message is the alert as JSON (schema 1); severity, state, rule, phase and
// host are message attributes, for filter policies. On a FIFO topic the alert's
// key is the de-duplication id and the incident the group, so that SNS itself drops
// a repeat within five minutes and keeps the order of an incident.
package sns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Config is one [[sink.sns]].
type Config struct {
	Name     string `toml:"name"`
	Topic    string `toml:"topic"`    // ARN; the region is taken from it
	Endpoint string `toml:"endpoint"` // of a VPC endpoint or a test server; default AWS's own
	Profile  string `toml:"profile"`  // of the shared config; default the SDK's default chain
}

var topicForm = regexp.MustCompile(`^arn:aws[a-z-]*:sns:([a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$`)

// Validate reports what is wrong.
func (c Config) Validate() []conf.Fault {
	faults := conf.ValidateSinkName(c.Name)
	if !topicForm.MatchString(c.Topic) {
		faults = append(faults, conf.Fault{Path: "topic", Problem: fmt.Sprintf("topic %q is not the ARN of an SNS topic", c.Topic), Hint: `write for example "arn:aws:sns:eu-west-1:123456789012:alerts"`})
	}
	return append(faults, conf.ValidateEndpoint(c.Endpoint)...)
}

// Limits of Publish (SNS API reference).
const (
	maxMessage = 248 << 10 // 256 KiB with the attributes, which are below 8
	maxSubject = 99        // "must be less than 100 characters"
)

// Sink publishes to one topic. Its client is made with the first alert: looking
// for credentials can take seconds and must not delay the start.
type Sink struct {
	cfg    Config
	region string
	fifo   bool
	mu     sync.Mutex
	client *sns.Client
}

// New makes the sink; it talks to nobody yet.
func New(c Config) (*Sink, error) {
	m := topicForm.FindStringSubmatch(c.Topic)
	if m == nil {
		return nil, fmt.Errorf("make sink %s: topic %q is not the ARN of an SNS topic", c.Name, c.Topic)
	}
	return &Sink{cfg: c, region: m[1], fifo: m[2] != ""}, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.cfg.Name }

func (s *Sink) connect(ctx context.Context) (*sns.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	cfg, err := awsclient.Load(ctx, s.region, s.cfg.Profile)
	if err != nil {
		return nil, err
	}
	s.client = sns.NewFromConfig(cfg, func(o *sns.Options) {
		if s.cfg.Endpoint != "" {
			o.BaseEndpoint = aws.String(s.cfg.Endpoint)
		}
	})
	return s.client, nil
}

// Send implements alert.Sink.
func (s *Sink) Send(ctx context.Context, a alert.Alert, _ alert.Receipt) (alert.Receipt, error) {
	client, err := s.connect(ctx)
	if err != nil {
		return alert.Receipt{}, err
	}
	body, err := message(a)
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: %w", alert.ErrPermanent, err)
	}
	in := &sns.PublishInput{TopicArn: aws.String(s.cfg.Topic), Message: aws.String(body), Subject: aws.String(subject(a)), MessageAttributes: attributes(a)}
	if s.fifo {
		in.MessageDeduplicationId = aws.String(a.Key)
		in.MessageGroupId = aws.String(a.Incident)
	}
	out, err := client.Publish(ctx, in)
	if err != nil {
		return alert.Receipt{}, awsclient.Class(ctx, "publish", err)
	}
	if aws.ToString(out.MessageId) == "" {
		return alert.Receipt{}, errors.New("publish: SNS answered without a message id")
	}
	return alert.Receipt{ID: *out.MessageId}, nil
}

// message is the alert's JSON within SNS's limit: what explains goes before what
// says.
func message(a alert.Alert) (string, error) {
	cuts := []func(){
		func() {},
		func() { a.Members = nil },
		func() { a.Culprits, a.Causes = nil, nil },
		func() { a.Labels = nil },
		func() {
			a.Summary, a.Target = human.Clean(a.Summary, 1000), human.Clean(a.Target, 1000)
			a.Host, a.SilenceCommand = human.Clean(a.Host, 250), ""
		},
	}
	for _, cut := range cuts {
		cut()
		b, err := json.Marshal(a)
		if err != nil {
			return "", fmt.Errorf("encode alert: %w", err)
		}
		if len(b) <= maxMessage {
			return string(b), nil
		}
	}
	return "", errors.New("encode alert: larger than SNS takes, 256 KiB")
}

// subject is what a mail shows: ASCII, one line, shorter than 100 characters.
func subject(a alert.Alert) string {
	word := strings.ToUpper(string(a.Severity))
	if a.State == alert.Resolved {
		word = "RESOLVED"
	}
	var b strings.Builder
	for _, r := range fmt.Sprintf("[firewatch] %s %s: %s", word, a.Host, a.Summary) {
		if r < 32 || r > 126 {
			r = '?'
		}
		if b.Len() == maxSubject {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// attributes are for filter policies; an empty value is not allowed.
func attributes(a alert.Alert) map[string]types.MessageAttributeValue {
	out := map[string]types.MessageAttributeValue{}
	for name, v := range map[string]string{"severity": string(a.Severity), "state": string(a.State), "phase": a.Phase, "rule": a.Rule, "host": a.Host} {
		if v = human.Clean(v, 200); v != "" {
			out[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(v)}
		}
	}
	return out
}

// Check asks for the topic's attributes, which needs credentials and a topic
// that is there; nothing is published.
func (s *Sink) Check(ctx context.Context) error {
	client, err := s.connect(ctx)
	if err != nil {
		return err
	}
	if _, err := client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: aws.String(s.cfg.Topic)}); err != nil {
		return awsclient.Class(ctx, "get topic attributes", err)
	}
	return nil
}
