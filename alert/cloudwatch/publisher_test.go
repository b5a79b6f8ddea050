package cloudwatch

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
)

var units = []collect.Metric{{Name: "cpu_usage_active", Unit: "Percent"}, {Name: "diskio_read_bytes", Unit: "Bytes/Second"}, {Name: "system_load1", Unit: "Count"},
	{Name: "diskio_util", Unit: "Percent"}}

// publisher returns one that talks to a new fake, and the fake.
func publisher(t *testing.T, c Config, o Options) (*Publisher, *awsfake.Server) {
	t.Helper()
	credentials(t)
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	c.Name, c.Region, c.Endpoint = "cw", "eu-west-1", fake.URL
	if o.Host == "" {
		o.Host = "h1"
	}
	if o.Metrics == nil {
		o.Metrics = units
	}
	p := NewPublisher(c, o)
	p.pace = 0
	return p, fake
}

// minute is one of the past, n minutes ago.
func minute(n int) time.Time {
	return time.Now().Truncate(time.Minute).Add(-time.Duration(n) * time.Minute)
}

func down(string) (int, http.Header, string) { return 503, nil, "ServiceUnavailable" }

func frames(p *Publisher, start time.Time, n int, every time.Duration) {
	for i := range n {
		p.Record(collect.Frame{Time: start.Add(time.Duration(i) * every), Elapsed: every, Samples: []collect.Sample{
			{Metric: "cpu_usage_active", Value: float64(i % 50), Dims: []collect.Label{{Name: "cpu", Value: "cpu-total"}}},
			{Metric: "cpu_usage_active", Target: "cpu0", Value: 99},
			{Metric: "diskio_read_bytes", Target: "sda", Value: 100, Dims: []collect.Label{{Name: "name", Value: "sda"}}},
			{Metric: "system_load1", Value: float64(i)},
		}})
	}
}

// TestPublisher: one datum per series and minute, values with counts, disk I/O
// as the sum of the minute, a statistic set beyond 150 values.
func TestPublisher(t *testing.T) {
	p, fake := publisher(t, Config{Metrics: []string{"cpu_usage_active", "diskio_read_bytes", "system_load1"}}, Options{})
	frames(p, minute(10), 241, 250*time.Millisecond)
	p.sendAll(t.Context())
	byName := map[string]awsfake.Datum{}
	for _, d := range fake.Data() {
		byName[d.Metric] = d
	}
	if len(byName) != 3 || fake.Requests() != 1 {
		t.Fatalf("%d series in %d requests: %+v", len(byName), fake.Requests(), fake.Data())
	}
	cpu, disk, load := byName["cpu_usage_active"], byName["diskio_read_bytes"], byName["system_load1"]
	n := 0.0
	for _, c := range cpu.Counts {
		n += c
	}
	if n != 240 || len(cpu.Values) != 50 || cpu.Unit != "Percent" || cpu.Dimensions["host"] != "h1" || cpu.Dimensions["cpu"] != "cpu-total" {
		t.Errorf("cpu: %+v", cpu)
	}
	if disk.Value != 6000 || disk.Unit != "Bytes" || disk.Dimensions["name"] != "sda" {
		t.Errorf("disk: %+v, want 100 bytes/s × 60 s", disk)
	}
	if load.Statistics["SampleCount"] != 240 || load.Statistics["Maximum"] != 239 || load.Statistics["Minimum"] != 0 {
		t.Errorf("load: %+v", load)
	}
}

