package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/firewatch-agent/firewatch/alert"
)

func (s *Sink) api(seen *observer) *slack.Client {
	return slack.New(s.cfg.Token.Reveal(), slack.OptionAPIURL(strings.TrimSuffix(s.cfg.APIURL, "/")+"/"), slack.OptionHTTPClient(seen))
}

// call makes one request: chat.update where ts is set, else chat.postMessage.
func (s *Sink) call(ctx context.Context, ts, channel string, options ...slack.MsgOption) (channelOut, tsOut string, err error) {
	if err := s.wait(ctx); err != nil {
		return "", "", fmt.Errorf("send to slack: %w", err)
	}
	seen := &observer{client: s.http}
	options = append(options, slack.MsgOptionParse(false))
	if ts != "" {
		channelOut, tsOut, _, err = s.api(seen).UpdateMessageContext(ctx, channel, ts, options...)
	} else {
		channelOut, tsOut, err = s.api(seen).PostMessageContext(ctx, channel, append(options, slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())...)
	}
	switch {
	case err != nil:
		return "", "", s.class(seen, err)
	case tsOut == "":
		return "", "", errors.New("slack answered without a timestamp")
	}
	return channelOut, tsOut, nil
}

// refused reports whether Slack refused a message for its blocks.
func refused(err error) bool { return answered(err, refusals) }

// gone reports whether the message to edit or to reply to is not there any more,
// or may not be edited.
func gone(err error) bool { return answered(err, goneWords) }

// Words that Slack refuses blocks with (chat.postMessage, "Errors"), and those
// for a message that cannot be edited or replied to.
var (
	refusals  = []string{"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
	goneWords = []string{"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found", "cannot_reply_to_message", "msg_not_found"}
)

func answered(err error, words []string) bool {
	var said slack.SlackErrorResponse
	return errors.As(err, &said) && slices.Contains(words, said.Err)
}

// mendable lists Slack's answers (chat.postMessage, "Errors") that a person can
// mend: the alert waits for it.
var mendable = []string{"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope", "no_permission", "org_login_required",
	"not_in_channel", "channel_not_found", "is_archived", "restricted_action", "team_access_not_granted", "ekm_access_denied", "access_denied", "not_allowed_token_type",
	"action_prohibited", "invalid_token", "no_service", "no_service_id", "no_team", "team_disabled", "posting_to_general_channel_denied", "channel_is_archived", "user_not_found",
	"restricted_action_read_only_channel", "restricted_action_thread_only_channel", "restricted_action_non_threadable_channel", "two_factor_setup_required", "enterprise_is_restricted"}

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
	switch {
	case slices.Contains(mendable, word):
		return fmt.Errorf("%w: %w", alert.ErrCredentials, err)
	case slices.Contains(passing, word):
		return err
	case word == "ratelimited", word == "rate_limited":
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

// Check asks Slack whether it takes the token (auth.test), and whether the token
// may post: Slack lists its scopes in a header of each answer. Nothing is posted. It
// is for a sink with a token: a webhook cannot be tried without posting.
func (s *Sink) Check(ctx context.Context) error {
	seen := &observer{client: s.http}
	if _, err := s.api(seen).AuthTestContext(ctx); err != nil {
		return s.class(seen, err)
	}
	if scopes := seen.header.Get("X-OAuth-Scopes"); scopes != "" && !slices.Contains(strings.FieldsFunc(scopes, func(r rune) bool { return r == ',' || r == ' ' }), "chat:write") {
		return fmt.Errorf("%w: the token lacks the scope chat:write", alert.ErrCredentials)
	}
	return nil
}
