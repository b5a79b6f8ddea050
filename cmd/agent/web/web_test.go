package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/record"
)

// fakeAgent answers as a test tells it to.
type fakeAgent struct {
	silences []alert.Silence
	dead     string
	status   Status
	result   alert.Result
	err      error
	key      string
	got      alert.Alert
	tick     bool
	outbox   bool
	traffic  bool
	asked    *atomic.Int64 // queries of the past
}

func (f *fakeAgent) Explain() detect.Explanation     { return detect.Explanation{State: "ready"} }
func (f *fakeAgent) Status() Status                  { return f.status }
func (f *fakeAgent) Incidents() []alert.Incident     { return f.status.Incidents }
func (f *fakeAgent) DeadLetters() []alert.DeadLetter { return []alert.DeadLetter{} }
func (f *fakeAgent) Progress() (tick, outbox bool)   { return f.tick, f.outbox }
func (f *fakeAgent) Traffic() (bool, string) {
	return f.traffic, map[bool]string{true: "ok", false: "critical"}[f.traffic]
}
func (f *fakeAgent) Usual(metric, _ string) *alert.Range {
	if metric == "net_bytes_recv" {
		return &alert.Range{Low: 1, High: 3}
	}
	return nil
}

// Past has a reading in each step of q but one.
func (f *fakeAgent) Past(_ context.Context, q record.Query) ([]record.Point, error) {
	if f.asked != nil {
		f.asked.Add(1)
	}
	var out []record.Point
	for t := q.From; t.Before(q.To); t = t.Add(q.Step) {
		p := record.Point{Time: t}
		for i := range q.Series {
			v := float64(len(out)%7 + i)
			st := record.Stat{Mean: v, Max: v + 1, Min: v - 1, Count: 60}
			if len(out) == 20 {
				st = record.Stat{}
			}
			p.Stats = append(p.Stats, st)
		}
		out = append(out, p)
	}
	return out, f.err
}
func (f *fakeAgent) Samples() []collect.Sample {
	return []collect.Sample{{Metric: "disk_used_percent", Target: "/mnt/\"x\"\n", Value: 50, Dims: []collect.Label{{Name: "fstype", Value: "ext4"}}}, {Metric: "net_bytes_recv", Target: "eth0", Value: 7}}
}
func (f *fakeAgent) MetricInfo(name string) collect.Metric {
	return collect.Metric{Name: name, Unit: map[string]string{"disk_used_percent": "Percent", "net_bytes_recv": "Bytes/Second"}[name]}
}
func (f *fakeAgent) Counters() []Counter                             { return []Counter{{Name: "firewatch_ticks_total", Value: 5}} }
func (f *fakeAgent) Drill(context.Context, DrillStep) (Drill, error) { return Drill{}, nil }

func (f *fakeAgent) TestAlert(context.Context, string) ([]TestResult, error) {
	return []TestResult{{Sink: "a", OK: true}}, f.err
}
func (f *fakeAgent) Reload(context.Context) error { return f.err }
func (f *fakeAgent) Silences() []alert.Silence    { return f.silences }
func (f *fakeAgent) AddSilence(_ context.Context, s alert.Silence) (alert.Silence, error) {
	s.ID = "0123abcd"
	f.silences = append(f.silences, s)
	return s, f.err
}
func (f *fakeAgent) RemoveSilence(context.Context, string, string) error { return f.err }
func (f *fakeAgent) RetryDead(_ context.Context, key, sink, _ string) (int, error) {
	f.dead = "retry " + key + " " + sink
	return 1, f.err
}
func (f *fakeAgent) DropDead(_ context.Context, key, sink, _ string) (int, error) {
	f.dead = "drop " + key + " " + sink
	return 1, f.err
}
func (f *fakeAgent) DropBacklog(context.Context, string, string) (int, error) { return 2, f.err }
func (f *fakeAgent) Acknowledge(context.Context, string, string) error        { return f.err }
func (f *fakeAgent) Accept(_ context.Context, a alert.Alert, key string) (alert.Result, error) {
	f.got, f.key = a, key
	return f.result, f.err
}

