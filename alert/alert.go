package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Schema is the version of the JSON form of an Alert that this package writes.
const Schema = 1

// AgainSince begins the summary of what was well for a while and is there again:
// "again since 14:03 UTC: ...". A sink that speaks up only for news goes by it.
const AgainSince = "again since "

// Severity says how urgent an alert is.
type Severity string

// The severities, least urgent first.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Rank orders severities: info 1, warning 2, critical 3, anything else 0.
func (s Severity) Rank() int {
	switch s {
	case Info:
		return 1
	case Warning:
		return 2
	case Critical:
		return 3
	}
	return 0
}

// State is the state of the trouble an alert is about.
type State string

// The two states of an alert.
const (
	Firing   State = "firing"
	Resolved State = "resolved"
)

// The phases of an incident. The detector says PhaseFiring, PhaseUpdate or
// PhaseResolved; the outbox numbers updates ("update-1", "update-2", …).
const (
	PhaseFiring   = "firing"
	PhaseUpdate   = "update"
	PhaseResolved = "resolved"
	PhaseDigest   = "digest"
)

// Number is a float64 whose JSON form is null where it is NaN or infinite.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON implements json.Unmarshaler; null reads as NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// Range is a band of usual values, both ends included.
type Range struct {
	Low  Number `json:"low"`
	High Number `json:"high"`
}

// Cause is one series that drove an alert, and how much of it.
type Cause struct {
	Metric string `json:"metric"`
	Target string `json:"target,omitempty"`
	Unit   string `json:"unit,omitempty"`
	Value  Number `json:"value"`
	Usual  *Range `json:"usual,omitempty"`
	Share  Number `json:"share"` // 0…1 of the score; 1 for a threshold
}

// Culprit is a process that probably caused the trouble.
type Culprit struct {
	PID       int    `json:"pid"`
	Command   string `json:"command"`
	User      string `json:"user,omitempty"`
	Unit      string `json:"unit,omitempty"` // systemd unit
	Cgroup    string `json:"cgroup,omitempty"`
	Container string `json:"container,omitempty"` // the first 12 letters of its id
	Pod       string `json:"pod,omitempty"`       // uid
	What      string `json:"what"`                // for example "cpu_usage Percent"
	Value     Number `json:"value"`
}

// Member is one (rule, target) that belongs to an incident.
type Member struct {
	Rule     string   `json:"rule"`
	Target   string   `json:"target,omitempty"`
	Severity Severity `json:"severity"`
	State    State    `json:"state"`
	Summary  string   `json:"summary,omitempty"`
}

// Agent says which agent an alert comes from.
type Agent struct {
	Version   string `json:"version"`
	InstallID string `json:"install_id"`
}

// Alert is one change of an incident on its way to the sinks. Its JSON form is
// schema 1: the one form in the outbox, the API, SNS, webhooks and
// `firewatch send`. Readers ignore fields they do not know.
//
// The detector leaves Key, Incident, Host, Labels, SilenceCommand and Agent
// empty; the outbox fills them in when it accepts the alert, and FailoverFor
// and PossibleRepeat for one attempt at one sink.
type Alert struct {
	Schema         int               `json:"schema"`
	Key            string            `json:"key"`      // incident + "." + phase; never changes once accepted
	Incident       string            `json:"incident"` // 32 hex digits, minted by the outbox
	Phase          string            `json:"phase"`    // firing, update-N, resolved, digest
	Severity       Severity          `json:"severity"`
	State          State             `json:"state"`
	Host           string            `json:"host"`
	Labels         map[string]string `json:"labels,omitempty"`
	Rule           string            `json:"rule"`
	Target         string            `json:"target,omitempty"`
	Metric         string            `json:"metric,omitempty"`
	Unit           string            `json:"unit,omitempty"`
	Value          Number            `json:"value"`
	Threshold      *Number           `json:"threshold,omitempty"`
	Usual          *Range            `json:"usual,omitempty"`
	Summary        string            `json:"summary"` // one line
	Causes         []Cause           `json:"causes,omitempty"`
	Culprits       []Culprit         `json:"culprits,omitempty"`
	Members        []Member          `json:"members,omitempty"`
	StartedAt      time.Time         `json:"started_at"`
	ChangedAt      time.Time         `json:"changed_at"`
	ResolvedAt     time.Time         `json:"resolved_at,omitzero"`
	SilenceCommand string            `json:"silence_command,omitempty"`
	FailoverFor    string            `json:"failover_for,omitempty"`    // the sink that should have had it: this one stands in
	PossibleRepeat bool              `json:"possible_repeat,omitempty"` // an attempt 5 min ago or longer may have got through
	Agent          Agent             `json:"agent"`
}

// Origin identifies the trouble an alert is about, before and after it has an
// incident: rule and target.
func (a Alert) Origin() string { return a.Rule + "\x00" + a.Target }

// Receipt is what a service promised when it took an alert: its message id,
// and a Memo (at most 1 KiB) that the outbox keeps and gives back with the
// incident's next alert, for example a Slack timestamp to edit.
type Receipt struct {
	ID   string `json:"id"`
	Memo []byte `json:"memo,omitempty"`
}

// MaxMemo is the most bytes of a Receipt's Memo that the outbox keeps.
const MaxMemo = 1024

// Sink delivers alerts to one service.
//
// Send makes one attempt, within ctx's deadline, and never retries: the outbox
// does. last is the receipt of the incident's previous alert at this sink, or
// the zero Receipt. It returns a Receipt only if the service promised delivery
// (Slack ok:true, an SNS MessageId). Errors are classed by wrapping:
// ErrPermanent (this alert can never be delivered), ErrCredentials (nothing
// can be until someone mends them), *ThrottledError; anything else is
// retryable. An error never contains a secret.
type Sink interface {
	Name() string
	Send(ctx context.Context, a Alert, last Receipt) (Receipt, error)
}

// ErrPermanent classes an error that no retry can mend: the alert goes to the
// dead letters.
var ErrPermanent = errors.New("refused for good")

// ErrCredentials classes an error of credentials or permissions: the sink is
// parked and tried again every 5 minutes, and no alert is given up.
var ErrCredentials = errors.New("credentials refused")

// ThrottledError says that the service asked to wait. It gates the whole sink
// and is not a failure.
type ThrottledError struct {
	After time.Duration // as the service asked; 0 = it did not say
	Err   error         // the cause, or nil
}

// Error implements error.
func (e *ThrottledError) Error() string {
	s := "throttled"
	if e.After > 0 {
		s = fmt.Sprintf("throttled for %s", e.After)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *ThrottledError) Unwrap() error { return e.Err }
