// Package webhook delivers alerts by HTTP POST, as JSON (schema 1) or as a body of
// the receiver's own form, in which {{fields}} are filled in: no conditions, no
// loops, no code. The header Idempotency-Key carries the alert's key, so a receiver
// that minds it shows each alert once; with a secret the body is signed.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Config is one [[sink.webhook]].
type Config struct {
	Name      string      `toml:"name"`
	URL       conf.Secret `toml:"url"`        // https, or http to this host; may hold a token, so it is never printed
	URLFile   string      `toml:"url_file"`   // instead of url
	Token     conf.Secret `toml:"token"`      // sent as "Authorization: Bearer …"
	TokenFile string      `toml:"token_file"` // instead of token
	Secret    conf.Secret `toml:"secret"`     // signs the body: Firewatch-Signature: t=UNIX,v1=HEX of HMAC-SHA256 over "UNIX.BODY"
	AllowHTTP bool        `toml:"allow_http"` // plain http to other hosts

	// Body is the request's body with {{field}} in it; default the alert as JSON.
	Body        string `toml:"body"`
	ContentType string `toml:"content_type"` // of Body; default application/json
}

// Validate reports what is wrong.
func (c Config) Validate() []conf.Fault {
	faults := conf.ValidateSinkName(c.Name)
	faults = append(faults, c.checkBody()...)
	if c.URL.IsZero() && c.URLFile == "" {
		return append(faults, conf.Fault{Path: "url", Problem: "a webhook needs a url", Hint: `write url = "https://…", or url_file`})
	}
	if c.URL.IsZero() {
		return faults
	}
	if err := conf.CheckURL(c.URL.Reveal(), c.AllowHTTP); err != nil {
		faults = append(faults, conf.Fault{Path: "url", Problem: err.Error(), Hint: "https://…, or http:// to this host, or allow_http = true"})
	}
	return faults
}

// Sink posts alerts to one URL.
type Sink struct {
	cfg    Config
	url    string
	client *http.Client
}

// New makes the sink. Secrets in files are read now.
func New(c Config) (*Sink, error) {
	u, err := conf.FileOr(c.URL, c.URLFile)
	if err != nil {
		return nil, fmt.Errorf("make sink %s: %w", c.Name, err)
	}
	if err := conf.CheckURL(u.Reveal(), c.AllowHTTP); err != nil {
		return nil, fmt.Errorf("make sink %s: %w", c.Name, err)
	}
	if c.Token, err = conf.FileOr(c.Token, c.TokenFile); err != nil {
		return nil, fmt.Errorf("make sink %s: %w", c.Name, err)
	}
	return &Sink{c, u.Reveal(), alert.HTTPClient()}, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.cfg.Name }

// Send implements alert.Sink. Any 2xx is a success, but for a page of HTML: that
// is what a captive portal answers. The receipt is the answer's X-Request-Id, or
// the alert's own key.
func (s *Sink) Send(ctx context.Context, a alert.Alert, _ alert.Receipt) (alert.Receipt, error) {
	body, err := s.cfg.body(a)
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: encode alert: %w", alert.ErrPermanent, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: make request: the url is not one", alert.ErrPermanent)
	}
	req.Header.Set("Content-Type", s.cfg.contentType())
	req.Header.Set("User-Agent", "firewatch")
	req.Header.Set("Idempotency-Key", a.Key)
	if !s.cfg.Token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+s.cfg.Token.Reveal())
	}
	if !s.cfg.Secret.IsZero() {
		req.Header.Set("Firewatch-Signature", sign(s.cfg.Secret.Reveal(), time.Now(), body))
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("post: %w", alert.WithoutURL(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, alert.MaxAnswer+1))
	switch {
	case err != nil:
		return alert.Receipt{}, fmt.Errorf("read answer: %w", err)
	case len(answer) > alert.MaxAnswer:
		return alert.Receipt{}, errors.New("read answer: more than 1 MiB")
	case resp.StatusCode/100 != 2:
		return alert.Receipt{}, alert.AnswerError(resp.StatusCode, resp.Header, fmt.Errorf("the receiver answered %d %s", resp.StatusCode, human.Clean(s.scrub(string(answer)), 200)))
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"):
		return alert.Receipt{}, errors.New("the answer is a page of HTML: a login page stands between, or the url is a page")
	}
	id := human.Clean(s.scrub(resp.Header.Get("X-Request-Id")), 128)
	if id == "" {
		id = a.Key
	}
	return alert.Receipt{ID: id}, nil
}

// scrub takes our secrets out of what a receiver says, which may repeat them.
func (s *Sink) scrub(text string) string {
	return alert.ScrubURL(alert.Scrub(text, s.cfg.Token.Reveal(), s.cfg.Secret.Reveal()), s.url)
}

