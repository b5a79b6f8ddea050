package scrape

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

var begin = time.Unix(1_790_000_000, 0)

func values(t *testing.T, e *endpoint) map[string]float64 {
	t.Helper()
	samples, _ := (&Set{[]*endpoint{e}}).Collect(t.Context(), e.at, nil)
	out := map[string]float64{}
	for _, v := range samples {
		if !strings.HasPrefix(v.Metric, "scrape_success") && v.Metric != "scrape_duration" {
			out[v.Metric+" "+v.Target] = v.Value
		}
	}
	return out
}

const text = `# HELP queue Things that wait.
# TYPE queue gauge
queue{name="a b}",x="\"}"} 7 1700000000
queue %d
# TYPE requests counter
requests %d
errors_total{code="500"} %d
# TYPE latency histogram
latency_bucket{le="0.1"} 5
latency_bucket{le="+Inf"} 9
latency_sum{route="/"} %g
latency_count{route="/"} %d
secret_value 1
queue NaN
bad line here x
{} 5
`

func TestSeries(t *testing.T) {
	t.Parallel()
	e := New([]Config{{Name: "shop", Metrics: []string{"queue", "req*", "errors_total", "latency"}}}).endpoints[0]
	e.take(begin, 0, fmt.Appendf(nil, text, 1, 100, 5, 2.5, 10), nil)
	gauges := map[string]float64{`scrape_value shop:queue{name="a b}",x="\"}"}`: 7, "scrape_value shop:queue": 1}
	if diff := cmp.Diff(gauges, values(t, e)); diff != "" {
		t.Errorf("the first scrape has no rates (-want +got)\n%s", diff)
	}
	e.take(begin.Add(10*time.Second), 0, fmt.Appendf(nil, text, 3, 150, 5, 6.5, 20), nil)
	want := map[string]float64{`scrape_value shop:queue{name="a b}",x="\"}"}`: 7, "scrape_value shop:queue": 3, "scrape_rate shop:requests": 5,
		`scrape_rate shop:errors_total{code="500"}`: 0, `scrape_rate shop:latency_count{route="/"}`: 1, `scrape_mean shop:latency{route="/"}`: 0.4}
	if diff := cmp.Diff(want, values(t, e)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	e.take(begin.Add(20*time.Second), 0, fmt.Appendf(nil, text, 1, 10, 1, 0.5, 1), nil)
	if diff := cmp.Diff(gauges, values(t, e)); diff != "" {
		t.Errorf("after a restart of the application there are no rates (-want +got)\n%s", diff)
	}
	e.take(begin.Add(time.Hour), 0, fmt.Appendf(nil, text, 1, 20, 2, 0.5, 1), nil)
	if diff := cmp.Diff(gauges, values(t, e)); diff != "" {
		t.Errorf("after a gap there are no rates (-want +got)\n%s", diff)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	e := New([]Config{{Name: "x", Metrics: []string{"*"}}}).endpoints[0]
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "m%d 1\n", i)
	}
	e.take(begin, 0, []byte(b.String()), nil)
	if n := len(e.samples); n != maxSeries+2 || e.err == nil {
		t.Errorf("%d samples, %v", n, e.err)
	}
}

func TestAgainstARealServer(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "up 1\n") })
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxBody+1)) })
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for path, want := range map[string]string{"/ok": "", "/none": "status 404", "/large": "more than", "/hang": "deadline"} {
		c := Config{Name: "x", URL: server.URL + path, Metrics: []string{"up"}}
		if path == "/hang" {
			c.Timeout = conf.Duration(50 * time.Millisecond)
		}
		e := New([]Config{c}).endpoints[0]
		e.scrape(t.Context())
		if (want == "") != (e.err == nil) || e.err != nil && !strings.Contains(e.err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, e.err, want)
		}
		if got := values(t, e); (want == "") != (got["scrape_value x:up"] == 1) {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good := Config{Name: "a", URL: "http://127.0.0.1:1/m", Metrics: []string{"x"}}
	if f := good.Validate(); len(f) != 0 {
		t.Error(f)
	}
	for want, change := range map[string]func(c *Config){
		"name": func(c *Config) { c.Name = "A" }, "url": func(c *Config) { c.URL = "http://example.com/" }, "metrics": func(c *Config) { c.Metrics = nil },
		"metrics.0": func(c *Config) { c.Metrics = []string{"["} }, "interval": func(c *Config) { c.Interval = 1 }, "timeout": func(c *Config) { c.Timeout = 1 },
	} {
		c := good
		change(&c)
		if f := c.Validate(); len(f) != 1 || f[0].Path != want {
			t.Errorf("%s: %v", want, f)
		}
	}
}

func FuzzKeep(f *testing.F) {
	f.Add([]byte(text), []byte("# TYPE a counter\na{x=\"} 1\na 5\n"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		e := New([]Config{{Name: "x", Metrics: []string{"*"}}}).endpoints[0]
		for i, b := range [][]byte{first, second} {
			e.take(begin.Add(time.Duration(i)*10*time.Second), 0, b, nil)
			seen := map[string]bool{}
			for _, v := range e.samples {
				if v.Value-v.Value != 0 || seen[v.Metric+v.Target] || v.Metric == "scrape_rate" && v.Value < 0 {
					t.Errorf("%+v", v)
				}
				seen[v.Metric+v.Target] = true
			}
		}
	})
}
