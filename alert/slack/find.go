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
	maxUnsure    = 256
	findBack     = time.Hour // for clocks that differ
	findLimit    = 200       // messages of a page; Slack advises no more
	findPages    = 5
	findPatience = 2 * time.Minute // for a history that cannot be read, once in findAgain
	findAgain    = time.Hour
	findTime     = 4 * time.Second // of an attempt's ten: one that hangs leaves the post its part
)

// find looks for the message that an attempt before may have left: one in this
// process that ended without an answer, or one of a process before this one,
// which the alert is older than. It needs the channel's id and the scope
// channels:history (groups:history for a private channel); without them the
// alert is posted and may be there twice.
//
// A look that fails, also because Slack asks to wait, is no answer: the post
// waits for one, which is what the error says. But not for ever: see unread.
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
	skip := s.blind || id == "" || !s.unsure[a.Key] && !old || time.Now().Before(s.readAt)
	s.mu.Unlock()
	if skip {
		return "", "", nil
	}
	ctx, stop := context.WithTimeout(ctx, findTime)
	defer stop()
	seen := &observer{client: s.http}
	page := slack.GetConversationHistoryParameters{ChannelID: id, Oldest: strconv.FormatInt(a.ChangedAt.Add(-findBack).Unix(), 10), Limit: findLimit, IncludeAllMetadata: true}
	for range findPages {
		answer, err := s.api(seen).GetConversationHistoryContext(ctx, &page)
		if err != nil {
			return "", "", s.unread(err, s.class(seen, err), time.Now())
		}
		for _, m := range answer.Messages {
			key, _ := m.Metadata.EventPayload["key"].(string)
			inThread := m.ThreadTimestamp != "" && m.ThreadTimestamp != m.Timestamp
			if key == a.Key || !reply && !inThread && a.Incident != "" && strings.HasPrefix(key, a.Incident+".") {
				ts = m.Timestamp
				break
			}
		}
		if page.Cursor = answer.ResponseMetaData.NextCursor; ts != "" || !answer.HasMore || page.Cursor == "" {
			break
		}
	}
	s.mu.Lock()
	s.failed = time.Time{}
	s.mu.Unlock()
	return id, ts, nil
}

// unread says what a look that failed means for the post: wait (an error), or
// go on without it, where the history may not be read at all, or could not be
// for findPatience: better twice than late.
func (s *Sink) unread(said, err error, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blind = s.blind || answered(said, []string{"missing_scope", "no_permission", "not_allowed_token_type"})
	if s.blind || errors.Is(err, alert.ErrPermanent) || errors.Is(err, alert.ErrCredentials) {
		return nil
	}
	if s.failed.IsZero() || now.Sub(s.failed) > findAgain {
		s.failed = now
	}
	left := s.failed.Add(findPatience).Sub(now)
	var slow *alert.ThrottledError
	if errors.As(err, &slow) {
		s.readAt = now.Add(slow.After)
		slow.After = min(slow.After, left) // of the history, and not of posts
	}
	if left <= 0 {
		return nil
	}
	return err
}

// note remembers how a post ended: one without an answer may have arrived.
func (s *Sink) note(key, channel string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if channelID.MatchString(channel) {
		s.channel = channel
	}
	var slow *alert.ThrottledError
	switch {
	case err == nil || errors.Is(err, alert.ErrPermanent):
		delete(s.unsure, key)
	case errors.As(err, &slow) || errors.Is(err, alert.ErrCredentials): // not taken; an attempt before may have been
	case len(s.unsure) < maxUnsure:
		s.unsure[key] = true
	}
}
