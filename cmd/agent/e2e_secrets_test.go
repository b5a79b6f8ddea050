//go:build e2e

package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// canaries are one secret for each credential that a config can name, and how
// the agent gets it.
type canaries struct {
	dir    string            // of files
	values map[string]string // by credential
	listen string            // of the status page
}

// plant makes a canary for a credential, in a file, in an environment variable or
// inline, and returns what the config says.
func (c *canaries) plant(t *testing.T, name, way, form string) string {
	t.Helper()
	value := fmt.Sprintf(form, canary+strings.ReplaceAll(name, "_", ""))
	c.values[name] = value
	switch way {
	case "file":
		path := filepath.Join(c.dir, name)
		if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	case "env":
		t.Setenv("FW_"+strings.ToUpper(name), value)
		return "${env:FW_" + strings.ToUpper(name) + "}"
	case "credential":
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		return "${credential:" + name + "}"
	}
	return value
}

// forms are the shapes in which a secret could leak.
func forms(v string) []string {
	basic := base64.StdEncoding.EncodeToString([]byte("firewatch:" + v))
	return []string{v, basic, url.QueryEscape(v), url.PathEscape(v), base64.StdEncoding.EncodeToString([]byte(v)), hex.EncodeToString([]byte(v)), strings.ToUpper(v)}
}

// search returns what of the canaries is in a text.
func (c *canaries) search(where, text string) (found []string) {
	for name, v := range c.values {
		for _, f := range forms(v) {
			if strings.Contains(text, f) {
				found = append(found, fmt.Sprintf("%s: the canary of %s", where, name))
				break
			}
		}
	}
	return found
}

// echoing answers as a proxy or a broken service does: it repeats all that it was
// sent. Its status goes round, so that each class of error is logged.
func echoing(t *testing.T) (*httptest.Server, *atomic.Int64) {
	var seen atomic.Int64
	statuses := []int{500, 403, 400, 429, 404, 302, 200}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		status := statuses[int(seen.Add(1))%len(statuses)]
		w.Header().Set("X-Request-Id", r.URL.String()+r.Header.Get("Authorization"))
		w.Header().Set("Location", r.URL.String())
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"ok":false,"error":%q,"message":%q}`, r.URL.RequestURI()+" "+r.Header.Get("Authorization"), body)
		fmt.Fprintf(w, "<Error><Code>Odd</Code><Message>%s %v %s</Message></Error>", r.URL, r.Header, body)
	}))
	t.Cleanup(s.Close)
	return s, &seen
}

func (c *canaries) config(t *testing.T, to string) string {
	t.Helper()
	t.Setenv("CREDENTIALS_DIRECTORY", c.dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.listen = l.Addr().String()
	_ = l.Close()
	return fmt.Sprintf(`
[[sink.slack]]
name = "chat"
token = %q
channel = "#ops"
api_url = "%s/api/"

[[sink.slack]]
name = "hook"
webhook_file = %q

[[sink.webhook]]
name = "generic"
url = %q
token_file = %q
secret = %q

[[sink.webhook]]
name = "own-body"
url_file = %q
token = %q
body = '{"text": "{{summary}}"}'

[[sink.alertmanager]]
name = "am"
url = %q
user = "firewatch"
password = %q

[[sink.pagerduty]]
name = "pd"
routing_key_file = %q
endpoint = %q

[[sink.sns]]
name = "topic"
topic = "arn:aws:sns:eu-west-1:123456789012:alerts"
endpoint = %q

[[sink.cloudwatch]]
name = "cw"
region = "eu-west-1"
endpoint = %q

