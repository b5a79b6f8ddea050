// Package webhook delivers alerts as JSON (schema 1) by HTTP POST. The header
// Idempotency-Key carries the alert's key, so a receiver that minds it shows
// each alert once; with a secret the body is signed.
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
	"net/netip"
	"net/url"
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
}

// Validate reports what is wrong.
func (c Config) Validate() []conf.Fault {
	faults := conf.ValidateSinkName(c.Name)
	if c.URL.IsZero() && c.URLFile == "" {
		return append(faults, conf.Fault{Path: "url", Problem: "a webhook needs a url", Hint: `write url = "https://…", or url_file`})
	}
	if c.URL.IsZero() {
		return faults
	}
	if err := c.checkURL(c.URL.Reveal()); err != nil {
		faults = append(faults, conf.Fault{Path: "url", Problem: err.Error(), Hint: "https://…, or http:// to this host, or allow_http = true"})
	}
	return faults
}

func (c Config) checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return errors.New("url is not a URL")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("url has scheme %q", u.Scheme)
	case c.AllowHTTP || isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("url sends alerts in clear text over the network")
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
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
	if err := c.checkURL(u.Reveal()); err != nil {
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
	body, err := json.Marshal(a)
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: encode alert: %w", alert.ErrPermanent, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: make request: the url is not one", alert.ErrPermanent)
	}
	req.Header.Set("Content-Type", "application/json")
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
	id := human.Clean(resp.Header.Get("X-Request-Id"), 128)
	if id == "" {
		id = a.Key
	}
	return alert.Receipt{ID: id}, nil
}

// scrub takes our secrets out of an answer that repeats them: the URL, or as
// many servers do ("Cannot POST /hooks/…") its path.
func (s *Sink) scrub(text string) string {
	secrets := []string{s.url, s.cfg.Token.Reveal(), s.cfg.Secret.Reveal()}
	if u, err := url.Parse(s.url); err == nil {
		secrets = append(secrets, u.RequestURI(), u.EscapedPath(), u.Path)
	}
	for _, secret := range secrets {
		if len(secret) > 1 { // the path "/" is no secret
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// sign is the value of the header Firewatch-Signature.
func sign(secret string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	stamp := fmt.Sprint(at.Unix())
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
