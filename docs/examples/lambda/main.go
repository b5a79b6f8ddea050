// Command lambda is a Lambda function that SNS invokes with firewatch's alerts.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firewatch-agent/firewatch/docs/examples/firewatch"
)

// function handles each alert once in the life of this instance; see README for
// more than one.
type function struct {
	seen firewatch.Seen
	act  func(firewatch.Alert) error
}

// handle returns an error only for what may pass: Lambda then tries again. What
// is no alert never will be one, and is logged.
func (f *function) handle(_ context.Context, e events.SNSEvent) error {
	var errs []error
	for _, r := range e.Records {
		a, err := firewatch.Parse([]byte(r.SNS.Message))
		if err != nil {
			fmt.Println("left out:", r.SNS.MessageID, err)
			continue
		}
		errs = append(errs, f.seen.Once(a, f.act))
	}
	return errors.Join(errs...)
}

func main() {
	f := &function{act: func(a firewatch.Alert) error {
		fmt.Println(a) // open a ticket, call a service, …
		return nil
	}}
	lambda.Start(f.handle)
}
