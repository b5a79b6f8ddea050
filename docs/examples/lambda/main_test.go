package main

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firewatch-agent/firewatch/docs/examples/firewatch"
)

// event is what SNS invokes a function with (Lambda developer guide, "Using
// Lambda with Amazon SNS").
func event(t *testing.T, messages ...string) events.SNSEvent {
	t.Helper()
	var records []map[string]any
	for _, m := range messages {
		records = append(records, map[string]any{"EventVersion": "1.0", "EventSource": "aws:sns", "EventSubscriptionArn": "arn:aws:sns:eu-west-1:123456789012:alerts:21be56ed",
			"Sns": map[string]any{"SignatureVersion": "1", "Timestamp": "2026-11-25T09:42:00.000Z", "MessageId": "95df01b4", "Message": m, "Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:alerts",
				"Subject": "[firewatch] CRITICAL web-1", "MessageAttributes": map[string]any{"severity": map[string]string{"Type": "String", "Value": "critical"}}}})
	}
	b, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	var e events.SNSEvent
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestHandle: firing and resolved are acted on once each, however often they
// come; what failed comes again; what is no alert is left out.
func TestHandle(t *testing.T) {
	var got []string
	fail := true
	f := &function{act: func(a firewatch.Alert) error {
		if fail {
			return errors.New("the ticket system is down")
		}
		got = append(got, a.State)
		return nil
	}}
	firing, resolved := read(t, "firing"), read(t, "resolved")
	if f.handle(t.Context(), event(t, firing)) == nil {
		t.Error("a failure is not said: Lambda would not try again")
	}
	fail = false
	for range 2 {
		if err := f.handle(t.Context(), event(t, firing, "no alert", resolved, firing)); err != nil {
			t.Error(err)
		}
	}
	if len(got) != 2 || got[0] != "firing" || got[1] != "resolved" {
		t.Errorf("acted on %v", got)
	}
}
