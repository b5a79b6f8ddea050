package term

import (
	"context"
	"log/slog"

	"github.com/firewatch-agent/firewatch/alert"
)

// Sink shows alerts on a screen. It is the sink of a run in a terminal.
type Sink struct{ screen *Screen }

// NewSink makes the sink "terminal".
func NewSink(s *Screen) *Sink { return &Sink{s} }

// Name implements alert.Sink.
func (s *Sink) Name() string { return "terminal" }

// Send implements alert.Sink.
func (s *Sink) Send(_ context.Context, a alert.Alert, _ alert.Receipt) (alert.Receipt, error) {
	s.screen.Print(s.screen.style.Alert(a))
	return alert.Receipt{ID: a.Key}, nil
}

// Journal writes alerts as structured log lines. It is the sink of a run under
// systemd or in a pipe.
type Journal struct{ log *slog.Logger }

// NewJournal makes the sink "journal".
func NewJournal(log *slog.Logger) *Journal { return &Journal{log} }

// Name implements alert.Sink.
func (j *Journal) Name() string { return "journal" }

// Send implements alert.Sink.
func (j *Journal) Send(ctx context.Context, a alert.Alert, _ alert.Receipt) (alert.Receipt, error) {
	level := slog.LevelWarn
	switch {
	case a.State == alert.Resolved || a.Severity == alert.Info:
		level = slog.LevelInfo
	case a.Severity == alert.Critical:
		level = slog.LevelError
	}
	j.log.Log(ctx, level, a.Summary, "alert", a.Phase, "severity", string(a.Severity), "rule", a.Rule, "target", a.Target,
		"since", a.StartedAt, "key", a.Key)
	return alert.Receipt{ID: a.Key}, nil
}
