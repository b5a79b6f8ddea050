package slack

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/firewatch-agent/firewatch/alert"
)

const (
	maxUnsure = 256
	findBack  = time.Hour // for clocks that differ
	findLimit = 200       // messages; one page
)

// find looks for the message that an attempt before may have left: one in this
// process that ended without an answer, or one of a process before this one,
// which the alert is older than. It needs the channel's id and the scope
// channels:history (groups:history for a private channel); without them, and
// where Slack asks to wait, the alert is posted and may be there twice. An
// error says that Slack is out of reach: then the post would fail too.
//
// A reply is found by its alert's key. The incident's own message is found by
// the incident: an edit may have put a later key into it since.
func (s *Sink) find(ctx context.Context, a alert.Alert, reply bool) (channel, ts string, err error) {
	s.mu.Lock()
	id := s.channel
	if channelID.MatchString(s.cfg.Channel) {
		id = s.cfg.Channel
	}
	old := channelID.MatchString(s.cfg.Channel) && a.ChangedAt.Before(s.made)
	skip := s.blind || id == "" || !s.unsure[a.Key] && !old
	s.mu.Unlock()
	if skip {
		return "", "", nil
	}
	seen := &observer{client: s.http}
	oldest := strconv.FormatInt(a.ChangedAt.Add(-findBack).Unix(), 10)
	answer, err := s.api(seen).GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{ChannelID: id, Oldest: oldest, Limit: findLimit, IncludeAllMetadata: true})
	var said slack.SlackErrorResponse
	switch {
	case errors.As(err, &said):
		s.mu.Lock()
		s.blind = said.Err == "missing_scope" || said.Err == "no_permission" || said.Err == "not_allowed_token_type"
		s.mu.Unlock()
		return "", "", nil
	case err != nil && seen.status != 0 && seen.status < 500:
		return "", "", nil
	case err != nil:
		return "", "", s.class(seen, err)
	}
	for _, m := range answer.Messages {
		key, _ := m.Metadata.EventPayload["key"].(string)
		inThread := m.ThreadTimestamp != "" && m.ThreadTimestamp != m.Timestamp
		if key == a.Key || !reply && !inThread && a.Incident != "" && strings.HasPrefix(key, a.Incident+".") {
			return id, m.Timestamp, nil
		}
	}
	return "", "", nil
}

// note remembers how a post ended: one without an answer may have arrived.
func (s *Sink) note(key, channel string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if channelID.MatchString(channel) {
		s.channel = channel
	}
	var slow *alert.ThrottledError
	if err == nil || errors.As(err, &slow) || errors.Is(err, alert.ErrPermanent) || errors.Is(err, alert.ErrCredentials) {
		delete(s.unsure, key)
		return
	}
	if len(s.unsure) < maxUnsure {
		s.unsure[key] = true
	}
}
