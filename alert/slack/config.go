package slack

import (
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Config is one [[sink.slack]]: a token and a channel, or a webhook.
type Config struct {
	Name        string      `toml:"name"`
	Token       conf.Secret `toml:"token"`        // bot token, xoxb-…, with the scope chat:write
	TokenFile   string      `toml:"token_file"`   // instead of token
	Channel     string      `toml:"channel"`      // id (C0123456789) or #name; the bot must be a member
	Webhook     conf.Secret `toml:"webhook"`      // URL of an incoming webhook, instead of token and channel
	WebhookFile string      `toml:"webhook_file"` // instead of webhook
	APIURL      string      `toml:"api_url"`      // default https://slack.com/api/
}

const defaultAPI = "https://slack.com/api/"

var channelForm = regexp.MustCompile(`^([CGD][A-Z0-9]{6,20}|#[^\s#@,]{1,80})$`)

// Validate reports what is wrong.
func (c Config) Validate() []conf.Fault {
	faults := conf.ValidateSinkName(c.Name)
	add := func(path, problem, hint string) {
		faults = append(faults, conf.Fault{Path: path, Problem: problem, Hint: hint})
	}
	token, hook := !c.Token.IsZero() || c.TokenFile != "", !c.Webhook.IsZero() || c.WebhookFile != ""
	switch {
	case token && hook:
		add("webhook", "token and webhook are both set", "give one of them; with a token messages are edited as the incident goes on")
	case !token && !hook:
		add("token", "a slack sink needs a token and a channel, or a webhook", `write token_file = "…" and channel = "#ops"`)
	case token && !channelForm.MatchString(c.Channel):
		add("channel", fmt.Sprintf("channel %q is neither a channel id nor #name", c.Channel), `write for example channel = "#ops"`)
	}
	if !c.Webhook.IsZero() {
		if u, err := url.Parse(c.Webhook.Reveal()); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			add("webhook", "webhook is not a URL", "Slack gives it as https://hooks.slack.com/services/…")
		}
	}
	if u, err := url.Parse(c.APIURL); c.APIURL != "" && (err != nil || u.Host == "") {
		add("api_url", fmt.Sprintf("api_url %q is not a URL", c.APIURL), "leave it out")
	}
	return faults
}

// New makes the sink. Secrets in files are read now; nothing is sent. trend, which
// may be nil, gives the charts.
func New(c Config, trend Trend) (*Sink, error) {
	var err error
	if c.Token, err = conf.FileOr(c.Token, c.TokenFile); err != nil {
		return nil, fmt.Errorf("make sink %s: %w", c.Name, err)
	}
	if c.Webhook, err = conf.FileOr(c.Webhook, c.WebhookFile); err != nil {
		return nil, fmt.Errorf("make sink %s: %w", c.Name, err)
	}
	if c.APIURL == "" {
		c.APIURL = defaultAPI
	}
	return &Sink{cfg: c, http: alert.HTTPClient(), trend: trend, made: time.Now(), pace: time.Second, unsure: map[string]bool{}}, nil
}
