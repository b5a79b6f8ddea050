package detect

// Pending counts the targets that went from quiet to pending in the newest
// frame: the moment to look at what the host does, while it still does it. One
// that fires at once is not counted; Observe returned its alert.
func (d *Detector) Pending() int {
	n := 0
	for _, e := range d.entries {
		if e.Phase == pending && e.Began == d.clock {
			n++
		}
	}
	return n
}