[http]
listen = %q
token = %q
`, c.plant(t, "slack_token", "inline", "xoxb-%s"), to, c.plant(t, "slack_webhook", "file", to+"/services/T0/B0/%s"),
		c.plant(t, "webhook_url", "inline", to+"/in/%s?k=1"), c.plant(t, "webhook_token", "file", "tok-%s"), c.plant(t, "webhook_secret", "credential", "sec-%s"),
		c.plant(t, "webhook2_url", "file", to+"/own/%s"), c.plant(t, "webhook2_token", "env", "tok2-%s"),
		to, c.plant(t, "am_password", "env", "pw-%s"), c.plant(t, "pagerduty_key", "file", "key-%s"), to, to, to, c.listen, c.plant(t, "http_token", "env", "http-%s"))
}

// TestNoSecretIsShown: while every service fails and repeats what it was sent,
// no canary is in the log, in what any command prints, in the API, on the page, in
// the arguments, in a goroutine dump, in what is delivered, or in a file of the
// state directory other than the copy of a config that itself held it inline; and
// the process writes no core file.
func TestNoSecretIsShown(t *testing.T) {
	c := &canaries{dir: t.TempDir(), values: map[string]string{}}
	server, seen := echoing(t)
	config := c.config(t, server.URL)
	a := prepare(t, config)
	a.env = []string{"AWS_SECRET_ACCESS_KEY=aws-" + canary + "secret", "AWS_SESSION_TOKEN=aws-" + canary + "session"}
	c.values["aws_secret"], c.values["aws_session"] = "aws-"+canary+"secret", "aws-"+canary+"session"
	a.start()
	out := &leaks{t: t, c: c}
	for i := range 6 {
		text, code := a.command("send", "--severity", "critical", "--summary", fmt.Sprintf("trouble %d", i), "--key", fmt.Sprintf("k%d", i))
		if code != 0 {
			t.Fatal(text)
		}
	}
	a.eventually(60*time.Second, "each sink met hostile answers", func() bool {
		var status struct{ Sinks []alert.SinkStatus }
		met := 0
		if text, code := a.command("status", "--json"); code != 0 || json.Unmarshal([]byte(text), &status) != nil {
			return false
		}
		for _, s := range status.Sinks {
			if s.LastError != "" || s.Dead > 0 {
				met++
			}
		}
		return met >= 8 && seen.Load() >= 20
	})
	out.commands(a)
	text, _ := a.command("test-alert", "--sink", "generic")
	out.look("test-alert", text)
	out.pages(c.listen)
	// A config with faults on and beside the lines of secrets, at a reload.
	broken := strings.NewReplacer(`api_url = "http`, `api_url = "://`, "user = \"firewatch\"\n", "", `[http]`, "[htp]\ntokn = \""+c.values["http_token"]+"\"\n[http]").Replace(config)
	a.write(broken)
	_ = a.cmd.Process.Signal(syscall.SIGHUP)
	out.commands(a)
	a.write(config)
	_ = a.cmd.Process.Signal(syscall.SIGHUP)
	out.process(a)
	out.state(a.state)
	a.kill(syscall.SIGQUIT) // the runtime's dump of every goroutine, with arguments
	out.look("log and goroutine dump", a.log.String())
	if !strings.Contains(a.log.String(), "goroutine ") {
		t.Error("no goroutine dump: that part of the test looked at nothing")
	}
	if out.bytes < 20_000 || len(c.values) < 12 {
		t.Errorf("only %d bytes were searched for %d canaries", out.bytes, len(c.values))
	}
	t.Logf("%d canaries searched for in %d outputs, %d bytes: %d found", len(c.values), out.texts, out.bytes, out.found)
}

// leaks searches outputs for canaries.
type leaks struct {
	t     *testing.T
	c     *canaries
	mu    sync.Mutex
	texts int
	bytes int
	found int
}

func (l *leaks) look(where, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.texts++
	l.bytes += len(text)
	for _, f := range l.c.search(where, text) {
		l.found++
		l.t.Error(f)
	}
}

// commands looks at what each command prints.
func (l *leaks) commands(a *agentProc) {
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"incidents"}, {"incidents", "--json"}, {"outbox", "list"}, {"outbox", "check"}, {"explain"}, {"version"}, {"status", "--nonsense"},
		{"check", "--config", a.config}, {"check", "--config", a.config, "--print"}, {"check", "--config", a.config, "--live"}} {
		text, _ := a.plain(args...)
		l.look(strings.Join(args, " "), text)
	}
}

// pages looks at what the listener serves, to those who have its token and to
// those who have not.
func (l *leaks) pages(addr string) {
	for _, path := range []string{"/", "/metrics", "/nothing?token=" + url.QueryEscape("x")} {
		for _, token := range []string{"", l.c.values["http_token"]} {
			req, err := http.NewRequest(http.MethodGet, "http://"+addr+path, nil)
			if err != nil {
				l.t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				l.t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			l.look("GET "+path, fmt.Sprint(resp.Header)+string(b))
		}
	}
}

// plain is command without --state-dir where the command takes none.
func (a *agentProc) plain(args ...string) (string, int) {
	if args[0] != "check" && args[0] != "version" {
		return a.command(args...)
	}
	path, err := binary()
	if err != nil {
		a.t.Fatal(err)
	}
	return output(path, args...)
}

// process looks at what others can see of the running process.
func (l *leaks) process(a *agentProc) {
	proc := fmt.Sprintf("/proc/%d/", a.cmd.Process.Pid)
	argv, err := os.ReadFile(proc + "cmdline")
	if err != nil {
		l.t.Fatal(err)
	}
	l.look("arguments", string(argv))
	limits, err := os.ReadFile(proc + "limits")
	if err != nil {
		l.t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if f := strings.Fields(line); strings.HasPrefix(line, "Max core file size") && (f[4] != "0" || f[5] != "0") {
			l.t.Errorf("core files are on: %s", line)
		}
	}
}

// state looks at the files that the agent keeps.
func (l *leaks) state(dir string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // it comes and goes while the agent runs
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		if filepath.Base(path) == "config.last-good.toml" {
			if st, err := d.Info(); err != nil || st.Mode().Perm() != 0o600 {
				l.t.Errorf("%s has mode %v: it may hold what the config held inline", path, st.Mode())
			}
			b = []byte(strings.NewReplacer(l.c.values["slack_token"], "", l.c.values["webhook_url"], "").Replace(string(b)))
		}
		l.look(path, string(b))
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
}