// TestThreeHundredSeries: ten minutes at 1 s are ten requests, and CloudWatch's
// percentiles are those of the samples.
func TestThreeHundredSeries(t *testing.T) {
	var names []string
	var metrics []collect.Metric
	for i := range 300 {
		names = append(names, fmt.Sprintf("metric_%03d", i))
		metrics = append(metrics, collect.Metric{Name: names[i], Unit: "Percent"})
	}
	p, fake := publisher(t, Config{Metrics: names}, Options{Metrics: metrics})
	chance := rand.New(rand.NewPCG(1, 2))
	values := make([][]float64, len(names))
	start := minute(20)
	for sec := range 601 {
		f := collect.Frame{Time: start.Add(time.Duration(sec) * time.Second), Elapsed: time.Second}
		for i, name := range names {
			v := collect.Round(math.Exp(chance.NormFloat64() * 2)) // a long tail, as latencies have
			f.Samples = append(f.Samples, collect.Sample{Metric: name, Value: v})
			if sec < 600 {
				values[i] = append(values[i], v)
			}
		}
		p.Record(f)
		p.sendAll(t.Context())
	}
	if n := fake.Requests(); n != 10 {
		t.Errorf("%d requests for ten minutes of 300 series, want 10", n)
	}
	worst := 0.0
	for i, name := range names {
		slices.Sort(values[i])
		for _, q := range []float64{0.5, 0.9, 0.99, 1} {
			got := fake.Statistic("CWAgent", name, map[string]string{"host": "h1"}, start, start.Add(10*time.Minute), fmt.Sprintf("p%g", q*100))
			want := stat.Quantile(q, stat.Empirical, values[i], nil)
			if off := math.Abs(got-want) / want; !(off <= 0.01) {
				t.Fatalf("%s p%g = %g, the samples say %g", name, q*100, got, want)
			} else {
				worst = max(worst, off)
			}
		}
	}
	t.Logf("300 series, 600 s: %d requests, percentiles at most %.4f %% off", fake.Requests(), 100*worst)
}