// do makes one request to a handler.
func do(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:9469"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAlertAnswers(t *testing.T) {
	t.Parallel()
	good := `{"rule":"r","severity":"critical","state":"firing","summary":"s"}`
	for _, c := range []struct {
		name, body, key string
		result          alert.Result
		err             error
		want            int
	}{
		{"new", good, "k", alert.Accepted, nil, 202},
		{"repeat", good, "k", alert.Repeated, nil, 200},
		{"ignored", good, "", alert.Ignored, nil, 200},
		{"conflict", good, "k", alert.Conflict, errors.New("taken"), 409},
		{"refused", good, "", alert.Refused, alert.ErrInvalid, 422},
		{"not on disk", good, "", alert.NotYet, alert.ErrNotDurable, 503},
		{"not JSON", "{", "", "", nil, 422},
		{"other schema", `{"schema":2}`, "", "", nil, 422},
		{"too large", strings.Repeat("x", maxBody+1), "", "", nil, 413},
		{"long key", good, strings.Repeat("k", 257), "", nil, 422},
	} {
		f := &fakeAgent{result: c.result, err: c.err}
		w := do(API(f), "POST", "/v1/alerts", c.body, "Idempotency-Key", c.key)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
		var p Problem
		if w.Code >= 400 && (json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Error == "") {
			t.Errorf("%s: the answer is not a problem: %s", c.name, w.Body)
		}
		if c.want == 202 && (f.key != "k" || f.got.Rule != "r") {
			t.Errorf("%s: %q %+v", c.name, f.key, f.got)
		}
	}
}

