package slack

import (
	"context"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/firewatch-agent/firewatch/alert"
)

// Sink posts to one channel.
type Sink struct {
	cfg   Config
	http  *http.Client
	trend Trend // nil = no charts
	made  time.Time
	pace  time.Duration

	mu      sync.Mutex
	next    time.Time       // before it nothing is sent
	best    richness        // that Slack has not refused
	channel string          // id of the channel, as an answer said it
	unsure  map[string]bool // keys of posts that may have arrived
	blind   bool            // the scope to look for a message is missing
	failed  time.Time       // since when the history could not be read; zero = it could
	readAt  time.Time       // before it Slack asks not to read the history
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.cfg.Name }

// Send implements alert.Sink. One attempt is one message, and one edit more
// where an incident speaks up; and again with less where Slack refuses the
// blocks.
func (s *Sink) Send(ctx context.Context, a alert.Alert, last alert.Receipt) (alert.Receipt, error) {
	h := s.hour(ctx, a)
	if !s.cfg.Webhook.IsZero() {
		return s.sendWebhook(ctx, a, h)
	}
	m := recall(last)
	what, why, fresh := decide(a, m)
	if what != post {
		// The edit goes first: if the reply fails, all is tried again, and an edit
		// can be repeated.
		m2, err := s.edit(ctx, a, m, h)
		if err == nil && what == reply {
			err = s.reply(ctx, a, m, why, fresh)
		}
		if err == nil {
			return m2.receipt(m2.TS)
		}
		if !gone(err) {
			return alert.Receipt{}, err
		}
		m = memo{Worst: m.Worst, Told: m.Told} // somebody deleted the message: say it anew
	}
	m, err := s.post(ctx, a, m, h)
	if err != nil {
		return alert.Receipt{}, err
	}
	return m.receipt(m.TS)
}

// post says an alert in a new message, unless it is found that an attempt
// before did.
func (s *Sink) post(ctx context.Context, a alert.Alert, m memo, h *Hour) (memo, error) {
	m = m.told(a)
	if channel, ts, err := s.find(ctx, a, false); err != nil || ts != "" {
		m.Channel, m.TS = channel, ts
		if err == nil {
			s.note(a.Key, channel, nil)
		}
		return m, err
	}
	err := s.richly(h != nil, func(r richness) error {
		channel, ts, err := s.call(ctx, "", s.cfg.Channel, s.message(a, h, r)...)
		m.Channel, m.TS = channel, ts
		return err
	})
	s.note(a.Key, m.Channel, err)
	return m, err
}

// edit changes the incident's message.
func (s *Sink) edit(ctx context.Context, a alert.Alert, m memo, h *Hour) (memo, error) {
	err := s.richly(h != nil, func(r richness) error {
		_, _, err := s.call(ctx, m.TS, m.Channel, s.message(a, h, r)...)
		return err
	})
	return m.told(a), err
}

// reply says in the message's thread, and shows in the channel, why an incident
// speaks up.
func (s *Sink) reply(ctx context.Context, a alert.Alert, m memo, why string, fresh []alert.Member) error {
	if _, ts, err := s.find(ctx, a, true); err != nil || ts != "" {
		if err == nil {
			s.note(a.Key, m.Channel, nil)
		}
		return err
	}
	text := aloud(a, why, fresh)
	_, _, err := s.call(ctx, "", m.Channel, slack.MsgOptionText(why+": "+headline(a), false), slack.MsgOptionBlocks(section(text)), metadata(a, a.Key),
		slack.MsgOptionTS(m.TS), slack.MsgOptionBroadcast())
	if refused(err) {
		_, _, err = s.call(ctx, "", m.Channel, slack.MsgOptionText(text, false), metadata(a, a.Key), slack.MsgOptionTS(m.TS), slack.MsgOptionBroadcast())
	}
	s.note(a.Key, m.Channel, err)
	return err
}

// message is an alert as slack-go takes it. The message of the incident carries
// the key of the alert that posted it.
func (s *Sink) message(a alert.Alert, h *Hour, r richness) []slack.MsgOption {
	if r == textOnly {
		// An edit without blocks would keep the old ones.
		return []slack.MsgOption{slack.MsgOptionText(plain(a), false), slack.MsgOptionBlocks(), metadata(a, a.Key)}
	}
	return []slack.MsgOption{slack.MsgOptionText(headline(a), false), slack.MsgOptionBlocks(blocks(a, h, r)...), metadata(a, a.Key)}
}

func metadata(a alert.Alert, key string) slack.MsgOption {
	return slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "firewatch_alert", EventPayload: map[string]any{"key": key, "incident": a.Incident}})
}

// richly tries a message with a chart, with a line, and as text, until Slack does
// not refuse the blocks. A chart that was refused where the line was taken is
// not tried again.
func (s *Sink) richly(chart bool, try func(richness) error) error {
	s.mu.Lock()
	r := s.best
	s.mu.Unlock()
	if !chart {
		r = max(r, withLine)
	}
	began := r
	for {
		err := try(r)
		if err == nil && began == withChart && r == withLine {
			s.mu.Lock()
			s.best = withLine
			s.mu.Unlock()
		}
		if r == textOnly || !refused(err) {
			return err
		}
		r++
	}
}

// wait keeps to one message a second, which is what Slack lets into a channel
// (Slack: "Rate limits", posting messages).
func (s *Sink) wait(ctx context.Context) error {
	s.mu.Lock()
	now := time.Now()
	at := s.next
	if at.Before(now) {
		at = now
	}
	s.next = at.Add(s.pace)
	s.mu.Unlock()
	t := time.NewTimer(at.Sub(now))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var channelID = regexp.MustCompile(`^[CGD][A-Z0-9]{6,20}$`)
