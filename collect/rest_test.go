package collect

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlowCollectorsSitOut: a collector whose calls take long is called less
// often, says so without a change of state, and holds up no other.
func TestSlowCollectorsSitOut(t *testing.T) {
	for _, c := range []struct {
		took  time.Duration
		calls int // in 12 ticks
	}{{100 * time.Millisecond, 12}, {200 * time.Millisecond, 6}, {450 * time.Millisecond, 4}, {700 * time.Millisecond, 3}} {
		synctest.Test(t, func(t *testing.T) {
			slow, quick := &paced{name: "slow", took: c.took}, &paced{name: "quick"}
			s := NewSet([]Collector{slow, quick}, SetOptions{})
			changes := 0
			for i := range 12 {
				at := time.Now()
				f := s.Collect(t.Context(), at, time.Duration(i)*time.Second)
				if st := s.Status()[0]; st.Since.Equal(at) {
					changes++
				}
				if _, said := f.Errors["slow"]; said == (len(f.Samples) == 2) {
					t.Errorf("%s, tick %d: %d samples, %v", c.took, i, len(f.Samples), f.Errors)
				}
				time.Sleep(time.Second - time.Since(at))
			}
			if slow.calls != c.calls || quick.calls != 12 || changes != 1 {
				t.Errorf("%s: %d calls, want %d; the other %d; %d changes of state", c.took, slow.calls, c.calls, quick.calls, changes)
			}
		})
	}
}

// paced is a collector whose calls take so long.
type paced struct {
	name  string
	took  time.Duration
	calls int
}

func (p *paced) Name() string      { return p.name }
func (p *paced) Metrics() []Metric { return []Metric{amount(p.name, count, "cpu", "x")} }
func (p *paced) Collect(_ context.Context, _ time.Time, dst []Sample) ([]Sample, error) {
	p.calls++
	time.Sleep(p.took)
	return append(dst, Sample{Metric: p.name, Value: 1}), nil
}
