package alert

import "context"

// Batcher is a Sink that can take several alerts in one request, each with an
// outcome of its own. It is an ability beside Send, not instead of it: see
// docs/decisions/0061.
type Batcher interface {
	Sink
	// MaxBatch is the most alerts of one request, at least 2.
	MaxBatch() int
	// SendBatch makes one attempt for all of them, of different incidents, and
	// returns an outcome for each, in their order. A request that failed as a
	// whole is the same error for each.
	SendBatch(ctx context.Context, alerts []Alert) []Outcome
}

// Outcome is what a Send returns.
type Outcome struct {
	Receipt Receipt
	Err     error
}