// history makes rows of the past out of a function of time and series; it keeps
// minima for the last six hours only, as the agent's does.
func history(value func(at time.Time, s Series) float64) Past {
	return func(_ context.Context, from, to time.Time, list []Series) iter.Seq2[Row, error] {
		return func(yield func(Row, error) bool) {
			coarse := time.Now().Add(-6 * time.Hour)
			for at := from.Truncate(10 * time.Second); at.Before(to); at = at.Add(10 * time.Second) {
				r := Row{Time: at}
				if r.Time.Before(from) || !r.Time.Before(to) {
					continue
				}
				for _, s := range list {
					v := value(at, s)
					low := v - 1
					if at.Before(coarse) {
						low = math.NaN()
					}
					r.Stats = append(r.Stats, Stat{Mean: v, Max: v + 1, Min: low, Count: 10})
				}
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// TestOutage: CloudWatch is away for 24 hours. Every minute comes back from the
// history, newest first, each once, within the limits of requests.
func TestOutage(t *testing.T) {
	p, fake := publisher(t, Config{}, Options{Interval: time.Minute, Past: history(func(at time.Time, _ Series) float64 { return float64(at.Unix() / 60 % 97) })})
	fake.Fail(down)
	start, hours := minute(24*60+20), 24
	wanted := DefaultMetrics()
	for i := range hours*60 + 1 {
		f := collect.Frame{Time: start.Add(time.Duration(i) * time.Minute), Elapsed: time.Minute}
		for _, name := range wanted {
			metric, target, _ := strings.Cut(name, ":")
			if metric != UpMetric {
				f.Samples = append(f.Samples, collect.Sample{Metric: metric, Target: target, Value: float64(f.Time.Unix() / 60 % 97)})
			}
		}
		p.Record(f)
		p.sendAll(t.Context())
	}
	if len(fake.Data()) > 0 || len(p.waiting) > maxWaiting {
		t.Fatalf("%d data during the outage, %d steps wait", len(fake.Data()), len(p.waiting))
	}
	fake.Fail(nil)
	before := fake.Requests()
	p.sendAll(t.Context())
	p.backfill(t.Context())
	requests := fake.Requests() - before
	seen, order := map[string]int{}, []float64{}
	for _, d := range fake.Data() {
		seen[fmt.Sprintf("%s %d", d.Metric, int64(d.Timestamp)/60)]++
		order = append(order, d.Timestamp)
	}
	for _, name := range wanted {
		metric, _, _ := strings.Cut(name, ":")
		for i := range hours * 60 {
			at := start.Add(time.Duration(i) * time.Minute)
			if n := seen[fmt.Sprintf("%s %d", metric, at.Unix()/60)]; n != 1 {
				t.Fatalf("%s at minute %d of %d: %d data, want one", metric, i, hours*60, n)
			}
			want := float64(at.Unix() / 60 % 97)
			if metric == UpMetric {
				want = 1
			}
			if i%60 > 0 {
				continue // a sample is enough: the fake looks through all its data
			}
			if got := fake.Statistic("CWAgent", metric, map[string]string{"host": "h1"}, at, at.Add(time.Minute), "Average"); math.Abs(got-want) > 1e-9 {
				t.Fatalf("%s at minute %d: average %g, want %g", metric, i, got, want)
			}
		}
	}
	if !slices.IsSortedFunc(order, func(a, b float64) int { return int(b - a) }) {
		t.Error("the newest do not come first")
	}
	if least := (hours*60*len(wanted) + maxData - 1) / maxData; requests > least+maxWaiting+4 {
		t.Errorf("%d requests for 24 h of 12 series, want about %d", requests, least)
	}
	t.Logf("24 h × %d series: %d data in %d requests, %d of them from the history", len(wanted), len(fake.Data()), requests, p.Stats().Backfilled)
	if len(p.gaps) > 0 {
		t.Errorf("still owed: %v", p.gaps)
	}
}

type memory struct{ b []byte }

func (m *memory) Load() ([]byte, error) { return m.b, nil }
func (m *memory) Save(b []byte) error   { m.b = slices.Clone(b); return nil }

// TestKilledInAnOutage: what the last run measured and did not publish is sent by
// the next one, and what it published is not sent again.
func TestKilledInAnOutage(t *testing.T) {
	marks := &memory{}
	o := Options{Marks: marks, Interval: time.Minute, Past: history(func(time.Time, Series) float64 { return 7 })}
	first, fake := publisher(t, Config{Metrics: []string{"cpu_usage_active"}}, o)
	start := minute(60)
	frames(first, start, 11, time.Minute)
	first.sendAll(t.Context())
	first.save()
	sent := len(fake.Data())
	fake.Fail(down)
	frames(first, start.Add(11*time.Minute), 5, time.Minute)
	first.sendAll(t.Context())
	first.save() // and here it is killed

	next, fake := publisher(t, Config{Metrics: []string{"cpu_usage_active"}}, o)
	frames(next, start.Add(20*time.Minute), 2, time.Minute)
	next.sendAll(t.Context())
	next.backfill(t.Context())
	var got []string
	for _, d := range fake.Data() {
		got = append(got, fmt.Sprint(time.Unix(int64(d.Timestamp), 0).Sub(start).Minutes()))
	}
	slices.Sort(got)
	if want := "10 11 12 13 14 15 16 17 18 19 20"; sent != 10 || strings.Join(got, " ") != want {
		t.Errorf("%d before the kill; after it minutes %v, want %s", sent, got, want)
	}
}

// TestPoison: a value that is no number, a time out of range and a series that
// CloudWatch refuses each cost themselves alone.
func TestPoison(t *testing.T) {
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("metric_%02d", i))
	}
	p, fake := publisher(t, Config{Metrics: names}, Options{})
	record := func(at time.Time) {
		f := collect.Frame{Time: at, Elapsed: time.Minute}
		for i, name := range names {
			v := float64(i)
			switch i {
			case 3:
				v = math.NaN()
			case 4:
				v = math.Inf(1)
			}
			f.Samples = append(f.Samples, collect.Sample{Metric: name, Value: v})
		}
		p.Record(f)
	}
	fake.Poison("metric_42")
	record(time.Now().Add(-15 * 24 * time.Hour))
	record(time.Now().Add(-13 * 24 * time.Hour))
	record(time.Now().Add(3 * time.Hour))
	record(time.Now().Add(-time.Minute))
	if !p.sendAll(t.Context()) {
		t.Fatal("something still waits")
	}
	if n, s := len(fake.Data()), p.Stats(); n != 97 || s.Refused != 1 || s.Unsendable != 2+100+100 {
		t.Errorf("%d data taken, want 97 of the one good minute: %+v", n, s)
	}
	bisecting := fake.Requests()
	record(time.Now())
	record(time.Now().Add(time.Minute))
	p.sendAll(t.Context())
	if n := fake.Requests() - bisecting; n != 2 {
		t.Errorf("%d requests for two minutes after the bad series is known, want 2", n)
	}
	if bisecting > 20 {
		t.Errorf("%d requests to isolate one of 98", bisecting)
	}
}

// TestLargeBatches: 500 series of 150 values are more than a request may have;
// what does not fit goes into another.
func TestLargeBatches(t *testing.T) {
	var names []string
	for i := range maxSeries {
		names = append(names, fmt.Sprintf("metric_%03d", i))
	}
	p, fake := publisher(t, Config{Metrics: names}, Options{})
	start := minute(5)
	chance := rand.New(rand.NewPCG(3, 4))
	for i := range 151 {
		f := collect.Frame{Time: start.Add(time.Duration(i) * 400 * time.Millisecond), Elapsed: 400 * time.Millisecond}
		for _, name := range names {
			f.Samples = append(f.Samples, collect.Sample{Metric: name, Value: chance.Float64()})
		}
		p.Record(f)
	}
	p.sendAll(t.Context())
	if n, s := len(fake.Data()), p.Stats(); n != maxSeries || s.Refused > 0 || s.Requests != 2 {
		t.Errorf("%d data: %+v", n, s)
	}
}

// TestHighResolution: a datum every 10 s with the resolution of seconds.
func TestHighResolution(t *testing.T) {
	p, fake := publisher(t, Config{Metrics: []string{"cpu_usage_active", "system_load1"}, HighResolution: []string{"cpu_usage_active"}}, Options{})
	frames(p, minute(5), 61, time.Second)
	p.sendAll(t.Context())
	fine := 0
	for _, d := range fake.Data() {
		if d.Resolution == 1 && d.Metric == "cpu_usage_active" {
			fine++
		}
	}
	if fine != 6 || len(fake.Data()) != 7 {
		t.Errorf("%d of %d data of high resolution, want 6 of 7", fine, len(fake.Data()))
	}
}

// TestClientOnFirstNeed: making sink, publisher and alarms, and the frames of a
// minute that is not over, ask the SDK for nothing; the first minute does, and so
// does the first alert.
func TestClientOnFirstNeed(t *testing.T) {
	p, fake := publisher(t, Config{Metrics: []string{"cpu_usage_active"}}, Options{})
	s, a := NewSink(p.conn.cfg), NewAlarms(p.conn.cfg, "h1", nil)
	frames(p, minute(5), 60, time.Second)
	p.sendAll(t.Context())
	if p.conn.client != nil || s.conn.client != nil || a.conn.client != nil || fake.Requests() != 0 {
		t.Fatal("a client before it is needed")
	}
	frames(p, minute(4), 1, time.Second)
	p.sendAll(t.Context())
	if _, err := s.Send(t.Context(), alerttest.Alert(alert.PhaseFiring), alert.Receipt{}); err != nil || p.conn.client == nil || s.conn.client == nil || a.conn.client != nil {
		t.Errorf("%v: publisher %v, sink %v, alarms %v", err, p.conn.client != nil, s.conn.client != nil, a.conn.client != nil)
	}
}
