//go:build e2e

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/internal/awsfake"
)

// firstTick starts the agent and returns how long its first tick took to end.
func firstTick(t *testing.T, config string, env ...string) time.Duration {
	t.Helper()
	a := prepare(t, config)
	a.env = env
	began := time.Now()
	a.start()
	a.eventually(20*time.Second, "the first tick", func() bool { return strings.Contains(a.log.String(), "firewatch watches this host") })
	took := time.Since(began)
	a.kill(syscall.SIGKILL)
	return took
}

// TestMetadataDoesNotDelayTheStart: with an instance metadata service that takes
// connections and never answers, one that is not there, and one that speaks version
// 1 alone, the first tick ends as soon as without any. The sink has no region, so that
// the SDK's own chain would ask there too. Version 1 is never spoken.
func TestMetadataDoesNotDelayTheStart(t *testing.T) {
	if _, err := binary(); err != nil {
		t.Fatal(err)
	}
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	hang, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hang.Close() })
	var asked, unsigned atomic.Int64
	go func() {
		for {
			c, err := hang.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method == http.MethodPut {
			http.NotFound(w, r)
			return
		}
		unsigned.Add(1)
		_, _ = w.Write([]byte("i-0123"))
	}))
	t.Cleanup(old.Close)
	config := fmt.Sprintf("\n[[sink.cloudwatch]]\nname = \"cw\"\nendpoint = %q\n", fake.URL)
	at := func(url string) []string {
		return []string{"AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + url, "AWS_REGION=", "AWS_DEFAULT_REGION="}
	}
	cases := []struct {
		name string
		env  []string
		took []time.Duration
	}{{"none", nil, nil}, {"hangs", at("http://" + hang.Addr().String()), nil}, {"absent", at("http://" + freeAddress(t)), nil}, {"version 1 only", at(old.URL), nil}}
	for range 7 {
		for i := range cases {
			cases[i].took = append(cases[i].took, firstTick(t, config, cases[i].env...))
		}
	}
	median := func(d []time.Duration) float64 { slices.Sort(d); return d[len(d)/2].Seconds() }
	base := median(cases[0].took)
	for _, c := range cases[1:] {
		ratio := median(c.took) / base
		t.Logf("metadata service %s: first tick after %.0f ms, %.2f × that without one", c.name, 1000*median(c.took), ratio)
		if ratio > 1.5 {
			t.Errorf("metadata service %s: the first tick takes %.2f times as long", c.name, ratio)
		}
	}
	if asked.Load() == 0 {
		t.Error("nobody was asked: the test shows nothing")
	}
	if n := unsigned.Load(); n > 0 {
		t.Errorf("%d requests by version 1", n)
	}
}
