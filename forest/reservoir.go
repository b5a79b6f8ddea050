package forest

import "fmt"

// reservoir decides which rows of a stream are kept: a function of the seed and
// the row's number alone.
type reservoir struct {
	window  int // rows kept
	horizon int // 0: the last window rows
	seed    uint64
}

func newReservoir(window, horizon int, seed uint64) (reservoir, error) {
	switch {
	case window < 1 || window > MaxWindow:
		return reservoir{}, fmt.Errorf("%w: Window %d is not in 1…%d", ErrOptions, window, MaxWindow)
	case horizon != 0 && horizon < window:
		return reservoir{}, fmt.Errorf("%w: Horizon %d is neither 0 nor at least Window %d", ErrOptions, horizon, window)
	}
	return reservoir{window, horizon, seed}, nil
}

// place returns the slot that row number tick (1, 2, …) takes. While there is
// room it is the next one. Then, without a horizon, it is the oldest row's.
// With one, the row replaces a random row with probability window/horizon, so a
// row's chance to stay falls by 1/horizon with every later row (Aggarwal 2006,
// https://dl.acm.org/doi/10.5555/1182635.1164180, memory-less bias); the first
// horizon rows are kept with equal chances (Vitter 1985, algorithm R,
// doi:10.1145/3147.3165).
func (r reservoir) place(tick uint64) (slot int, keep bool) {
	if tick <= uint64(r.window) {
		return int(tick - 1), true
	}
	if r.horizon == 0 {
		return int((tick - 1) % uint64(r.window)), true
	}
	g := seedFor(r.seed, tick, -1)
	slot = g.below(int(min(tick, uint64(r.horizon))))
	return slot, slot < r.window
}
