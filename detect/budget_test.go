package detect

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// exponential feeds scores with an exponential tail to see, one a row.
func exponential(rng *rand.Rand, rows int, scale float64, see func(w float64)) {
	for range rows {
		see(scale * rng.ExpFloat64())
	}
}

// TestExtremesKnowTheirTail: of scores of which the distribution is known, the
// bound is exceeded about as often as was asked, once there is data; before, it is
// that of the prior.
func TestExtremesKnowTheirTail(t *testing.T) {
	t.Parallel()
	for _, scale := range []float64{0.1, 0.3, 1} {
		x, err := newExtremes(10*time.Second, prior{blocks: 20, level: 1, scale: 0.4})
		if err != nil {
			t.Fatal(err)
		}
		const p = 1e-3 // of blocks of 12
		if b := x.bound(p); math.Abs(b-(1+0.4*math.Log(100))) > 1e-6 {
			t.Errorf("bound %g of the prior", b)
		}
		rng := rand.New(rand.NewPCG(3, 4))
		exponential(rng, 12*5000, scale, func(w float64) { x.add(w, 0) })
		bound, over := x.bound(p), 0
		exponential(rng, 12*50_000, scale, func(w float64) {
			if w > bound {
				over++
			}
		})
		if over < 15 || over > 110 {
			t.Errorf("scale %g: beyond %g %d times, 50 were allowed", scale, bound, over)
		}
		if r := x.rank(bound); math.Abs(r+math.Log(p)) > 0.01 {
			t.Errorf("the bound's own rank is %g", r)
		}
	}
}

// TestTroubleHardlyMovesTheBound: with it in one block of fifty, as with none.
func TestTroubleHardlyMovesTheBound(t *testing.T) {
	t.Parallel()
	bound := func(trouble float64) float64 {
		x, err := newExtremes(10*time.Second, prior{blocks: 20, level: 1, scale: 0.4})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		exponential(rand.New(rand.NewPCG(3, 4)), 12*2000, 0.3, func(w float64) {
			if n++; n%600 == 0 {
				w += trouble
			}
			x.add(w, 0)
		})
		return x.bound(1e-4)
	}
	if without, with := bound(0), bound(9); with > 1.6*without {
		t.Errorf("bound %g, without trouble %g", with, without)
	}
}

// TestHeldBack: half an hour of high scores moves the bound only so many blocks later,
// after a restart too.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	x, err := newExtremes(10*time.Second, prior{blocks: 20, level: 1, scale: 0.4})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	exponential(rng, 12*200, 0.3, func(w float64) { x.add(w, 0) })
	was := x.bound(1e-4)
	const held = 30
	for range 12 * (held - 10) {
		x.add(9, held)
	}
	y, err := newExtremes(10*time.Second, x.prior)
	if err != nil {
		t.Fatal(err)
	}
	if err := y.take(x.save()); err != nil {
		t.Fatal(err)
	}
	for range 12 * 10 {
		y.add(0, held)
	}
	if b := y.bound(1e-4); b != was {
		t.Errorf("bound %g while all of it is held back, %g before", b, was)
	}
	for range 12 * (held - 10) {
		y.add(0, held)
	}
	if b := y.bound(1e-4); b < was+1 {
		t.Errorf("bound %g when it no longer is, %g before", b, was)
	}
	bad := y.save()
	bad.Held = floats(math.NaN())
	if y.take(bad) == nil {
		t.Error("a score that is none was taken")
	}
}

// TestBudgetIsKept by ranks that are what they say, and by such as are too high.
func TestBudgetIsKept(t *testing.T) {
	t.Parallel()
	for _, over := range []float64{1, 1.6} {
		b, err := NewBudget(1/(24*time.Hour).Seconds(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		rng, alarms, last := rand.New(rand.NewPCG(5, 6)), 0, -100
		const days = 200
		for i := range days * 24 * 60 {
			rank := math.Max(0, over*(rng.ExpFloat64()-math.Log(blockRows)))
			if rank > b.bound && i-last > 30 {
				alarms, last = alarms+1, i
			}
			b.add(rank, 0)
		}
		if alarms > 2*days || alarms < days/4 {
			t.Errorf("ranks %g times too high: %d alarms in %d days, one a day was allowed", over, alarms, days)
		}
	}
}