func TestOtherAnswers(t *testing.T) {
	t.Parallel()
	if w := do(API(&fakeAgent{err: alert.ErrUnknownIncident}), "POST", "/v1/incidents/abc/ack", `{"by":"me"}`); w.Code != 404 {
		t.Errorf("ack of an unknown incident: %d", w.Code)
	}
	if w := do(API(&fakeAgent{}), "POST", "/v1/incidents/abc/ack", `{`); w.Code != 422 {
		t.Errorf("ack with a bad body: %d", w.Code)
	}
	if w := do(API(&fakeAgent{}), "POST", "/v1/incidents/abc/ack", ``); w.Code != 200 {
		t.Errorf("ack: %d", w.Code)
	}
	if w := do(API(&fakeAgent{err: errors.New("no such sink")}), "POST", "/v1/test-alert?sink=x", ""); w.Code != 422 {
		t.Errorf("test-alert: %d", w.Code)
	}
	for _, path := range []string{"/", "/v1", "/v1/../etc/passwd", "/v1/status/x"} {
		if w := do(API(&fakeAgent{}), "GET", "http://x"+path, ""); w.Code != 404 && w.Code != 307 && w.Code != 301 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestSocketAndClient: a real socket, from listening to what the client says.
func TestSocketAndClient(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "fw") // t.TempDir's path can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "agent.sock")
	client := NewClient(path)
	var st Status
	if err := client.Get(t.Context(), "/v1/status", &st); !errors.Is(err, ErrNoAgent) || !strings.Contains(err.Error(), "firewatch run") {
		t.Errorf("without an agent: %v", err)
	}
	for range 2 { // the second time it replaces the socket that was left behind
		l, err := ListenUnix(path)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := os.Stat(path); err != nil || m.Mode().Perm()&0o007 != 0 {
			t.Errorf("mode %v, %v: others can speak", m.Mode(), err)
		}
		s := NewServer(API(&fakeAgent{status: Status{Host: "h1"}, err: errors.New("broken")}))
		go func() { _ = s.Serve(l) }()
		if err := client.Get(t.Context(), "/v1/status", &st); err != nil || st.Host != "h1" {
			t.Errorf("%+v, %v", st, err)
		}
		var said *AnswerError
		if err := client.Post(t.Context(), "/v1/alerts", map[string]string{}, "k", nil); !errors.As(err, &said) || said.Status != 503 || said.Hint == "" {
			t.Errorf("%v", err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		_ = s.Close()
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenUnix(file); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file in the place of the socket: %v", err)
	}
	if _, err := ListenUnix("/tmp/" + strings.Repeat("x", 120)); err == nil || !strings.Contains(err.Error(), "--socket") {
		t.Errorf("long path: %v", err)
	}
}

func TestPageAsksForHostAndToken(t *testing.T) {
	t.Parallel()
	h, err := Page(t.Context(), &fakeAgent{}, HTTPConfig{Listen: "10.0.0.5:9469", Token: conf.NewSecret("s3cret"), Hosts: []string{"web1.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	bearer := []string{"Authorization", "Bearer s3cret"}
	for host, want := range map[string]int{"127.0.0.1:9469": 200, "localhost": 200, "[::1]:9469": 200, "10.0.0.5:9469": 200, "web1.example.com": 200,
		"evil.example.com": 421, "127.0.0.1.evil.com": 421, "10.0.0.6": 421, "": 421} {
		if w := do(h, "GET", "/", "", append(bearer, "Host", host)...); w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
	for auth, want := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer s3cre": 401, "Bearer s3cret": 200, "Basic eDpzM2NyZXQ=": 200, "Basic eDp4": 401} {
		if w := do(h, "GET", "/metrics", "", "Authorization", auth); w.Code != want {
			t.Errorf("%q: %d, want %d", auth, w.Code, want)
		}
	}
	w := do(h, "GET", "/", "", bearer...)
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", w.Header())
	}
	if strings.Contains(w.Body.String(), "s3cret") || do(h, "POST", "/", "", bearer...).Code != 405 {
		t.Error("the page shows its token, or takes a POST")
	}
}

func TestMetricsText(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	WriteMetrics(&b, &fakeAgent{})
	want := "# TYPE firewatch_ticks_total counter\nfirewatch_ticks_total 5\n# TYPE firewatch_disk_used_percent gauge\n" + `firewatch_disk_used_percent{target="/mnt/\"x\"\n",fstype="ext4"} 50` +
		"\n# TYPE firewatch_net_bytes_recv_bytes_per_second gauge\n" + `firewatch_net_bytes_recv_bytes_per_second{target="eth0"} 7` + "\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestHealthWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		agent fakeAgent
		path  string
		code  int
		word  string
	}{
		{fakeAgent{tick: true, outbox: true}, "/healthz", 200, "ok"}, {fakeAgent{outbox: true}, "/healthz", 503, "ticks-stalled"},
		{fakeAgent{tick: true}, "/healthz", 503, "outbox-stalled"}, {fakeAgent{traffic: true}, "/health/host", 200, "ok"},
		{fakeAgent{}, "/health/host", 503, "critical"}, {fakeAgent{}, "/", 404, "404 page not found"}, {fakeAgent{}, "/metrics", 404, "404 page not found"},
	} {
		w := do(Health(&c.agent), "GET", c.path, "", "Host", "anything.at.all")
		if w.Code != c.code || strings.TrimSpace(w.Body.String()) != c.word {
			t.Errorf("%s: %d %q, want %d %q", c.path, w.Code, w.Body, c.code, c.word)
		}
	}
}

// TestConnectionCap: one connection more than the cap is closed at once, and a
// place that becomes free is given again.
func TestConnectionCap(t *testing.T) {
	t.Parallel()
	l, err := Listen("127.0.0.1:0", "", "")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(Health(&fakeAgent{tick: true, outbox: true}))
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	ask := func(c net.Conn) bool {
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		n, _ := c.Read(make([]byte, 64))
		return n > 0
	}
	var open []net.Conn
	for range maxConnections {
		c := dial()
		if !ask(c) {
			t.Fatal("a connection within the cap was closed")
		}
		open = append(open, c)
	}
	if ask(dial()) {
		t.Error("a connection beyond the cap was served")
	}
	_ = open[0].Close()
	for deadline := time.Now().Add(5 * time.Second); !ask(dial()); {
		if time.Now().After(deadline) {
			t.Fatal("the place of a closed connection is not given again")
		}
	}
}

func TestServerIsBounded(t *testing.T) {
	t.Parallel()
	s := NewServer(nil)
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes != maxHeaders {
		t.Errorf("%+v", s)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	secret := conf.NewSecret("x")
	for i, c := range []struct {
		cfg  HTTPConfig
		want int
	}{
		{HTTPConfig{}, 0}, {HTTPConfig{Listen: "127.0.0.1:9469"}, 0}, {HTTPConfig{Listen: "localhost:0"}, 0}, {HTTPConfig{Listen: "[::1]:9"}, 0},
		{HTTPConfig{Listen: ":9469"}, 2}, {HTTPConfig{Listen: "0.0.0.0:9469", Token: secret}, 1}, {HTTPConfig{Listen: "10.0.0.1:9", TLSCert: "c", TLSKey: "k"}, 1},
		{HTTPConfig{Listen: "10.0.0.1:9", TLSCert: "c", TLSKey: "k", Token: secret}, 0}, {HTTPConfig{Listen: "9469"}, 1}, {HTTPConfig{Listen: "127.0.0.1:99999"}, 1},
		{HTTPConfig{Listen: "example.com:80"}, 1}, {HTTPConfig{Listen: "127.0.0.1:9", TLSCert: "c"}, 1},
	} {
		if got := c.cfg.Validate(); len(got) != c.want {
			t.Errorf("%d %+v: %v", i, c.cfg, got)
		}
	}
	if f := (HealthConfig{Listen: "x"}).Validate(); len(f) != 1 {
		t.Error(f)
	}
}
