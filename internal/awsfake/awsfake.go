// Package awsfake is the part of CloudWatch and SNS that the sinks use, for
// tests behind the real SDK: PutMetricData by Smithy RPC v2 CBOR with gzip, and
// Publish by the Query protocol. It refuses what is beyond a documented limit with
// the service's own error, and logs what it took.
package awsfake

import (
	"net/http"
	"net/http/httptest"
	"sync"
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
	mu       sync.Mutex
	requests int
	data     []Datum
	messages []Message
	known    map[string]bool
	fail     func(operation string) (status int, header http.Header, code string)
}

// New starts a fake on a loopback port. Close it.
func New() *Server {
	s := &Server{known: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /service/GraniteServiceVersion20100801/operation/PutMetricData", s.putMetricData)
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

// failing returns what Fail asks for; s.mu is held.
func (s *Server) failing(operation string) (int, http.Header, string) {
	s.requests++
	if s.fail == nil {
		return 0, nil, ""
	}
	return s.fail(operation)
}
