package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Sink posts to one channel.
type Sink struct {
	cfg  Config
	http *http.Client
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.cfg.Name }

// memo is what the sink remembers of an incident: the message to edit.
type memo struct {
	Channel string `json:"c"`
	TS      string `json:"t"`
}

// Send implements alert.Sink. Blocks that Slack refuses never cost the alert:
// it goes again at once as plain text.
func (s *Sink) Send(ctx context.Context, a alert.Alert, last alert.Receipt) (alert.Receipt, error) {
	if !s.cfg.Webhook.IsZero() {
		return s.sendWebhook(ctx, a)
	}
	var m memo
	edit := a.Phase != alert.PhaseFiring && a.Phase != alert.PhaseDigest && json.Unmarshal(last.Memo, &m) == nil && m.TS != "" && m.Channel != ""
	receipt, err := s.call(ctx, a, m, edit, true)
	var said slack.SlackErrorResponse
	if errors.As(err, &said) {
		switch said.Err {
		case "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long":
			receipt, err = s.call(ctx, a, m, edit, false)
		case "message_not_found", "cant_update_message", "edit_window_closed":
			if edit { // the message is gone: say it anew
				receipt, err = s.call(ctx, a, m, false, true)
			}
		}
	}
	return receipt, err
}

// call makes one request: chat.postMessage or chat.update.
func (s *Sink) call(ctx context.Context, a alert.Alert, m memo, edit, rich bool) (alert.Receipt, error) {
	seen := &observer{client: s.http}
	api := slack.New(s.cfg.Token.Reveal(), slack.OptionAPIURL(strings.TrimSuffix(s.cfg.APIURL, "/")+"/"), slack.OptionHTTPClient(seen))
	options := []slack.MsgOption{
		slack.MsgOptionText(cut(headline(a), maxText), false),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "firewatch_alert", EventPayload: map[string]any{"key": a.Key, "incident": a.Incident}}),
	}
	if rich {
		options = append(options, slack.MsgOptionBlocks(blocks(a)...))
	}
	var channel, ts string
	var err error
	if edit {
		channel, ts, _, err = api.UpdateMessageContext(ctx, m.Channel, m.TS, options...)
	} else {
		channel, ts, err = api.PostMessageContext(ctx, s.cfg.Channel, append(options, slack.MsgOptionDisableLinkUnfurl())...)
	}
	if err != nil {
		return alert.Receipt{}, s.class(seen, err)
	}
	if ts == "" {
		return alert.Receipt{}, errors.New("slack answered without a timestamp")
	}
	b, err := json.Marshal(memo{channel, ts})
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: encode memo: %w", alert.ErrPermanent, err)
	}
	return alert.Receipt{ID: ts, Memo: b}, nil
}

// mendable lists Slack's answers (chat.postMessage, "Errors") that a person can
// mend: the alert waits for it.
var mendable = []string{"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope", "no_permission", "org_login_required",
	"not_in_channel", "channel_not_found", "is_archived", "restricted_action", "team_access_not_granted", "ekm_access_denied", "access_denied", "not_allowed_token_type",
	"action_prohibited", "invalid_token", "no_service", "no_service_id", "no_team", "team_disabled", "posting_to_general_channel_denied", "channel_is_archived", "user_not_found"}

// passing lists its answers that pass by themselves.
var passing = []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "rollup_error", "message_limit_exceeded"}

// class sorts an error of slack-go. It reports a 429 without a Retry-After
// that it can read as a plain status error, so the status counts first.
func (s *Sink) class(seen *observer, err error) error {
	err = alert.WithoutURL(err)
	if seen.status == http.StatusTooManyRequests {
		return alert.AnswerError(seen.status, seen.header, errors.New("slack asks to wait"))
	}
	var said slack.SlackErrorResponse
	if errors.As(err, &said) {
		return sayings(said.Err, fmt.Errorf("slack answered: %w", err), seen.header)
	}
	if seen.status != 0 && seen.status != http.StatusOK {
		return alert.AnswerError(seen.status, seen.header, fmt.Errorf("slack answered status %d", seen.status))
	}
	return fmt.Errorf("send to slack: %w", err)
}

// sayings classes an error by the word that Slack answered with.
func sayings(word string, err error, header http.Header) error {
	for _, w := range mendable {
		if w == word {
			return fmt.Errorf("%w: %w", alert.ErrCredentials, err)
		}
	}
	for _, w := range passing {
		if w == word {
			return err
		}
	}
	if word == "ratelimited" || word == "rate_limited" {
		after, _ := alert.RetryAfter(header)
		return &alert.ThrottledError{After: after, Err: err}
	}
	return fmt.Errorf("%w: %w", alert.ErrPermanent, err)
}

// observer keeps status and headers of the last answer, which slack-go does
// not give, and bounds the body.
type observer struct {
	client *http.Client
	status int
	header http.Header
}

// Do implements what slack-go calls.
func (o *observer) Do(r *http.Request) (*http.Response, error) {
	resp, err := o.client.Do(r)
	if err != nil {
		return nil, alert.WithoutURL(err)
	}
	o.status, o.header = resp.StatusCode, resp.Header
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, alert.MaxAnswer), resp.Body}
	return resp, nil
}

// sendWebhook posts to an incoming webhook, which answers "ok" and nothing else
// where it took the message (Slack: "Sending messages using incoming webhooks").
func (s *Sink) sendWebhook(ctx context.Context, a alert.Alert) (alert.Receipt, error) {
	body, err := json.Marshal(slack.WebhookMessage{Text: cut(headline(a), maxText), Blocks: &slack.Blocks{BlockSet: blocks(a)}})
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: encode message: %w", alert.ErrPermanent, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.Webhook.Reveal(), bytes.NewReader(body))
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: make request: the webhook is not a URL", alert.ErrPermanent)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.http.Do(req)
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("send to slack: %w", alert.WithoutURL(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, alert.MaxAnswer))
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("read slack's answer: %w", err)
	}
	word := human.Clean(s.scrub(strings.TrimSpace(string(answer))), 80)
	switch {
	case resp.StatusCode == http.StatusOK && word == "ok":
		return alert.Receipt{ID: a.Key}, nil
	case resp.StatusCode == http.StatusOK:
		return alert.Receipt{}, errors.New("the answer is not Slack's: does a login page stand between?")
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone:
		return alert.Receipt{}, fmt.Errorf("%w: slack answered %d %s", alert.ErrCredentials, resp.StatusCode, word)
	}
	return alert.Receipt{}, alert.AnswerError(resp.StatusCode, resp.Header, fmt.Errorf("slack answered %d %s", resp.StatusCode, word))
}

// scrub takes the webhook out of an answer that repeats it, whole or as a path.
func (s *Sink) scrub(text string) string {
	secrets := []string{s.cfg.Webhook.Reveal()}
	if u, err := url.Parse(secrets[0]); err == nil {
		secrets = append(secrets, u.RequestURI())
	}
	for _, secret := range secrets {
		if len(secret) > 1 {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// Check asks Slack whether it takes the token (auth.test); nothing is posted. A
// webhook cannot be tried without posting, so for one it does nothing.
func (s *Sink) Check(ctx context.Context) error {
	if !s.cfg.Webhook.IsZero() {
		return nil
	}
	seen := &observer{client: s.http}
	api := slack.New(s.cfg.Token.Reveal(), slack.OptionAPIURL(strings.TrimSuffix(s.cfg.APIURL, "/")+"/"), slack.OptionHTTPClient(seen))
	if _, err := api.AuthTestContext(ctx); err != nil {
		return s.class(seen, err)
	}
	return nil
}
