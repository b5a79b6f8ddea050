//go:build e2e

package sns

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
)

// TestAgainstFauxqs: a queue that subscribes to the topic receives firing and
// resolved; on a FIFO topic once each, even where each request is repeated.
func TestAgainstFauxqs(t *testing.T) {
	endpoint := os.Getenv("FIREWATCH_FAUXQS")
	if endpoint == "" {
		t.Fatal("FIREWATCH_FAUXQS is not set: run this by .ci/fauxqs")
	}
	for _, c := range []struct {
		name   string
		fifo   bool
		repeat int
	}{{"alerts", false, 1}, {"alerts.fifo", true, 2}} {
		t.Run(c.name, func(t *testing.T) {
			arn, queue, sqsClient := subscribe(t, endpoint, c.name, c.fifo)
			s, err := New(Config{Name: "topic", Topic: arn, Endpoint: endpoint})
			if err != nil {
				t.Fatal(err)
			}
			for _, phase := range []string{alert.PhaseFiring, alert.PhaseResolved} {
				for range c.repeat {
					if _, err := s.Send(t.Context(), alerttest.Alert(phase), alert.Receipt{}); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := receive(t, sqsClient, queue)
			if len(got) != 2 || got[0].State == got[1].State || got[0].Schema != alert.Schema {
				t.Fatalf("%d messages: %+v", len(got), got)
			}
			if c.fifo && (got[0].State != alert.Firing || got[1].State != alert.Resolved) {
				t.Errorf("out of order: %s, %s", got[0].Phase, got[1].Phase)
			}
		})
	}
}

// subscribe makes a topic and a queue that gets its messages raw.
func subscribe(t *testing.T, endpoint, name string, fifo bool) (topicARN, queueURL string, q *sqs.Client) {
	t.Helper()
	cfg, err := awsclient.Load(t.Context(), "us-east-1", "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.BaseEndpoint = aws.String(endpoint)
	n, q := sns.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	topicAttributes, queueAttributes := map[string]string{}, map[string]string{}
	if fifo {
		topicAttributes["FifoTopic"], queueAttributes["FifoQueue"] = "true", "true"
	}
	topic, err := n.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String(name), Attributes: topicAttributes})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := q.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q-" + name), Attributes: queueAttributes})
	if err != nil {
		t.Fatal(err)
	}
	at, err := q.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String(at.Attributes["QueueArn"]), Attributes: map[string]string{"RawMessageDelivery": "true"}})
	if err != nil {
		t.Fatal(err)
	}
	return *topic.TopicArn, *queue.QueueUrl, q
}

// receive takes messages until a poll of two seconds brings none.
func receive(t *testing.T, q *sqs.Client, queue string) []alert.Alert {
	t.Helper()
	var out []alert.Alert
	for {
		got, err := q.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(queue), MaxNumberOfMessages: 10, WaitTimeSeconds: 2})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Messages) == 0 {
			return out
		}
		for _, m := range got.Messages {
			var a alert.Alert
			if err := json.Unmarshal([]byte(*m.Body), &a); err != nil {
				t.Fatalf("the message is not an alert: %s", *m.Body)
			}
			out = append(out, a)
			if _, err := q.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: aws.String(queue), ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
