package cloudwatch

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

// Limits: of PutMetricData (CloudWatch API reference), and of what waits.
const (
	maxData      = 1000    // of a request
	maxBytes     = 900_000 // of a request, before compression; the service takes 1 MB after it
	maxValues    = 150     // unique values of a datum
	maxWaiting   = 15      // steps that could not be sent yet; older ones come from the history later
	maxHeld      = 20_000  // windows in them
	settleWithin = 2 * time.Minute
	normalStep   = time.Minute
	fastStep     = 10 * time.Second // of high resolution
)

// Options are what a Publisher needs of the agent. Host and Metrics are needed.
type Options struct {
	Host     string
	Metrics  []collect.Metric // for the units
	Interval time.Duration    // of a frame; default 1 s
	// Identity gives the dimensions of the instance by name (InstanceId, …), and
	// whether they are known for good. Until they are, at most two minutes,
	// nothing is sent. nil = there are none.
	Identity func() (map[string]string, bool)
	Own      func() []collect.Sample // the agent's own series, asked at each frame; nil = none
	// Firing gives what fires and was told to this sink, asked once a minute. nil =
	// states are told by Sink alone.
	Firing func() []alert.Member
	Past   Past         // the history; nil = an outage is not back-filled
	Marks  Marks        // how far publishing came; nil = a restart forgets it
	Log    *slog.Logger // nil = silent
}

// Publisher is a collect.Recorder that sends chosen series every minute.
//
// What cannot be sent waits, at most a quarter of an hour of it; what is older is
// read from the history when CloudWatch answers again, newest first. A request
// whose answer was lost is repeated, and CloudWatch then counts its samples twice:
// averages, minima, maxima and percentiles stay as they are, Sum and SampleCount of
// that minute double.
type Publisher struct {
	conn    connection
	o       Options
	choice  choice
	units   map[string]string // by metric
	log     *slog.Logger
	wake    chan struct{}
	pace    time.Duration // between two requests of a back-fill
	started time.Time

	sending sync.Mutex // held while steps are sent

	mu      sync.Mutex
	slow    gather
	fast    gather
	seen    map[Series][]entry
	known   map[string]*series // published since the start, for the history
	waiting []*step            // newest last
	held    int                // windows in them
	refused map[string]time.Time
	stats   Stats
	until   time.Time // the last frame of what was put aside
	gaps    []Gap
	ailing  bool
	fired   map[origin]bool // told as firing in the last minute
}

// Stats count what a Publisher did since it was made.
type Stats struct {
	Requests   uint64 // sent, refused and failed ones included
	Data       uint64 // taken by CloudWatch
	Refused    uint64 // data that CloudWatch refused by itself
	Unsendable uint64 // data left out: no number, or a time beyond CloudWatch's range
	Backfilled uint64 // of Data, from the history
}

// gather collects windows over steps of one length.
type gather struct {
	every      time.Duration
	start      time.Time // of the step, on the grid of the wall clock
	first, end time.Time // of its frames
	windows    map[*series]*window
	order      []*window
	states     []types.MetricDatum // of alerts, at the end of the step
}

// NewPublisher makes a publisher that has sent nothing. Call Run to send.
func NewPublisher(c Config, o Options) *Publisher {
	p := &Publisher{conn: connection{cfg: c}, o: o, log: o.Log, wake: make(chan struct{}, 1), pace: time.Second, started: time.Now(),
		slow: gather{every: normalStep, windows: map[*series]*window{}}, fast: gather{every: fastStep, windows: map[*series]*window{}},
		seen: map[Series][]entry{}, known: map[string]*series{}, refused: map[string]time.Time{}}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.o.Interval == 0 {
		p.o.Interval = time.Second
	}
	p.choice, p.units = c.choice(), map[string]string{ScoreMetric: "None", UpMetric: "Count"}
	for _, m := range o.Metrics {
		p.units[m.Name] = m.Unit
	}
	p.load()
	return p
}

