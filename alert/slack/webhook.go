package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// sendWebhook posts to an incoming webhook, with less where it refuses blocks.
func (s *Sink) sendWebhook(ctx context.Context, a alert.Alert, h *Hour) (alert.Receipt, error) {
	var receipt alert.Receipt
	err := s.richly(h != nil, func(r richness) error {
		m := slack.WebhookMessage{Text: plain(a)}
		if r != textOnly {
			m = slack.WebhookMessage{Text: headline(a), Blocks: &slack.Blocks{BlockSet: blocks(a, h, r)}}
		}
		m.Parse, m.UnfurlLinks, m.UnfurlMedia = "none", new(bool), new(bool)
		err := s.hook(ctx, m)
		if err == nil {
			receipt = alert.Receipt{ID: a.Key}
		}
		return err
	})
	return receipt, err
}

// hook makes one request. An incoming webhook answers "ok" and nothing else
// where it took the message (Slack: "Sending messages using incoming webhooks").
func (s *Sink) hook(ctx context.Context, m slack.WebhookMessage) error {
	if err := s.wait(ctx); err != nil {
		return fmt.Errorf("send to slack: %w", err)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("%w: encode message: %w", alert.ErrPermanent, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.Webhook.Reveal(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: make request: the webhook is not a URL", alert.ErrPermanent)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("send to slack: %w", alert.WithoutURL(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, alert.MaxAnswer))
	if err != nil {
		return fmt.Errorf("read slack's answer: %w", err)
	}
	word := human.Clean(alert.ScrubURL(strings.TrimSpace(string(answer)), s.cfg.Webhook.Reveal()), 80)
	switch {
	case resp.StatusCode == http.StatusOK && word == "ok":
		return nil
	case resp.StatusCode == http.StatusOK:
		return errors.New("the answer is not Slack's: does a login page stand between?")
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone:
		return fmt.Errorf("%w: slack answered %d %s", alert.ErrCredentials, resp.StatusCode, word)
	case resp.StatusCode == http.StatusBadRequest && slices.Contains(refusals, word):
		return fmt.Errorf("%w: %w", alert.ErrPermanent, slack.SlackErrorResponse{Err: word})
	}
	return alert.AnswerError(resp.StatusCode, resp.Header, fmt.Errorf("slack answered %d %s", resp.StatusCode, word))
}
