package probe

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Config is one [[probe]].
type Config struct {
	Name     string        `toml:"name"`
	Type     string        `toml:"type"`     // http or tcp
	Target   string        `toml:"target"`   // URL, or host:port
	Interval conf.Duration `toml:"interval"` // default 10s
	Timeout  conf.Duration `toml:"timeout"`  // of one attempt; default 5s
	Expect   Expect        `toml:"expect"`
}

// Expect is what an HTTP answer must be to count as a success.
type Expect struct {
	Status int    `toml:"status"` // default any 2xx or 3xx
	Body   string `toml:"body"`   // text that the first 64 KiB must contain
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// types lists the kinds of probe and the function that makes one attempt.
func types() map[string]func(ctx context.Context, c Config) (outcome, error) {
	return map[string]func(ctx context.Context, c Config) (outcome, error){"http": httpAttempt, "tcp": tcpAttempt}
}

func (c Config) withDefaults() Config {
	if c.Interval == 0 {
		c.Interval = conf.Duration(10 * time.Second)
	}
	if c.Timeout == 0 {
		c.Timeout = conf.Duration(5 * time.Second)
	}
	return c
}

// Validate reports what is wrong.
func (c Config) Validate() []conf.Fault {
	var faults []conf.Fault
	add := func(path, problem, hint string) {
		faults = append(faults, conf.Fault{Path: path, Problem: problem, Hint: hint})
	}
	if !nameForm.MatchString(c.Name) {
		add("name", fmt.Sprintf("probe name %q is not of the form [a-z0-9-], 1 to 64 letters", c.Name), `write for example "web"`)
	}
	switch c.Type {
	case "http":
		u, err := url.Parse(c.Target)
		if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https"}, u.Scheme) {
			add("target", fmt.Sprintf("target %q is not an http or https URL", redact(c.Target)), `write for example "http://127.0.0.1:8080/health"`)
		}
	case "tcp":
		if host, port, err := net.SplitHostPort(c.Target); err != nil || host == "" || port == "" {
			add("target", fmt.Sprintf("target %q is not host:port", c.Target), `write for example "127.0.0.1:5432"`)
		}
		if c.Expect != (Expect{}) {
			add("expect", "a tcp probe expects only that the connection opens", "leave expect out, or use type = \"http\"")
		}
	default:
		hint := "one of http, tcp"
		if near := conf.Nearest(c.Type, []string{"http", "tcp"}); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		add("type", fmt.Sprintf("probe type %q is not known", c.Type), hint)
	}
	if s := c.Expect.Status; s != 0 && (s < 100 || s > 599) {
		add("expect.status", fmt.Sprintf("status %d is not an HTTP status", s), "100 to 599")
	}
	d := c.withDefaults()
	if i := d.Interval.D(); i < 100*time.Millisecond || i > time.Hour {
		add("interval", fmt.Sprintf("interval %s is out of range", c.Interval), "100ms to 1h")
	}
	if t := d.Timeout.D(); t < 10*time.Millisecond || t > time.Minute {
		add("timeout", fmt.Sprintf("timeout %s is out of range", c.Timeout), "10ms to 1m")
	}
	return faults
}

// redact leaves out what a URL may hold of secrets: user, password and query.
func redact(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(not a URL)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