// Stats returns the counters.
func (p *Publisher) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// Record implements collect.Recorder: it adds the frame to its minute and never
// waits.
func (p *Publisher) Record(f collect.Frame) {
	var own []collect.Sample
	if p.o.Own != nil {
		own = p.o.Own()
	}
	var firing []alert.Member
	if p.o.Firing != nil && p.ends(f.Time) {
		firing = p.o.Firing() // not under mu: it asks the agent
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live(f.Time)
	for _, g := range []*gather{&p.slow, &p.fast} {
		if start := f.Time.Truncate(g.every); !start.Equal(g.start) {
			if g == &p.slow {
				p.repeat(g, firing)
			}
			p.close(g)
			g.start = start
		}
		if g.first.IsZero() {
			g.first = f.Time
		}
		g.end = f.Time
	}
	for _, samples := range [][]collect.Sample{f.Samples, own} {
		for i := range samples {
			p.add(&samples[i], f.Elapsed.Seconds())
		}
	}
	p.add(&collect.Sample{Metric: UpMetric, Value: 1}, 0)
}

// ends reports whether a frame of that time ends a minute.
func (p *Publisher) ends(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.slow.first.IsZero() && !now.Truncate(normalStep).Equal(p.slow.start)
}

// entry is what is known of a series that was seen: where its readings go.
type entry struct {
	about *series
	fast  bool
}

// maxSeen bounds the series that are looked up once only; a host has a few
// hundred.
const maxSeen = 5000

// add puts a sample into the windows of the series that are made of it.
func (p *Publisher) add(s *collect.Sample, seconds float64) {
	key := Series{s.Metric, s.Target}
	entries, ok := p.seen[key]
	if !ok {
		entries = p.entries(key)
		if len(p.seen) < maxSeen {
			p.seen[key] = entries
		}
	}
	for _, e := range entries {
		e.about.dims = s.Dims
		g := &p.slow
		if e.fast {
			g = &p.fast
		}
		w := g.windows[e.about]
		if w == nil {
			w = p.window(e.about)
			w.counts = map[float64]float64{}
			g.windows[e.about] = w
			g.order = append(g.order, w)
		}
		w.add(s.Value, seconds)
	}
}

// entries says what is published of a series: itself, a metric that is made of it,
// or nothing.
func (p *Publisher) entries(key Series) []entry {
	names := []string{key.Metric}
	for name, d := range derived {
		if d.from == key.Metric {
			names = append(names, name)
		}
	}
	var out []entry
	for _, metric := range names {
		if !p.choice.wanted(metric, key.Target) {
			continue
		}
		about := &series{metric: metric, target: key.Target}
		if have := p.known[about.key()]; have != nil {
			about = have
		} else if len(p.known) >= maxSeries {
			continue
		}
		p.known[about.key()] = about
		out = append(out, entry{about, p.choice.high(metric, key.Target)})
	}
	return out
}

// window is an empty one of a series.
func (p *Publisher) window(about *series) *window {
	w := &window{series: about, scale: 1, unit: p.units[about.metric], single: about.metric == UpMetric}
	w.total = summed(about.metric)
	if d, ok := derived[about.metric]; ok {
		w.total, w.scale, w.unit = true, d.scale, d.unit
	}
	return w
}

// close puts a step that ended aside for Run; p.mu is held.
func (p *Publisher) close(g *gather) {
	first := g.first
	g.first = time.Time{}
	states := g.states
	g.states = nil
	if len(g.order)+len(states) == 0 {
		return
	}
	s := &step{start: first, end: g.end, at: g.start, high: g.every == fastStep, windows: slices.Clone(g.order), states: states}
	p.waiting = append(p.waiting, s)
	p.held += len(s.windows)
	if p.until.Before(s.end) {
		p.until = s.end
	}
	clear(g.windows)
	g.order = g.order[:0]
	for len(p.waiting) > maxWaiting || p.held > maxHeld && len(p.waiting) > 1 {
		p.demote(p.waiting[0])
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// demote leaves a step to the history; p.mu is held.
func (p *Publisher) demote(s *step) {
	p.remove(s)
	if p.o.Past != nil && !s.high {
		p.gap(s.start, s.end)
	}
}

func (p *Publisher) remove(s *step) {
	if i := slices.Index(p.waiting, s); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		p.held -= len(s.windows)
	}
}

// Run sends each minute as it ends, until ctx does, and what an outage left over
// from the history.
func (p *Publisher) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		p.sendAll(ctx)
		p.backfill(ctx)
		p.save()
	}
}

// Flush sends what has come since the last whole minute, within ctx: for the end
// of the agent or of the host. Frames of that minute that follow make a second
// datum, which CloudWatch adds to the first.
func (p *Publisher) Flush(ctx context.Context) {
	p.mu.Lock()
	p.close(&p.fast)
	p.close(&p.slow)
	p.mu.Unlock()
	p.sendAll(ctx)
	p.save()
}

// sendAll sends what waits, newest first, until nothing waits or something
// fails; true = nothing waits.
func (p *Publisher) sendAll(ctx context.Context) bool {
	p.sending.Lock()
	defer p.sending.Unlock()
	for ctx.Err() == nil {
		p.mu.Lock()
		n := len(p.waiting)
		if n == 0 {
			p.mu.Unlock()
			return true
		}
		s := p.waiting[n-1]
		p.mu.Unlock()
		ids, settled := p.identity()
		if !settled {
			return false
		}
		if !s.built {
			s.data, s.built = append(p.build(s.windows, s.at, s.high, ids), p.inTime(s.states, s.at)...), true
		}
		if s.data = p.send(ctx, s.data); len(s.data) > 0 {
			return false
		}
		p.mu.Lock()
		p.remove(s)
		p.mu.Unlock()
	}
	return false
}

// identity is the instance's, once it is known; without an answer for two
// minutes the host's name has to do.
func (p *Publisher) identity() (map[string]string, bool) {
	if p.o.Identity == nil {
		return nil, true
	}
	ids, settled := p.o.Identity()
	return ids, settled || time.Since(p.started) > settleWithin
}
