package alert

import "time"

// repeat tells incidents again that fire on, as their route asks, unless
// somebody has acknowledged them. A repeat is an update with the newest
// content.
func (o *Outbox) repeat(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	wall := now.UTC().Round(0)
	for _, r := range o.open {
		if r.Repeat <= 0 || r.End != nil || r.Ack != nil || wall.Sub(r.changed) < r.Repeat.D() {
			continue
		}
		o.update(r, *r.newest(), wall, nil)
	}
}
