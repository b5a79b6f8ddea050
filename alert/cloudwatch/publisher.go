package cloudwatch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
)

// Limits: of PutMetricData (CloudWatch API reference), and of what waits.
const (
	maxData    = 1000 // of a request
	maxValues  = 150  // unique values of a datum
	maxWaiting = 30   // minutes that could not be sent yet; the oldest goes
)

// Publisher is a collect.Recorder that sends chosen series every minute.
type Publisher struct {
	conn    connection
	host    string
	units   map[string]string
	log     *slog.Logger
	mu      sync.Mutex
	minute  time.Time
	series  map[string]*window
	order   []string
	waiting [][]types.MetricDatum
	wake    chan struct{}
	ailing  bool
}

// window is one series in one minute.
type window struct {
	metric, target string
	dims           []collect.Label
	counts         map[float64]float64
	sum            float64 // of rate × time, for what is published as a sum
}

// NewPublisher makes a publisher; metrics give the units. Call Run to send.
func NewPublisher(c Config, host string, metrics []collect.Metric, log *slog.Logger) *Publisher {
	if c.Metrics == nil {
		c.Metrics = DefaultMetrics()
	}
	p := &Publisher{conn: connection{cfg: c}, host: host, units: map[string]string{}, log: log, series: map[string]*window{}, wake: make(chan struct{}, 1)}
	for _, m := range metrics {
		p.units[m.Name] = m.Unit
	}
	return p
}

// Record implements collect.Recorder: it adds the frame to its minute and never
// waits.
func (p *Publisher) Record(f collect.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	minute := f.Time.Truncate(time.Minute)
	if !minute.Equal(p.minute) {
		p.close()
		p.minute = minute
	}
	for i := range f.Samples {
		s := &f.Samples[i]
		if !p.wanted(s) {
			continue
		}
		key := s.Metric + "\x00" + s.Target
		w := p.series[key]
		if w == nil {
			w = &window{metric: s.Metric, target: s.Target, dims: s.Dims, counts: map[float64]float64{}}
			p.series[key] = w
			p.order = append(p.order, key)
		}
		w.counts[s.Value]++
		w.sum += s.Value * f.Elapsed.Seconds()
	}
}

func (p *Publisher) wanted(s *collect.Sample) bool {
	for _, name := range p.conn.cfg.Metrics {
		metric, target, has := strings.Cut(name, ":")
		if metric == s.Metric && (has && target == s.Target || !has && (s.Target == "" || p.summed(metric))) {
			return true
		}
	}
	return false
}

// summed reports whether a metric is published as a sum over the minute, as the
// CloudWatch agent does with disk I/O and network counters.
func (p *Publisher) summed(metric string) bool {
	return strings.HasPrefix(metric, "diskio_") && strings.HasSuffix(p.units[metric], "/Second") || strings.HasPrefix(metric, "net_")
}

// close turns the minute that ended into data and wakes Run; p.mu is held.
func (p *Publisher) close() {
	var data []types.MetricDatum
	for _, key := range p.order {
		data = append(data, p.datum(p.series[key]))
	}
	clear(p.series)
	p.order = p.order[:0]
	if len(data) == 0 {
		return
	}
	for batch := range slices.Chunk(data, maxData) {
		p.waiting = append(p.waiting, batch)
	}
	if n := len(p.waiting) - maxWaiting; n > 0 {
		p.waiting = p.waiting[n:]
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// datum is one series of one minute: its values with their counts, or a
// statistic set where there are more than 150 different ones.
func (p *Publisher) datum(w *window) types.MetricDatum {
	d := types.MetricDatum{MetricName: aws.String(w.metric), Timestamp: aws.Time(p.minute), Dimensions: p.dimensions(w), Unit: types.StandardUnit(p.units[w.metric])}
	if d.Unit == "" {
		d.Unit = types.StandardUnitNone
	}
	if p.summed(w.metric) {
		d.Unit = types.StandardUnit(strings.TrimSuffix(string(d.Unit), "/Second"))
		d.Value = aws.Float64(w.sum)
		return d
	}
	if len(w.counts) <= maxValues {
		for v, n := range w.counts {
			d.Values, d.Counts = append(d.Values, v), append(d.Counts, n)
		}
		return d
	}
	s := &types.StatisticSet{SampleCount: aws.Float64(0), Sum: aws.Float64(0)}
	for v, n := range w.counts {
		*s.SampleCount += n
		*s.Sum += v * n
		if s.Minimum == nil || v < *s.Minimum {
			s.Minimum = aws.Float64(v)
		}
		if s.Maximum == nil || v > *s.Maximum {
			s.Maximum = aws.Float64(v)
		}
	}
	d.StatisticValues = s
	return d
}

func (p *Publisher) dimensions(w *window) []types.Dimension {
	pairs := []string{"host", p.host}
	for _, l := range w.dims {
		pairs = append(pairs, l.Name, l.Value)
	}
	return dimensions(pairs...)
}

// Run sends each minute as it ends, until ctx does. What cannot be sent waits for
// the next minute, at most half an hour of it.
func (p *Publisher) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		for ctx.Err() == nil && p.sendOldest(ctx) {
		}
	}
}

// sendOldest sends the batch that waits longest; false = there is none, or it
// did not go.
func (p *Publisher) sendOldest(ctx context.Context) bool {
	p.mu.Lock()
	if len(p.waiting) == 0 {
		p.mu.Unlock()
		return false
	}
	batch := p.waiting[0]
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := p.put(ctx, batch)
	p.mu.Lock()
	defer p.mu.Unlock()
	// A batch that is refused for good would hold up all others for ever.
	if err == nil || errors.Is(err, alert.ErrPermanent) {
		if len(p.waiting) > 0 && &p.waiting[0][0] == &batch[0] {
			p.waiting = p.waiting[1:]
		}
	}
	if (err != nil) != p.ailing && p.log != nil {
		p.ailing = err != nil
		if err != nil {
			p.log.Warn("publish metrics to CloudWatch; tried again every minute", "sink", p.conn.cfg.Name, "error", err)
		} else {
			p.log.Info("CloudWatch takes metrics again", "sink", p.conn.cfg.Name)
		}
	}
	return err == nil
}

func (p *Publisher) put(ctx context.Context, batch []types.MetricDatum) error {
	client, err := p.conn.get(ctx)
	if err != nil {
		return err
	}
	_, err = client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String(p.conn.cfg.namespace()), MetricData: batch})
	if err != nil {
		return awsclient.Class(ctx, "put metric data", err)
	}
	return nil
}