// sign is the value of the header Firewatch-Signature.
func sign(secret string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	stamp := fmt.Sprint(at.Unix())
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// field is {{name}} or {{labels.name}}.
var field = regexp.MustCompile(`\{\{\s*([a-z_.A-Z0-9-]+)\s*\}\}`)

// fields are the names that a body may hold, beside labels.NAME. {{json}} is the
// whole alert.
func fields(a alert.Alert) map[string]string {
	number := func(n alert.Number) string {
		if b, err := json.Marshal(n); err == nil {
			return string(b)
		}
		return "null"
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	end := a.ChangedAt
	if !a.ResolvedAt.IsZero() {
		end = a.ResolvedAt
	}
	out := map[string]string{
		"key": a.Key, "incident": a.Incident, "phase": a.Phase, "severity": string(a.Severity), "state": string(a.State), "host": a.Host, "rule": a.Rule, "target": a.Target,
		"metric": a.Metric, "unit": a.Unit, "value": number(a.Value), "threshold": "null", "shown_value": human.Value(float64(a.Value), a.Unit), "summary": a.Summary,
		"started_at": at(a.StartedAt), "changed_at": at(a.ChangedAt), "resolved_at": at(a.ResolvedAt), "seconds": strconv.Itoa(max(0, int(end.Sub(a.StartedAt).Seconds()))),
		"silence_command": a.SilenceCommand, "version": a.Agent.Version,
	}
	if a.Threshold != nil {
		out["threshold"] = number(*a.Threshold)
	}
	return out
}

func (c Config) contentType() string {
	if c.ContentType == "" || c.Body == "" {
		return "application/json"
	}
	return c.ContentType
}

// body fills in the fields, each escaped as the content type asks: within quotes
// of JSON, as a value of a form, else as one line of text.
func (c Config) body(a alert.Alert) ([]byte, error) {
	whole, err := json.Marshal(a)
	if err != nil || c.Body == "" {
		return whole, err
	}
	known := fields(a)
	escape := func(s string) string { return human.Clean(s, 4096) }
	switch {
	case strings.Contains(c.contentType(), "json"):
		escape = func(s string) string {
			b, err := json.Marshal(s)
			if err != nil {
				return ""
			}
			return string(b[1 : len(b)-1])
		}
	case strings.Contains(c.contentType(), "x-www-form-urlencoded"):
		escape = url.QueryEscape
	}
	return field.ReplaceAllFunc([]byte(c.Body), func(m []byte) []byte {
		name := string(field.FindSubmatch(m)[1])
		if name == "json" {
			if strings.Contains(c.contentType(), "x-www-form-urlencoded") {
				return []byte(url.QueryEscape(string(whole)))
			}
			return whole
		}
		if label, ok := strings.CutPrefix(name, "labels."); ok {
			return []byte(escape(a.Labels[label]))
		}
		return []byte(escape(known[name]))
	}), nil
}

// checkBody finds names that are no fields, and a JSON body that would be none.
func (c Config) checkBody() []conf.Fault {
	if c.Body == "" {
		if c.ContentType != "" {
			return []conf.Fault{{Path: "content_type", Problem: "content_type is for a body of your own", Hint: "set body, or leave it out"}}
		}
		return nil
	}
	var faults []conf.Fault
	names := []string{"json"}
	for n := range fields(alert.Alert{}) {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, m := range field.FindAllStringSubmatch(c.Body, -1) {
		if name := m[1]; !slices.Contains(names, name) && !strings.HasPrefix(name, "labels.") {
			f := conf.Fault{Path: "body", Problem: fmt.Sprintf("{{%s}} is no field of an alert", name), Hint: "fields: labels.NAME, " + strings.Join(names, ", ")}
			if near := conf.Nearest(name, names); near != "" {
				f.Hint = fmt.Sprintf("did you mean {{%s}}?", near)
			}
			faults = append(faults, f)
		}
	}
	if strings.ContainsAny(c.ContentType, "\r\n") {
		faults = append(faults, conf.Fault{Path: "content_type", Problem: "content_type has more than one line"})
	}
	sample := alert.Alert{Summary: `a "quoted" line`, Value: 1}
	if b, err := c.body(sample); len(faults) == 0 && strings.Contains(c.contentType(), "json") && (err != nil || !json.Valid(b)) {
		faults = append(faults, conf.Fault{Path: "body", Problem: "the body is not JSON once its fields are filled in", Hint: `put text in quotes: "{{summary}}"; numbers need none: {{value}}`})
	}
	return faults
}
