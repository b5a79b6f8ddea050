//go:build e2e

package sns

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
)

// TestAgainstFauxqs is SNS and SQS with code that is not ours: run by .ci/fauxqs.
func TestAgainstFauxqs(t *testing.T) {
	endpoint := os.Getenv("FIREWATCH_FAUXQS")
	if endpoint == "" {
		t.Fatal("FIREWATCH_FAUXQS is not set: run this by .ci/fauxqs")
	}
	f := &fauxqs{endpoint: endpoint}
	t.Run("standard", f.standard)
	t.Run("FIFO", f.fifo)
	t.Run("batch", f.batch)
	t.Run("filter by attribute", f.filter)
	t.Run("example poller", f.poller)
}

type fauxqs struct{ endpoint string }

// sink has json_only, since fauxqs knows no MessageStructure: a queue would get
// the texts for all protocols. What SNS itself does with it, awsfake plays.
func (f *fauxqs) sink(t *testing.T, arn string) *Sink {
	t.Helper()
	s, err := New(Config{Name: "topic", Topic: arn, Endpoint: f.endpoint, JSONOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// life sends firing and resolved, each request so often.
func (f *fauxqs) life(t *testing.T, arn string, times int) {
	t.Helper()
	s := f.sink(t, arn)
	for _, phase := range []string{alert.PhaseFiring, alert.PhaseResolved} {
		for range times {
			if _, err := s.Send(t.Context(), alerttest.Alert(phase), alert.Receipt{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func states(got []alert.Alert) string {
	var out []string
	for _, a := range got {
		out = append(out, string(a.State))
	}
	return strings.Join(out, " ")
}

// standard: a queue with raw delivery gets the alert as JSON.
func (f *fauxqs) standard(t *testing.T) {
	arn, queue, q := f.subscribe(t, "alerts", false, nil)
	f.life(t, arn, 1)
	got := receive(t, q, queue)
	if slices.SortFunc(got, func(a, b alert.Alert) int { return strings.Compare(a.Phase, b.Phase) }); states(got) != "firing resolved" || got[0].Schema != alert.Schema {
		t.Errorf("%+v", got)
	}
}

// fifo: once each and in order, also where each request is repeated within five
// minutes.
func (f *fauxqs) fifo(t *testing.T) {
	arn, queue, q := f.subscribe(t, "alerts.fifo", true, nil)
	f.life(t, arn, 3)
	if got := receive(t, q, queue); states(got) != "firing resolved" {
		t.Errorf("%s of three requests each", states(got))
	}
}

// batch: ten alerts in one request, and the same batch again, to a FIFO topic.
func (f *fauxqs) batch(t *testing.T) {
	arn, queue, q := f.subscribe(t, "batch.fifo", true, nil)
	s := f.sink(t, arn)
	var all []alert.Alert
	for i := range maxBatch {
		a := alerttest.Alert(alert.PhaseFiring)
		a.Incident = strings.Repeat(string(rune('a'+i)), 32)
		a.Key = a.Incident + "." + a.Phase
		all = append(all, a)
	}
	for range 2 {
		for i, o := range s.SendBatch(t.Context(), all) {
			if o.Err != nil || o.Receipt.ID == "" {
				t.Errorf("entry %d: %+v", i, o)
			}
		}
	}
	keys := map[string]bool{}
	got := receive(t, q, queue)
	for _, a := range got {
		keys[a.Key] = true
	}
	if len(got) != maxBatch || len(keys) != maxBatch {
		t.Errorf("%d messages, %d keys", len(got), len(keys))
	}
}

// filter: a queue that asks for what is resolved, of one team, gets no more.
func (f *fauxqs) filter(t *testing.T) {
	for policy, want := range map[string]string{`{"state":["resolved"],"label.team":["web"]}`: "resolved", `{"severity":["warning"]}`: "", `{"rule":[{"prefix":"disk-"}],"severity":["critical"],"phase":["firing"]}`: "firing"} {
		name := map[string]string{"resolved": "f-resolved", "": "f-none", "firing": "f-firing"}[want]
		arn, queue, q := f.subscribe(t, name, false, map[string]string{"FilterPolicy": policy})
		f.life(t, arn, 1)
		if got := states(receive(t, q, queue)); got != want {
			t.Errorf("%s: %q, want %q", policy, got, want)
		}
	}
}

// poller: docs/examples/sqs prints firing and resolved once each, though each
// request is repeated and a standard topic does not mind, from a queue with SNS's
// envelope and from one without.
func (f *fauxqs) poller(t *testing.T) {
	program := os.Getenv("FIREWATCH_POLLER")
	if program == "" {
		t.Fatal("FIREWATCH_POLLER is not set: run this by .ci/fauxqs")
	}
	for name, raw := range map[string]string{"p-raw": "true", "p-envelope": "false"} {
		arn, queue, _ := f.subscribe(t, name, false, map[string]string{"RawMessageDelivery": raw})
		f.life(t, arn, 3)
		out, err := exec.CommandContext(t.Context(), program, "--queue", queue, "--endpoint", f.endpoint, "--idle", "1s").CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		slices.Sort(lines)
		if err != nil || len(lines) != 2 || !strings.HasPrefix(lines[0], "firing critical web-1: ") || !strings.HasPrefix(lines[1], "resolved critical web-1: ") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// subscribe makes a topic and a queue that gets its messages, raw unless more
// says otherwise.
func (f *fauxqs) subscribe(t *testing.T, name string, fifo bool, more map[string]string) (topicARN, queueURL string, q *sqs.Client) {
	t.Helper()
	cfg, err := awsclient.Load(t.Context(), "us-east-1", "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.BaseEndpoint = aws.String(f.endpoint)
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
	attributes := map[string]string{"RawMessageDelivery": "true"}
	for k, v := range more {
		attributes[k] = v
	}
	_, err = n.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String(at.Attributes["QueueArn"]), Attributes: attributes})
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
