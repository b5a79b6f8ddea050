package detect

// joint adds to the rank of the rarest subsystem what the next has, as a Scorer does
// with its kinds: one trouble shows in several of them, chance in one.
func (a *Anomaly) joint() {
	var rarest, next *area
	for _, x := range a.areas {
		switch {
		case rarest == nil || x.rank > rarest.rank:
			rarest, next = x, rarest
		case next == nil || x.rank > next.rank:
			next = x
		}
	}
	if next == nil || next.rank <= secondBeyond {
		return
	}
	alone := rarest.rank
	rarest.rank += secondShare * (next.rank - secondBeyond)
	if alone <= a.budget.bound && rarest.rank > a.budget.bound {
		rarest.beside = next
	}
}
