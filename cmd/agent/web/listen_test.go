package web

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

func servePage(t *testing.T, a Agent, c HTTPConfig) http.Handler {
	t.Helper()
	h, err := Page(t.Context(), a, c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestHost: by DNS rebinding a page in a browser reaches this listener under the
// name of its own site.
func TestHost(t *testing.T) {
	t.Parallel()
	h := servePage(t, &fakeAgent{}, HTTPConfig{Listen: "192.0.2.7:9469", Hosts: []string{"Mon.example.com", "192.0.2.9", "[2001:db8::9]"}})
	for host, want := range map[string]int{
		"127.0.0.1:9469": 200, "127.0.0.1": 200, "127.9.9.9": 200, "[::1]:9469": 200, "[::1]": 200, "localhost:9469": 200, "LOCALHOST": 200,
		"192.0.2.7:9469": 200, "192.0.2.7": 200, "192.0.2.9:80": 200, "[2001:db8::9]:80": 200, "mon.example.com": 200, "MON.example.com:9469": 200,
		"evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example:9469": 421, "192.0.2.8:9469": 421, "evil.mon.example.com": 421,
		"0.0.0.0:9469": 421, "[::]": 421, "": 421, ":9469": 421, "localhost@evil.example": 421, "2130706433": 421,
	} {
		r := httpRequest("GET", "/")
		r.Host = host
		if w := answer(h, r); w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
	everywhere := servePage(t, &fakeAgent{}, HTTPConfig{Listen: ":9469"})
	for host, want := range map[string]int{"127.0.0.1": 200, "192.0.2.7": 421, "": 421} {
		r := httpRequest("GET", "/metrics")
		r.Host = host
		if w := answer(everywhere, r); w.Code != want {
			t.Errorf("on :9469, Host %q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, c := range map[string]HTTPConfig{"inline": {Token: conf.NewSecret("s3cret")}, "file": {TokenFile: file}} {
		h := servePage(t, &fakeAgent{}, c)
		for auth, want := range map[string]int{
			"Bearer s3cret": 200, basic("anyone:s3cret"): 200, basic(":s3cret"): 200,
			"": 401, "Bearer ": 401, "Bearer s3cre": 401, "Bearer s3cret ": 401, "Bearer S3cret": 401, "s3cret": 401, basic("s3cret:"): 401, basic("s3cret"): 401, "Basic !": 401,
		} {
			for _, path := range []string{"/", "/metrics", "/nothing"} {
				r := httpRequest("GET", path)
				r.Header.Set("Authorization", auth)
				w := answer(h, r)
				if got := w.Code; got != want && (path != "/nothing" || want != 200 || got != 404) {
					t.Errorf("%s, %s with %q: %d, want %d", name, path, auth, got, want)
				}
				if strings.Contains(w.Body.String(), "s3cret") || w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
					t.Errorf("%s: %v %s", path, w.Header(), w.Body)
				}
			}
		}
	}
	if _, err := Page(t.Context(), &fakeAgent{}, HTTPConfig{TokenFile: file + ".none"}); err == nil {
		t.Error("a token file that is not there leaves the page open")
	}
}

// TestConstantHeaders: every answer has them, refusals too.
func TestConstantHeaders(t *testing.T) {
	t.Parallel()
	h := servePage(t, &fakeAgent{}, HTTPConfig{Token: conf.NewSecret("s3cret")})
	for _, c := range []struct {
		method, path, host, auth string
		status                   int
	}{
		{"GET", "/", "localhost", "Bearer s3cret", 200}, {"HEAD", "/", "localhost", "Bearer s3cret", 200}, {"GET", "/metrics", "localhost", "Bearer s3cret", 200},
		{"GET", "/none", "localhost", "Bearer s3cret", 404}, {"POST", "/", "localhost", "Bearer s3cret", 405}, {"GET", "/", "localhost", "", 401}, {"GET", "/", "evil", "Bearer s3cret", 421},
	} {
		r := httpRequest(c.method, c.path)
		r.Host = c.host
		r.Header.Set("Authorization", c.auth)
		w := answer(h, r)
		if w.Code != c.status {
			t.Errorf("%+v: %d", c, w.Code)
		}
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "script-src 'self';") || strings.Contains(csp, "unsafe") {
			t.Errorf("%+v: policy %q", c, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store"} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%+v: %s is %q", c, name, got)
			}
		}
	}
}

// TestOversizeHeaders: net/http adds 4 KiB to MaxHeaderBytes.
func TestOversizeHeaders(t *testing.T) {
	t.Parallel()
	l, err := Listen("127.0.0.1:0", "", "")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, servePage(t, &fakeAgent{}, HTTPConfig{}))
	for size, want := range map[int]int{maxHeaders / 2: 200, maxHeaders + 8<<10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Long", strings.Repeat("x", size))
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d bytes of headers: %d, want %d", size, resp.StatusCode, want)
		}
	}
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	if _, err := Listen("127.0.0.1:0", filepath.Join(t.TempDir(), "no.pem"), "no.key"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
}

// Replacing hosts is off by default and names its rules: what many hosts share
// must not replace them all.
func TestSetInstanceHealthIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		value string
		rules []string
		want  string
	}{{"", nil, ""}, {"off", nil, ""}, {"on", nil, "needs rules"}, {"dry-run", nil, "needs rules"}, {"on", []string{"memory-*"}, ""}, {"yes", []string{"memory-*"}, "not known"}} {
		got := ""
		for _, f := range (HealthConfig{Unhealthy: c.value, Rules: c.rules}).Validate() {
			got += f.Problem
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%q with rules %v: %q, want %q", c.value, c.rules, got, c.want)
		}
	}
}
