package web

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/record"
)

// Buttons need the listener's token and the form's own, and a browser that says
// that the form is this page's: a form on another site has none of that.
func TestActionsAreSafeAgainstForgery(t *testing.T) {
	t.Parallel()
	token := conf.NewSecret("s3cret")
	csrf := csrfToken(token)
	firing := Status{Incidents: []alert.Incident{{ID: "abc", Rule: "disk-full", Target: "/var", State: alert.Firing}}}
	for _, c := range []struct {
		name   string
		config HTTPConfig
		path   string
		csrf   string
		header []string
		want   int
	}{
		{"acknowledge", HTTPConfig{Token: token}, "/ack", csrf, nil, 303},
		{"silence", HTTPConfig{Token: token}, "/silence", csrf, []string{"Origin", "http://127.0.0.1:9469", "Sec-Fetch-Site", "same-origin"}, 303},
		{"without the form's token", HTTPConfig{Token: token}, "/ack", "", nil, 403},
		{"a wrong one", HTTPConfig{Token: token}, "/ack", csrf[1:] + "0", nil, 403},
		{"from another site", HTTPConfig{Token: token}, "/ack", csrf, []string{"Origin", "http://evil.example"}, 403},
		{"from another site, by metadata", HTTPConfig{Token: token}, "/silence", csrf, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"from another port", HTTPConfig{Token: token}, "/silence", csrf, []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"from a sandboxed frame", HTTPConfig{Token: token}, "/ack", csrf, []string{"Origin", "null"}, 403},
		{"without a token in the config", HTTPConfig{}, "/ack", "", nil, 403},
	} {
		a := &fakeAgent{status: firing}
		h := servePage(t, a, c.config)
		body := url.Values{"id": {"abc"}, "csrf": {c.csrf}}.Encode()
		head := append([]string{"Content-Type", "application/x-www-form-urlencoded", "Authorization", "Bearer s3cret"}, c.header...)
		if w := do(h, "POST", c.path, body, head...); w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
		silenced := len(a.silences) == 1 && a.silences[0].Rule == "disk-full" && a.silences[0].Target == "/var"
		if want := c.want == 303 && c.path == "/silence"; silenced != want {
			t.Errorf("%s: silences %+v", c.name, a.silences)
		}
	}
	if w := do(servePage(t, &fakeAgent{status: firing}, HTTPConfig{Token: token}), "GET", "/ack", "", "Authorization", "Bearer s3cret"); w.Code != 405 {
		t.Errorf("GET /ack: %d", w.Code)
	}
	for page, want := range map[string]bool{
		do(servePage(t, &fakeAgent{status: firing}, HTTPConfig{Token: token}), "GET", "/", "", "Authorization", "Bearer s3cret").Body.String(): true,
		do(servePage(t, &fakeAgent{status: firing}, HTTPConfig{}), "GET", "/", "").Body.String():                                               false,
	} {
		if strings.Contains(page, "<button>") != want {
			t.Errorf("buttons %v, want %v", !want, want)
		}
	}
}

// A chart is a gap where a reading is missing, never a line or a zero.
func TestChartHasGaps(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := Plot{Title: "cpu", Unit: "Percent", From: from, To: from.Add(time.Hour), Step: time.Minute, Usual: &alert.Range{Low: 5, High: 20}}
	for i := range 60 {
		s := record.Stat{Mean: 10, Max: 12, Min: 9, Count: 60}
		if i == 20 {
			s = record.Stat{Mean: math.NaN(), Max: math.NaN(), Min: math.NaN()}
		}
		if i != 40 { // no row at all
			p.Points = append(p.Points, record.Point{Time: from.Add(time.Duration(i) * time.Minute), Stats: []record.Stat{s}})
		}
	}
	var b strings.Builder
	p.WriteSVG(&b)
	svg := b.String()
	_, line, _ := strings.Cut(svg, `class="line" d="`)
	line, _, _ = strings.Cut(line, `"`)
	if n := strings.Count(line, "M"); n != 3 {
		t.Errorf("the line has %d pieces, want 3: %s", n, line)
	}
	if n := strings.Count(svg, `class="at"`); n != 58 {
		t.Errorf("%d points can be read, want 58", n)
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || !strings.Contains(svg, `aria-label="cpu: 10 % now, usually 5 % to 20 %"`) {
		t.Error(svg[:300])
	}
}

// Whatever the values, the axis holds them and has few lines.
func TestChartAxis(t *testing.T) {
	t.Parallel()
	for _, values := range [][]float64{{}, {0}, {0, 0}, {5}, {100, 99}, {1e300, -1e300}, {1e-12}, {-3, 4}, {1 << 40, 1}, {99.7, 100}} {
		p := Plot{Unit: "Percent"}
		for _, v := range values {
			p.Points = append(p.Points, record.Point{Stats: []record.Stat{{Mean: v, Max: v, Min: v, Count: 1}}})
		}
		lo, hi, tick := p.scale()
		if !(lo < hi) || !(tick > 0) || (hi-lo)/tick > 6 {
			t.Errorf("%v: %g to %g by %g", values, lo, hi, tick)
		}
		for _, v := range values {
			if v < lo || v > hi {
				t.Errorf("%v: %g to %g", values, lo, hi)
			}
		}
	}
}

// However many look, the history is read once in a while.
func TestChartsAreDrawnOnce(t *testing.T) {
	t.Parallel()
	a := &fakeAgent{asked: new(atomic.Int64), status: Status{Now: time.Now(), Vitals: []Vital{{Metric: "cpu_usage_active"}}}}
	h := servePage(t, a, HTTPConfig{})
	for range 20 {
		if w := do(h, "GET", "/charts?range=6h", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "<svg") {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
	}
	if n := a.asked.Load(); n != 2 { // what is unusual, and the vital signs
		t.Errorf("the history was read %d times", n)
	}
	if w := do(h, "GET", "/series?metric=cpu_usage_active&target=%3Cb%3E&range=14d", ""); w.Code != 200 || strings.Contains(w.Body.String(), "<b>\x00") || strings.Contains(w.Body.String(), "<b></a>") {
		t.Errorf("%d", w.Code)
	}
}

// A stream tells what changed, and ends with the agent.
func TestStream(t *testing.T) {
	t.Parallel()
	a := &fakeAgent{status: Status{Host: "web1", Outbox: Outbox{Health: alert.Health{Durable: true}}}}
	s := httptest.NewServer(servePage(t, a, HTTPConfig{}))
	defer s.Close()
	r, err := http.Get(s.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	buf := make([]byte, 64<<10)
	n, err := r.Body.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(buf[:n]), "data: ")
	var got map[string]string
	if err := json.Unmarshal([]byte(strings.TrimSpace(text)), &got); !ok || err != nil || !strings.Contains(got["verdict"], "This host is all right") {
		t.Errorf("%v: %s", err, text)
	}
}
