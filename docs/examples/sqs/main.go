// Command sqs polls a queue that is subscribed to firewatch's topic, and prints
// each alert once.
//
//	sqs --queue URL [--endpoint URL] [--idle 30s]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/firewatch-agent/firewatch/docs/examples/firewatch"
)

// queue is what a poller needs of SQS.
type queue interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
}

// poll handles messages until ctx ends, or, with idle, until so long nothing
// came. A message is deleted once it is handled; one that fails comes again after
// the queue's visibility time-out, and at last goes to its dead-letter queue.
func poll(ctx context.Context, q queue, url string, idle time.Duration, act func(firewatch.Alert) error) error {
	var seen firewatch.Seen
	last := time.Now()
	for ctx.Err() == nil {
		out, err := q.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: 2})
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		for _, m := range out.Messages {
			last = time.Now()
			a, err := firewatch.Parse([]byte(aws.ToString(m.Body)))
			if err == nil {
				err = seen.Once(a, act)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "left in the queue:", err)
				continue
			}
			if _, err := q.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return fmt.Errorf("delete: %w", err)
			}
		}
		if idle > 0 && time.Since(last) > idle {
			return nil
		}
	}
	return nil
}

func main() {
	url := flag.String("queue", "", "`URL` of the queue")
	endpoint := flag.String("endpoint", "", "`URL` of SQS, if it is not AWS's own")
	idle := flag.Duration("idle", 0, "end after so long without a message; 0 = never")
	flag.Parse()
	if err := run(*url, *endpoint, *idle); err != nil {
		fmt.Fprintln(os.Stderr, "sqs:", err)
		os.Exit(1)
	}
}

func run(url, endpoint string, idle time.Duration) error {
	if url == "" {
		return errors.New("--queue is needed")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	})
	return poll(ctx, client, url, idle, func(a firewatch.Alert) error {
		_, err := fmt.Println(a)
		return err
	})
}
