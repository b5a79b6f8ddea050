package sns

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
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
	if c.MaxMessage == 0 {
		c.MaxMessage = defaultMessage
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
	m, err := s.compose(a, s.cfg.MaxMessage.Bytes())
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: %w", alert.ErrPermanent, err)
	}
	in := &sns.PublishInput{TopicArn: aws.String(s.cfg.Topic), Message: aws.String(m.body), Subject: m.subject, MessageAttributes: m.attributes, MessageStructure: m.structure,
		MessageDeduplicationId: m.key, MessageGroupId: m.group}
	out, err := client.Publish(ctx, in)
	if err != nil {
		return alert.Receipt{}, awsclient.Class(ctx, "publish", err)
	}
	return receipt(out.MessageId)
}

// receipt is what SNS promises by: the message's id.
func receipt(id *string) (alert.Receipt, error) {
	if aws.ToString(id) == "" {
		return alert.Receipt{}, errors.New("publish: SNS answered without a message id")
	}
	return alert.Receipt{ID: *id}, nil
}

// Check asks for the topic's attributes, which needs credentials and a topic
// that is there; nothing is published.
func (s *Sink) Check(ctx context.Context) error {
	client, err := s.connect(ctx)
	if err != nil {
		return err
	}
	out, err := client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: aws.String(s.cfg.Topic)})
	if err != nil {
		return awsclient.Class(ctx, "get topic attributes", err)
	}
	return s.fits(out.Attributes["MaximumMessageSize"])
}
