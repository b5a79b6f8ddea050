package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

func values(t *testing.T, s *Set) (map[string]float64, error) {
	t.Helper()
	samples, err := s.Collect(t.Context(), time.Now(), nil)
	out := map[string]float64{}
	for _, v := range samples {
		out[v.Metric] = v.Value
	}
	return out, err
}

// TestScheduleAndConfirmation: attempts in fake time. A first failure is
// repeated at once; what fails twice counts; a success ends it.
func TestScheduleAndConfirmation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts int
		fail := map[int]bool{2: true, 4: true, 5: true, 6: true} // one blip, then a failure for good
		s := New([]Config{{Name: "web", Type: "tcp", Target: "x:1"}})
		s.attempt = func(context.Context, Config) (outcome, error) {
			attempts++
			time.Sleep(40 * time.Millisecond)
			if fail[attempts] {
				return outcome{}, errors.New("refused")
			}
			return outcome{}, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.Run(ctx); close(done) }()
		if got, _ := values(t, s); len(got) != 0 {
			t.Errorf("before the first attempt: %v", got)
		}
		for i, want := range []float64{1, 1, 0, 0, 1} {
			time.Sleep(10 * time.Second)
			synctest.Wait()
			got, err := values(t, s)
			if got["probe_success"] != want || (err != nil) != (want == 0) {
				t.Errorf("round %d: %v, %v; want success %g", i, got, err, want)
			}
			if d, ok := got["probe_duration"]; ok != (want == 1) || ok && d != 40 {
				t.Errorf("round %d: duration %v %v", i, d, ok)
			}
		}
		cancel()
		<-done
		time.Sleep(time.Hour)
		if got, _ := values(t, s); len(got) != 0 {
			t.Errorf("an hour after the last attempt: %v", got)
		}
	})
}

func TestHTTPAgainstARealServer(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "all is well") })
	mux.HandleFunc("/bad", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/ok")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for _, c := range []struct {
		path   string
		expect Expect
		want   string // part of the error, "" = success
	}{
		{"/ok", Expect{}, ""}, {"/ok", Expect{Body: "well"}, ""}, {"/ok", Expect{Body: "ill"}, "expected text"},
		{"/bad", Expect{}, "status 502"}, {"/bad", Expect{Status: 502}, ""}, {"/away", Expect{}, ""}, {"/hang", Expect{}, "no answer within 50ms"},
	} {
		s := New([]Config{{Name: "x", Type: "http", Target: server.URL + c.path, Expect: c.expect, Timeout: conf.Duration(50 * time.Millisecond)}})
		if c.path != "/hang" {
			s.probes[0].cfg.Timeout = conf.Duration(10 * time.Second)
		}
		_, _, err := s.once(t.Context(), s.probes[0])
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: %v, want %q", c.path, c.expect, err, c.want)
		}
	}
}

// TestSecretsOfATarget: user, password and query reach the server and are not
// in the samples.
func TestSecretsOfATarget(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "canary" || r.URL.RawQuery != "token=canary" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	target := strings.Replace(server.URL, "http://", "http://me:canary@", 1) + "/health?token=canary"
	s := New([]Config{{Name: "x", Type: "http", Target: target}, {Name: "y", Type: "tcp", Target: "127.0.0.1:5432"}})
	if _, _, err := s.once(t.Context(), s.probes[0]); err != nil {
		t.Error(err)
	}
	if got := s.probes[0].dims[0].Value; got != server.URL+"/health" {
		t.Errorf("dimension server is %q", got)
	}
	if got := s.probes[1].dims[0].Value; got != "127.0.0.1:5432" {
		t.Errorf("dimension server is %q", got)
	}
}

func TestTCPAgainstARealServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New([]Config{{Name: "x", Type: "tcp", Target: l.Addr().String()}})
	if _, _, err := s.once(t.Context(), s.probes[0]); err != nil {
		t.Error(err)
	}
	_ = l.Close()
	if _, _, err := s.once(t.Context(), s.probes[0]); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("closed port: %v", err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good := Config{Name: "web", Type: "http", Target: "http://127.0.0.1/"}
	if f := good.Validate(); len(f) != 0 {
		t.Error(f)
	}
	for want, bad := range map[string]Config{
		"name":          {Name: "Web!", Type: "tcp", Target: "a:1"},
		"type":          {Name: "a", Type: "htpp", Target: "a:1"},
		"target":        {Name: "a", Type: "http", Target: "ftp://x"},
		"command":       {Name: "a", Type: "exec", Command: []string{"sh"}},
		"query":         {Name: "a", Type: "dns", Target: "a:53"},
		"record":        {Name: "a", Type: "dns", Target: "a:53", Query: "x", Record: "B"},
		"redirects":     {Name: "a", Type: "http", Target: "http://a/", Redirects: 99},
		"password_file": {Name: "a", Type: "redis", Target: "a:1", Password: conf.NewSecret("x"), PasswordFile: "/f"},
		"expect.role":   {Name: "a", Type: "redis", Target: "a:1", Expect: Expect{Role: "slave"}},
		"ca_file":       {Name: "a", Type: "icmp", Target: "a", CAFile: "/x"},
		"interval":      {Name: "a", Type: "tcp", Target: "a:1", Interval: 1},
		"timeout":       {Name: "a", Type: "tcp", Target: "a:1", Timeout: conf.Duration(time.Hour)},
		"expect.status": {Name: "a", Type: "http", Target: "http://a/", Expect: Expect{Status: 7}},
	} {
		if f := bad.Validate(); len(f) != 1 || f[0].Path != want {
			t.Errorf("%s: %v", want, f)
		}
	}
	for _, k := range kindNames() {
		c := Config{Name: "a", Type: k, Target: kinds()[k].example}
		switch k {
		case "exec":
			c.Command = []string{"/bin/true"}
		case "dns":
			c.Query = "example.com"
		}
		if f := c.Validate(); len(f) != 0 {
			t.Errorf("the example of %s: %v", k, f)
		}
	}
	if f := (Config{Name: "a", Type: "postgres", Target: "postgres://u:canary@h/db"}).Validate(); len(f) != 1 || strings.Contains(f[0].String(), "canary") {
		t.Errorf("a password in the target: %v", f)
	}
}
