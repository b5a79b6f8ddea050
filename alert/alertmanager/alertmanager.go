// Package alertmanager delivers alerts to Prometheus Alertmanager's API v2.
//
// An alert there is its set of labels, so an incident keeps its labels from the
// firing alert to the resolution; what changes is in the annotations. Where the
// severity changes, which is a label, the alert of the old severity is ended in the
// same request. Alertmanager forgets what is not sent again and has no end:
// firing alerts carry an end in the future (Config.Hold), and the route's repeat
// moves it on.
package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Config is one [[sink.alertmanager]].
type Config struct {
	Name         string        `toml:"name"`
	URL          string        `toml:"url"`  // of one Alertmanager; a cluster: one sink each
	User         string        `toml:"user"` // basic authentication
	Password     conf.Secret   `toml:"password"`
	PasswordFile string        `toml:"password_file"` // instead of password
	Hold         conf.Duration `toml:"hold"`          // default 7d
	AllowHTTP    bool          `toml:"allow_http"`    // plain http with a password to other hosts
}

const defaultHold = 7 * 24 * time.Hour

// Validate reports what is wrong.
func (c Config) Validate() []conf.Fault {
	faults := conf.ValidateSinkName(c.Name)
	add := func(path, problem, hint string) {
		faults = append(faults, conf.Fault{Path: path, Problem: problem, Hint: hint})
	}
	secret := !c.Password.IsZero() || c.PasswordFile != ""
	if err := conf.CheckURL(c.URL, c.AllowHTTP || !secret); err != nil {
		add("url", err.Error(), `write for example url = "https://alertmanager.example.com:9093"; a password goes by https, or http to this host`)
	}
	if secret && c.User == "" {
		add("user", "a password needs a user", "")
	}
	if c.Hold != 0 && c.Hold.D() < 10*time.Minute {
		add("hold", c.Hold.String()+" is too short", "use at least 10m")
	}
	return faults
}

// Sink posts to one Alertmanager.
type Sink struct {
	cfg    Config
	client *http.Client
}

// New makes the sink. Secrets in files are read now.
func New(c Config) (*Sink, error) {
	var err error
	if c.Password, err = conf.FileOr(c.Password, c.PasswordFile); err != nil {
		return nil, fmt.Errorf("make sink %s: %w", c.Name, err)
	}
	if c.Hold == 0 {
		c.Hold = conf.Duration(defaultHold)
	}
	return &Sink{c, alert.HTTPClient()}, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.cfg.Name }

// posted is an alert as the API takes it (Alertmanager: api/v2/openapi.yaml,
// postableAlert).
type posted struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// Send implements alert.Sink. The memo is the severity that was told.
func (s *Sink) Send(ctx context.Context, a alert.Alert, last alert.Receipt) (alert.Receipt, error) {
	body, err := json.Marshal(s.alerts(a, alert.Severity(last.Memo)))
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: encode alert: %w", alert.ErrPermanent, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(s.cfg.URL, "/")+"/api/v2/alerts", bytes.NewReader(body))
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: make request: the url is not one", alert.ErrPermanent)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "firewatch")
	if s.cfg.User != "" {
		req.SetBasicAuth(s.cfg.User, s.cfg.Password.Reveal())
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("post alert: %w", alert.WithoutURL(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, alert.MaxAnswer+1))
	switch {
	case err != nil:
		return alert.Receipt{}, fmt.Errorf("read answer: %w", err)
	case len(answer) > alert.MaxAnswer:
		return alert.Receipt{}, errors.New("read answer: more than 1 MiB")
	case resp.StatusCode != http.StatusOK:
		// Basic authentication is base64 of both: that form of the pair is a secret too.
		text := alert.Scrub(string(answer), s.cfg.User+":"+s.cfg.Password.Reveal(), s.cfg.Password.Reveal())
		return alert.Receipt{}, alert.AnswerError(resp.StatusCode, resp.Header, fmt.Errorf("alertmanager answered %d %s", resp.StatusCode, human.Clean(text, 200)))
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"):
		return alert.Receipt{}, errors.New("the answer is a page of HTML: a login page stands between, or the url is a page")
	}
	return alert.Receipt{ID: a.Key, Memo: []byte(severity(a.Severity))}, nil
}

// alerts are what an alert is at Alertmanager, and the end of what was told under
// another severity.
func (s *Sink) alerts(a alert.Alert, told alert.Severity) []posted {
	p := posted{Labels: labels(a, a.Severity), Annotations: annotations(a), StartsAt: a.StartedAt, EndsAt: a.ChangedAt.Add(s.cfg.Hold.D())}
	if a.State == alert.Resolved {
		p.EndsAt = a.ChangedAt
		if !a.ResolvedAt.IsZero() {
			p.EndsAt = a.ResolvedAt
		}
	}
	if !p.EndsAt.After(p.StartsAt) { // it refuses an end before the start, and takes an equal one
		p.StartsAt = p.EndsAt
	}
	if told.Rank() == 0 || told == a.Severity {
		return []posted{p}
	}
	old := p
	old.Labels, old.EndsAt = labels(a, told), a.ChangedAt
	if old.EndsAt.Before(old.StartsAt) {
		old.StartsAt = old.EndsAt
	}
	return []posted{old, p}
}

// labels are the identity of an incident: an incident id among them would make
// grouping useless.
func labels(a alert.Alert, s alert.Severity) map[string]string {
	out := map[string]string{}
	set := func(name, value string) {
		if value = human.Clean(value, 250); value != "" {
			out[name] = value
		}
	}
	for k, v := range a.Labels {
		set(labelName(k), v)
	}
	set("alertname", a.Rule)
	set("instance", a.Host)
	set("target", a.Target)
	set("severity", severity(s))
	if out["alertname"] == "" {
		out["alertname"] = "firewatch"
	}
	return out
}

func severity(s alert.Severity) string {
	if s.Rank() == 0 {
		return string(alert.Warning)
	}
	return string(s)
}

// labelName makes a name that every version of Alertmanager takes:
// [a-zA-Z_][a-zA-Z0-9_]*.
func labelName(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_', i > 0 && r >= '0' && r <= '9':
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
		if b.Len() == 100 {
			break
		}
	}
	if b.Len() == 0 {
		return "_"
	}
	return b.String()
}

func annotations(a alert.Alert) map[string]string {
	out := map[string]string{}
	set := func(name, value string) {
		if value = human.Clean(value, 1000); value != "" {
			out[name] = value
		}
	}
	set("summary", a.Summary)
	set("firewatch_key", a.Key)
	set("silence_command", a.SilenceCommand)
	if a.Metric != "" {
		set("value", a.Metric+" "+human.Value(float64(a.Value), a.Unit))
	}
	var who []string
	for _, c := range a.Culprits[:min(len(a.Culprits), 3)] {
		who = append(who, c.Command+" (pid "+strconv.Itoa(c.PID)+")")
	}
	set("culprits", strings.Join(who, ", "))
	if n := len(a.Members); n > 1 {
		set("members", strconv.Itoa(n))
	}
	return out
}
