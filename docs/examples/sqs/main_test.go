package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/firewatch-agent/firewatch/docs/examples/firewatch"
)

// memory is a queue: what is not deleted comes again.
type memory struct{ bodies map[string]string }

func (m *memory) ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	out := &sqs.ReceiveMessageOutput{}
	for handle, body := range m.bodies {
		out.Messages = append(out.Messages, types.Message{Body: &body, ReceiptHandle: &handle})
	}
	return out, nil
}

func (m *memory) DeleteMessage(_ context.Context, in *sqs.DeleteMessageInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error) {
	delete(m.bodies, *in.ReceiptHandle)
	return &sqs.DeleteMessageOutput{}, nil
}

// TestPoll: each alert is handled once and deleted, a repeat is deleted unseen,
// one that failed is tried again, and what is no alert stays for the dead-letter
// queue.
func TestPoll(t *testing.T) {
	m := &memory{bodies: map[string]string{"x": "no alert"}}
	for handle, name := range map[string]string{"a": "firing", "b": "resolved", "c": "firing"} {
		b, err := os.ReadFile("../testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		m.bodies[handle] = string(b)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	calls, got := 0, map[string]int{}
	err := poll(ctx, m, "q", 0, func(a firewatch.Alert) error {
		if calls++; calls == 1 {
			return errors.New("down")
		}
		if got[a.State]++; len(got) == 2 {
			cancel()
		}
		return nil
	})
	for ; err == nil && len(m.bodies) > 1; err = poll(t.Context(), m, "q", time.Nanosecond, func(firewatch.Alert) error { return nil }) {
	}
	if err != nil || got["firing"] != 1 || got["resolved"] != 1 || m.bodies["x"] == "" {
		t.Errorf("%v, handled %v, left %v", err, got, m.bodies)
	}
}
