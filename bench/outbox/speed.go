package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// accept measures how long an alert takes until it is promised, one at a time,
// and how many are promised in a second while the ticks stay on time.
func accept(b *bench, dir string) ([]row, error) {
	r := newReceiver()
	defer r.Close()
	a, err := b.start(dir, filepath.Join(dir, "state"), r.sink("webhook"))
	if err != nil {
		return nil, err
	}
	var took []float64
	for i := range 300 {
		status, d := a.post(fmt.Sprint("one-", i), "warning", "firing")
		if status != 202 {
			return nil, fmt.Errorf("alert %d: status %d", i, status)
		}
		took = append(took, d.Seconds()*1000)
	}
	const writers, span = 16, 10 * time.Second
	var n, refused atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for w := range writers {
		all.Go(func() {
			for i := 0; time.Since(began) < span; i++ {
				for _, state := range []string{"firing", "resolved"} {
					if status, _ := a.post(fmt.Sprintf("many-%d-%d", w, i), "info", state); status == 202 {
						n.Add(1)
					} else {
						refused.Add(1)
					}
				}
			}
		})
	}
	all.Wait()
	rate := float64(n.Load()) / time.Since(began).Seconds()
	if err := a.stop(); err != nil {
		return nil, err
	}
	late, err := a.late()
	return []row{
		{Figure: "an alert is promised, p99, ms", Value: p99(took), Bar: 20, N: len(took)},
		{Figure: "alerts promised in a second by 16 senders", Value: rate, Bar: 200, Least: true, N: int(n.Load())},
		{Figure: "of those refused or unanswered", Value: float64(refused.Load())},
		{Figure: "ticks late meanwhile, p99, ms", Value: p99(late), Bar: 100, N: len(late)},
	}, err
}

// lives is how many agents latency asks, a few at a time: an agent that was
// asked again and again would tell of flapping, and that once.
const lives, together = 20, 4

// latency measures from the tick that finds a rule true, and true no more, to
// the receiver's 2xx.
func latency(b *bench, dir string) ([]row, error) {
	r := newReceiver()
	defer r.Close()
	late, errs := make([][]float64, lives), make([]error, lives)
	slots := make(chan struct{}, together)
	var all sync.WaitGroup
	for i := range lives {
		slots <- struct{}{}
		all.Go(func() {
			late[i], errs[i] = b.once(filepath.Join(dir, fmt.Sprint(i)), r)
			<-slots
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var took []float64
	for key, d := range r.took() {
		if strings.HasPrefix(key, "gauge ") {
			took = append(took, d.Seconds()*1000)
		}
	}
	ticks := slices.Concat(late...)
	return []row{
		{Figure: "alerts told", Value: float64(len(took)), Bar: 2 * lives, Least: true},
		{Figure: "rule true (the tick's time) to the receiver's 2xx, p99, ms", Value: p99(took), Bar: 1000, N: len(took)},
		{Figure: "ticks late meanwhile, p99, ms", Value: p99(ticks), Bar: 100, N: len(ticks)},
	}, nil
}

// once has one agent's rule become true, and untrue again, and returns how late
// its ticks were.
func (b *bench) once(dir string, r *receiver) ([]float64, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	gauge := filepath.Join(dir, "statsd")
	a, err := b.start(dir, filepath.Join(dir, "state"), fmt.Sprintf(`
[statsd]
socket = %q
[[rule]]
name = "gauge"
metric = "statsd_gauge"
target = "bench"
period = "1s"
comparison = ">"
threshold = 0.5
severity = "critical"
`, gauge)+r.sink("webhook"))
	if err != nil {
		return nil, err
	}
	defer a.kill()
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: gauge, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	for i := range 30 { // the gauge is set every half second
		v := "bench:0|g"
		if i >= 5 && i < 15 {
			v = "bench:1|g"
		}
		if _, err := conn.Write([]byte(v)); err != nil {
			return nil, err
		}
		time.Sleep(500 * time.Millisecond)
	}
	if err := a.stop(); err != nil {
		return nil, err
	}
	return a.late()
}

// failover measures how long a critical takes to the fallback, where the first
// region takes connections and never answers.
func failover(b *bench, dir string) ([]row, error) {
	r := newReceiver()
	defer r.Close()
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer hole.Close()
	a, err := b.start(dir, filepath.Join(dir, "state"), fmt.Sprintf("[[sink.webhook]]\nname = \"region-a\"\nurl = \"http://%s/\"\n%s[[route]]\nfailover = [\"region-a\", \"region-b\"]\n", hole.Addr(), r.sink("region-b")))
	if err != nil {
		return nil, err
	}
	var worst float64
	for i := range 2 { // the second finds the breaker as the first left it
		target := fmt.Sprint("t", i)
		began := time.Now()
		if status, _ := a.post(target, "critical", "firing"); status != 202 {
			return nil, fmt.Errorf("status %d", status)
		}
		took, ok := wait(60*time.Second, func() bool { return !r.at(target, "firing").IsZero() })
		if !ok {
			return nil, fmt.Errorf("%s never reached the fallback in %s", target, took)
		}
		worst = max(worst, r.at(target, "firing").Sub(began).Seconds())
	}
	marked := 0.0
	for _, x := range r.alerts() {
		if x.FailoverFor == "region-a" {
			marked++
		}
	}
	return []row{
		{Figure: "a critical at the fallback's 2xx, the worst of 2, s", Value: worst, Bar: 25, N: 2},
		{Figure: "of them marked as failover", Value: marked, Bar: 2, Least: true},
	}, a.stop()
}

// size is what a directory takes on the disk, in bytes.
func size(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what moves away meanwhile is looked for elsewhere
		}
		if st, err := d.Info(); err == nil && st.Mode().IsRegular() {
			n += (st.Size() + 4095) / 4096 * 4096
		}
		return nil
	})
	return n
}
