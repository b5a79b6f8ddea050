package web

import (
	"context"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/record"
)

// Agent is what the servers need of the running agent. All methods are safe for
// concurrent use.
type Agent interface {
	Status() Status
	Incidents() []alert.Incident
	Explain() detect.Explanation // how the anomaly rule judges now
	Accept(ctx context.Context, a alert.Alert, key string) (alert.Result, error)
	Acknowledge(ctx context.Context, id, by string) error
	Silences() []alert.Silence
	RemoveSilence(ctx context.Context, id, by string) error
	RetryDead(ctx context.Context, key, sink, by string) (int, error)
	DropDead(ctx context.Context, key, sink, by string) (int, error)
	DropBacklog(ctx context.Context, sink, by string) (int, error)
	TestAlert(ctx context.Context, sink string) ([]TestResult, error)
	Drill(ctx context.Context, s DrillStep) (Drill, error)
	Reload(ctx context.Context) error      // nil = the config file is in force
	Progress() (tick, outbox bool)         // for /healthz
	Traffic() (ok bool, word string)       // for /health/host
	Samples() []collect.Sample             // of the newest tick
	Counters() []Counter                   // for /metrics
	DeadLetters() []alert.DeadLetter       // newest last
	MetricInfo(name string) collect.Metric // unit and help
	AddSilence(ctx context.Context, s alert.Silence) (alert.Silence, error)
	Usual(metric, target string) *alert.Range                         // the normal band of a series; nil = not known yet
	Past(ctx context.Context, q record.Query) ([]record.Point, error) // from the history up to the newest tick
}

// Status is what `firewatch status` and the page show.
type Status struct {
	Host       string             `json:"host"`
	System     string             `json:"system"` // platform, kernel, architecture
	Version    string             `json:"version"`
	PID        int                `json:"pid"`
	InstallID  string             `json:"install_id"`
	StartedAt  time.Time          `json:"started_at"`
	Now        time.Time          `json:"now"`
	Config     string             `json:"config"` // path, or "built-in"
	Source     string             `json:"config_source"`
	Interval   float64            `json:"interval_seconds"`
	Ticks      uint64             `json:"ticks"`
	Late       uint64             `json:"late"`
	Dropped    uint64             `json:"dropped"`
	Gaps       uint64             `json:"gaps"`
	Reloads    uint64             `json:"reloads"`
	Series     int                `json:"series"`
	Collectors []Collector        `json:"collectors"`
	StateDir   string             `json:"state_dir"`
	Rules      []RuleStatus       `json:"rules"`
	Incidents  []alert.Incident   `json:"incidents"`
	Sinks      []alert.SinkStatus `json:"sinks"`
	Outbox     Outbox             `json:"outbox"`
	History    History            `json:"history"`
	Self       Self               `json:"self"`
	Vitals     []Vital            `json:"vitals"`
}

// Collector is how one collector is.
type Collector struct {
	Name     string    `json:"name"`
	State    string    `json:"state"` // ok, error, skipped
	Reason   string    `json:"reason,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Duration float64   `json:"duration_ms"`
	Series   int       `json:"series"`
	Errors   uint64    `json:"errors"`  // ticks in which it failed, hung or was not reached
	Dropped  uint64    `json:"dropped"` // samples left out: not possible, or too many
}

// Outbox is how delivery is.
type Outbox struct {
	alert.Health
	Stats alert.Stats `json:"stats"`
	Dead  int         `json:"dead_letters"`
}

// History is how the history on disk is.
type History struct {
	Frames  uint64 `json:"frames"`  // recorded since the start
	Dropped uint64 `json:"dropped"` // left out because the writer did not keep up
	Lost    uint64 `json:"lost"`    // rows that could not be written
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	Damaged int    `json:"damaged"`          // places found damaged, stepped over
	Paused  string `json:"paused,omitempty"` // why nothing is written now
}

// Self is what the agent costs.
type Self struct {
	CPUPercent float64 `json:"cpu_percent"` // of one core
	RSSBytes   uint64  `json:"rss_bytes"`
	Goroutines int     `json:"goroutines"`
}

// Vital is one of the few figures that say how the host is.
type Vital struct {
	Name   string       `json:"name"` // short, for people
	Metric string       `json:"metric"`
	Target string       `json:"target,omitempty"`
	Unit   string       `json:"unit"`
	Value  alert.Number `json:"value"`
}

// Counter is one own metric of the agent, with its labels in Prometheus form in
// the name.
type Counter struct {
	Name  string
	Value float64
	Gauge bool
	Help  string // what it counts, in one line
}

// TestResult is what became of a test alert at one sink.
type TestResult struct {
	Sink     string  `json:"sink"`
	OK       bool    `json:"ok"`
	Firing   float64 `json:"firing_ms"` // until the service's receipt
	Resolved float64 `json:"resolved_ms"`
	Receipt  string  `json:"receipt,omitempty"` // of the firing alert
	Attempts int     `json:"attempts"`
	Error    string  `json:"error,omitempty"`
}

// RuleStatus is how one rule is.
type RuleStatus = detect.RuleStatus
