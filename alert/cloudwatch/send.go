package cloudwatch

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
)

// The times that PutMetricData takes: two weeks back and two hours ahead, and a
// minute of margin.
const (
	oldestTaken = 14*24*time.Hour - time.Minute
	newestTaken = 2*time.Hour - time.Minute

	sendWithin   = 10 * time.Second
	bisections   = 64        // requests that isolating the bad data of one batch may take
	refusedFor   = time.Hour // a series that was refused is not sent
	maxIsolation = 200       // series remembered as refused
)

// build makes the data of the windows, under each of their sets of dimensions.
// What CloudWatch would refuse is left out and counted.
func (p *Publisher) build(windows []*window, at time.Time, high bool, ids map[string]string) []types.MetricDatum {
	n := naming{cfg: p.conn.cfg, host: p.o.Host, ids: ids}
	var out []types.MetricDatum
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range windows {
		if until, bad := p.refused[w.key()]; bad && now.Before(until) {
			p.stats.Unsendable++
			continue
		}
		d, ok := w.datum(at, high)
		if !ok || !taken(at, now) {
			p.stats.Unsendable++
			continue
		}
		for _, set := range n.of(w.metric, w.dims) {
			d.Dimensions = list(set)
			out = append(out, d)
		}
	}
	return out
}

// taken reports whether CloudWatch takes a timestamp.
func taken(at, now time.Time) bool {
	return !at.Before(now.Add(-oldestTaken)) && !at.After(now.Add(newestTaken))
}

// inTime leaves out and counts data whose timestamp CloudWatch would refuse.
func (p *Publisher) inTime(data []types.MetricDatum, at time.Time) []types.MetricDatum {
	if taken(at, time.Now()) {
		return data
	}
	p.mu.Lock()
	p.stats.Unsendable += uint64(len(data))
	p.mu.Unlock()
	return nil
}

// send puts the data, batch by batch, and returns what is left because a request
// failed that may work later.
func (p *Publisher) send(ctx context.Context, data []types.MetricDatum) []types.MetricDatum {
	for len(data) > 0 {
		n := batch(data)
		budget := bisections
		if err := p.isolate(ctx, data[:n], &budget); err != nil {
			p.tell(err)
			return data
		}
		p.tell(nil)
		data = data[n:]
	}
	return nil
}

// batch is how many of the data fit into one request.
func batch(data []types.MetricDatum) int {
	bytes := 0
	for i := range data {
		if bytes += size(&data[i]); i > 0 && (i == maxData || bytes > maxBytes) {
			return i
		}
	}
	return len(data)
}

// isolate puts a batch. If it is refused for what is in it, it is halved until
// the bad data stand alone, and these are dropped: one bad series does not cost the
// others. An error is one that may pass: then all of the batch is put again, and
// some of it counts twice.
func (p *Publisher) isolate(ctx context.Context, data []types.MetricDatum, budget *int) error {
	if *budget--; *budget < 0 {
		p.drop(data, errors.New("too many bad data in one batch"))
		return nil
	}
	err := p.request(ctx, data)
	switch {
	case err == nil:
		p.mu.Lock()
		p.stats.Data += uint64(len(data))
		p.mu.Unlock()
		return nil
	case !errors.Is(err, alert.ErrPermanent):
		return err
	case len(data) == 1:
		p.drop(data, err)
		return nil
	}
	half := len(data) / 2
	if err := p.isolate(ctx, data[:half], budget); err != nil {
		return err
	}
	return p.isolate(ctx, data[half:], budget)
}

func (p *Publisher) request(ctx context.Context, data []types.MetricDatum) error {
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	client, err := p.conn.get(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.stats.Requests++
	p.mu.Unlock()
	_, err = client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String(p.conn.cfg.namespace()), MetricData: data})
	if err != nil {
		return awsclient.Class(ctx, "put metric data", err)
	}
	return nil
}

// drop gives up data that CloudWatch refused, and the series they are of for an
// hour: isolating them each minute would cost a dozen requests.
func (p *Publisher) drop(data []types.MetricDatum, cause error) {
	p.mu.Lock()
	p.stats.Refused += uint64(len(data))
	for key, about := range p.known {
		for i := range data {
			if about.metric == aws.ToString(data[i].MetricName) && has(data[i].Dimensions, about) && len(p.refused) < maxIsolation {
				p.refused[key] = time.Now().Add(refusedFor)
			}
		}
	}
	p.mu.Unlock()
	p.log.Warn("CloudWatch refuses metrics; they are left out for an hour", "sink", p.conn.cfg.Name, "metric", aws.ToString(data[0].MetricName), "data", len(data), "error", cause)
}

// has reports whether the dimensions are those of a series: its own are among
// them.
func has(dims []types.Dimension, about *series) bool {
	found := 0
	for _, l := range about.dims {
		for _, d := range dims {
			if aws.ToString(d.Name) == l.Name && aws.ToString(d.Value) == clean(l.Value) {
				found++
			}
		}
	}
	return found == len(about.dims)
}

// tell says once when CloudWatch stops taking metrics, and when it takes them
// again.
func (p *Publisher) tell(err error) {
	p.mu.Lock()
	changed := (err != nil) != p.ailing
	p.ailing = err != nil
	p.mu.Unlock()
	switch {
	case !changed:
	case err != nil:
		p.log.Warn("publish metrics to CloudWatch; tried again every minute", "sink", p.conn.cfg.Name, "error", err)
	default:
		p.log.Info("CloudWatch takes metrics again", "sink", p.conn.cfg.Name)
	}
}
