// Package awsfake is the part of CloudWatch and SNS that the agent uses, for tests
// behind the real SDK: metrics and alarms by Smithy RPC v2 CBOR with gzip, and SNS's
// operations and Auto Scaling's SetInstanceHealth by the Query protocol. It
// refuses what is beyond a documented limit with the service's own error, logs
// what it took, and evaluates its alarms when a test asks.
package awsfake

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// Datum is one metric datum that was taken.
type Datum struct {
	Namespace  string
	Metric     string
	Unit       string
	Dimensions map[string]string
	Value      float64 // where Single
	Single     bool
	Values     []float64
	Counts     []float64
	Statistics map[string]float64 // SampleCount, Sum, Minimum, Maximum
	Timestamp  float64            // seconds since 1970; 0 = none
	Resolution int                // seconds, 0 = not given
}

// Message is one SNS message that was taken.
type Message struct {
	TopicARN, Subject, Body, GroupID, DeduplicationID string
	Mail, SMS                                         string // texts for these protocols, where MessageStructure is json
	Attributes                                        map[string]string
	Repeat                                            bool // FIFO: known within five minutes, so not delivered again
}

// Server is a running fake.
type Server struct {
	*httptest.Server
	mu        sync.Mutex
	requests  int
	data      []Datum
	messages  []Message
	known     map[string]bool
	alarms    map[string]*alarm
	calls     map[string]int
	clock     func() time.Time
	poison    map[string]bool   // metrics that are refused
	instances map[string]string // of Auto Scaling: id to health
	fail      func(operation string) (status int, header http.Header, code string)
}

// New starts a fake on a loopback port. Close it.
func New() *Server {
	s := &Server{known: map[string]bool{}, alarms: map[string]*alarm{}, calls: map[string]int{}, poison: map[string]bool{}, instances: map[string]string{}, clock: time.Now}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /service/GraniteServiceVersion20100801/operation/{operation}", s.cloudwatch)
	mux.HandleFunc("POST /{$}", s.query)
	s.Server = httptest.NewServer(mux)
	return s
}

// Fail answers every request by f until it is called with nil; a status of 0
// lets a request through.
func (s *Server) Fail(f func(operation string) (int, http.Header, string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// Data returns the data taken so far, in order.
func (s *Server) Data() []Datum {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Datum(nil), s.data...)
}

// Messages returns the messages taken so far, repeats included, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Requests is the number of requests so far, refused ones included.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Poison makes the fake refuse every request that has a datum of the metric, as
// the service does for a reason that nobody foresaw.
func (s *Server) Poison(metric string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.poison[metric] = true
}

// Calls counts the requests of each operation, refused ones included.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// SetClock makes now the fake's time, for the range of timestamps and for alarms.
func (s *Server) SetClock(now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = now
}

// failing returns what Fail asks for; s.mu is held.
func (s *Server) failing(operation string) (int, http.Header, string) {
	s.requests++
	s.calls[operation]++
	if s.fail == nil {
		return 0, nil, ""
	}
	return s.fail(operation)
}
