package probe

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Config is one [[probe]].
type Config struct {
	Name         string        `toml:"name"`
	Type         string        `toml:"type"`
	Target       string        `toml:"target"`        // what it is depends on the type: see kinds
	Command      []string      `toml:"command"`       // exec: program and arguments
	Interval     conf.Duration `toml:"interval"`      // default 10s
	Timeout      conf.Duration `toml:"timeout"`       // of one attempt; default 5s
	Query        string        `toml:"query"`         // dns: the name asked for
	Record       string        `toml:"record"`        // dns: default A
	User         string        `toml:"user"`          // postgres, redis
	Password     conf.Secret   `toml:"password"`      // postgres, redis
	PasswordFile string        `toml:"password_file"` // instead; read at each attempt
	CAFile       string        `toml:"ca_file"`       // http, tls: these roots instead of the system's
	ServerName   string        `toml:"server_name"`   // http, tls: the name that the certificate must have
	Redirects    int           `toml:"redirects"`     // http: how many are followed; default none
	Expect       Expect        `toml:"expect"`
}

// Expect is what an answer must be to count as a success.
type Expect struct {
	Status int    `toml:"status"` // http: default any 2xx or 3xx
	Body   string `toml:"body"`   // http, dns, exec: text that the first 64 KiB must contain
	Role   string `toml:"role"`   // postgres, redis: primary or replica
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// kind is one type of probe: the function that makes one attempt, and what its
// configuration may hold.
type kind struct {
	attempt func(ctx context.Context, c Config) (outcome, error)
	form    func(target string) bool // what a target is
	example string
	keys    []string // beyond those of every probe
}

// kinds lists the types of probe.
func kinds() map[string]kind {
	address := func(s string) bool {
		host, port, err := net.SplitHostPort(s)
		return err == nil && host != "" && port != ""
	}
	return map[string]kind{
		"http":     {httpAttempt, isURL("http", "https"), "http://127.0.0.1:8080/health", []string{"ca_file", "server_name", "redirects", "expect.status", "expect.body"}},
		"tcp":      {tcpAttempt, address, "127.0.0.1:5432", nil},
		"tls":      {tlsAttempt, address, "example.com:443", []string{"ca_file", "server_name"}},
		"dns":      {dnsAttempt, address, "127.0.0.53:53", []string{"query", "record", "expect.body"}},
		"icmp":     {icmpAttempt, func(s string) bool { return s != "" && !strings.ContainsAny(s, "/ ") }, "192.0.2.1", nil},
		"postgres": {postgresAttempt, isURL("postgres", "postgresql"), "postgres://127.0.0.1:5432/postgres?sslmode=disable", []string{"user", "password", "password_file", "expect.role"}},
		"redis":    {redisAttempt, address, "127.0.0.1:6379", []string{"user", "password", "password_file", "expect.role"}},
		"ntp":      {ntpAttempt, address, "169.254.169.123:123", nil},
		"exec":     {execAttempt, func(s string) bool { return s == "" }, "", []string{"command", "expect.body"}},
	}
}

func kindNames() []string { return slices.Sorted(maps.Keys(kinds())) }

func isURL(schemes ...string) func(string) bool {
	return func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme)
	}
}

func (c Config) withDefaults() Config {
	if c.Interval == 0 {
		c.Interval = conf.Duration(10 * time.Second)
	}
	if c.Timeout == 0 {
		c.Timeout = conf.Duration(5 * time.Second)
	}
	if c.Record == "" && c.Type == "dns" {
		c.Record = "A"
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
	k, known := kinds()[c.Type]
	switch {
	case !known:
		hint := "one of " + strings.Join(kindNames(), ", ")
		if near := conf.Nearest(c.Type, kindNames()); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		add("type", fmt.Sprintf("probe type %q is not known", c.Type), hint)
	case !k.form(c.Target) && c.Type == "exec":
		add("target", "an exec probe has no target", `write command = ["/path/of/program", "argument"]`)
	case !k.form(c.Target):
		add("target", fmt.Sprintf("target %q is not what a probe of type %s takes", redact(c.Target), c.Type), fmt.Sprintf("write for example %q", k.example))
	case c.Type == "postgres" && hasPassword(c.Target):
		add("target", "the target holds a password", "put it into password_file, or password = \"${env:NAME}\"")
	}
	if known {
		c.validateKeys(k, add)
	}
	c.validateValues(add)
	return faults
}

// validateKeys finds keys that this type of probe does not have, and those that
// it needs.
func (c Config) validateKeys(k kind, add func(path, problem, hint string)) {
	for _, x := range []struct {
		key string
		set bool
	}{{"command", len(c.Command) > 0}, {"query", c.Query != ""}, {"record", c.Record != ""}, {"user", c.User != ""}, {"password", !c.Password.IsZero()},
		{"password_file", c.PasswordFile != ""}, {"ca_file", c.CAFile != ""}, {"server_name", c.ServerName != ""}, {"redirects", c.Redirects != 0},
		{"expect.status", c.Expect.Status != 0}, {"expect.body", c.Expect.Body != ""}, {"expect.role", c.Expect.Role != ""}} {
		if x.set && !slices.Contains(k.keys, x.key) {
			add(x.key, fmt.Sprintf("a probe of type %s has no %s", c.Type, x.key), "leave it out")
		}
	}
	if c.Type == "exec" && (len(c.Command) == 0 || !filepath.IsAbs(c.Command[0])) {
		add("command", "an exec probe needs a command whose first item is an absolute path", `write command = ["/path/of/program", "argument"]`)
	}
	if c.Type == "dns" && c.Query == "" {
		add("query", "a dns probe needs the name that it asks for", `write for example query = "example.com"`)
	}
}

// validateValues finds values that are out of range.
func (c Config) validateValues(add func(path, problem, hint string)) {
	if c.Record != "" && records[c.Record] == 0 {
		add("record", fmt.Sprintf("record %q is not known", c.Record), "one of "+strings.Join(slices.Sorted(maps.Keys(records)), ", "))
	}
	if c.Redirects < 0 || c.Redirects > 10 {
		add("redirects", fmt.Sprintf("redirects %d is out of range", c.Redirects), "0 to 10")
	}
	if r := c.Expect.Role; r != "" && r != "primary" && r != "replica" {
		add("expect.role", fmt.Sprintf("role %q is not known", r), "primary or replica")
	}
	if slices.Contains(kinds()[c.Type].keys, "password_file") && !c.Password.IsZero() && c.PasswordFile != "" {
		add("password_file", "password and password_file are both given", "give one of them")
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

func hasPassword(target string) bool {
	u, err := url.Parse(target)
	if err != nil {
		return false
	}
	_, inUser := u.User.Password()
	return inUser || u.Query().Has("password")
}
