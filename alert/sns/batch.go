package sns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
)

const maxBatch = 10 // entries (SNS API reference, PublishBatch)

// MaxBatch implements alert.Batcher.
func (s *Sink) MaxBatch() int { return maxBatch }

// SendBatch implements alert.Batcher. All entries together have the limit of one
// message, so each is cut to its share.
func (s *Sink) SendBatch(ctx context.Context, alerts []alert.Alert) []alert.Outcome {
	out := make([]alert.Outcome, len(alerts))
	fail := func(err error) []alert.Outcome {
		for i := range out {
			if out[i].Err == nil {
				out[i].Err = err
			}
		}
		return out
	}
	client, err := s.connect(ctx)
	if err != nil {
		return fail(err)
	}
	in := &sns.PublishBatchInput{TopicArn: aws.String(s.cfg.Topic)}
	for i, a := range alerts {
		m, err := s.compose(a, s.cfg.MaxMessage.Bytes()/int64(len(alerts)))
		if err != nil {
			// It may fit by itself: the next Send of this alert is alone or in a smaller batch.
			out[i].Err = fmt.Errorf("share of a batch: %w", err)
			continue
		}
		in.PublishBatchRequestEntries = append(in.PublishBatchRequestEntries, types.PublishBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), Message: aws.String(m.body), Subject: m.subject,
			MessageAttributes: m.attributes, MessageStructure: m.structure, MessageDeduplicationId: m.key, MessageGroupId: m.group})
	}
	if len(in.PublishBatchRequestEntries) == 0 {
		return out
	}
	answer, err := client.PublishBatch(ctx, in)
	if err != nil {
		return fail(awsclient.Class(ctx, "publish batch", err))
	}
	for _, e := range answer.Successful {
		if i, ok := index(e.Id, out); ok {
			out[i].Receipt, out[i].Err = receipt(e.MessageId)
		}
	}
	for _, e := range answer.Failed {
		if i, ok := index(e.Id, out); ok {
			out[i].Err = entryError(e)
		}
	}
	for i := range out {
		if out[i].Err == nil && out[i].Receipt.ID == "" {
			out[i].Err = errors.New("publish batch: the answer does not name this alert")
		}
	}
	return out
}

func index(id *string, out []alert.Outcome) (int, bool) {
	i, err := strconv.Atoi(aws.ToString(id))
	return i, err == nil && i >= 0 && i < len(out)
}

// entryError classes what SNS says of one entry, as it does for a whole request;
// a fault of the sender that is neither credentials nor rate is for good.
func entryError(e types.BatchResultErrorEntry) error {
	code := aws.ToString(e.Code)
	err := awsclient.Class(context.Background(), "publish", &smithy.GenericAPIError{Code: code, Message: aws.ToString(e.Message)})
	var slow *alert.ThrottledError
	if !e.SenderFault || errors.Is(err, alert.ErrCredentials) || errors.As(err, &slow) || slices.Contains([]string{"InternalError", "InternalFailure", "ServiceUnavailable"}, code) {
		return err
	}
	return fmt.Errorf("%w: %w", alert.ErrPermanent, err)
}
