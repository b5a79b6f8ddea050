package alert

import "context"

// sourceOwn marks the incidents that the agent raises about itself.
const sourceOwn = "agent"

// LabelNotSink names the label that keeps an alert from one sink: trouble with
// a sink is told on the others.
const LabelNotSink = "firewatch_not_sink"

// PutOwn accepts an alert of the agent about itself, as [Outbox.Put] does. Its
// incidents never mix with those of the detector or of senders.
func (o *Outbox) PutOwn(ctx context.Context, a Alert) error {
	ctx, cancel := context.WithTimeout(ctx, putWait)
	defer cancel()
	o.mu.Lock()
	touched, err := o.change(a, sourceOwn, nil)
	o.mu.Unlock()
	if err != nil {
		return err
	}
	return o.settle(ctx, touched)
}

// OwnFiring returns the newest alert of every incident that PutOwn accepted as
// firing and not as resolved.
func (o *Outbox) OwnFiring() []Alert { return o.firing(sourceOwn) }

func (o *Outbox) firing(source string) []Alert {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []Alert
	for _, r := range o.sorted() {
		if r.End == nil && r.Source == source && !r.digest() {
			out = append(out, *r.newest())
		}
	}
	return out
}
