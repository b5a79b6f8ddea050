// Package slackfake is a Slack for tests: the methods that the sink uses, strict
// about every limit that Slack documents, with a log of what it was sent.
package slackfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"unicode/utf8"
)

// Limits (Slack: chat.postMessage; Block Kit, section and header blocks).
const (
	MaxText    = 40_000 // characters of a message's text
	MaxBlocks  = 50     // of a message
	MaxSection = 3_000  // characters of a section's text
	MaxFields  = 10     // of a section
)

// Message is one request that was taken.
type Message struct {
	Method  string // chat.postMessage, chat.update, webhook
	Channel string
	TS      string // of the message posted or edited
	Text    string
	Blocks  []Block
	Key     string // of the metadata's event payload
}

// Block is the part of a Block Kit block that the fake looks at.
type Block struct {
	Type string `json:"type"`
	Text struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"text"`
	Fields []json.RawMessage `json:"fields"`
}

// Server is a running fake.
type Server struct {
	*httptest.Server
	Token string // that it takes

	mu       sync.Mutex
	messages []Message
	posted   map[string]bool
	fail     func(method string) (status int, header http.Header, body string)
}

// New starts a fake on a loopback port. Close it.
func New(token string) *Server {
	s := &Server{Token: token, posted: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/chat.postMessage", func(w http.ResponseWriter, r *http.Request) { s.method(w, r, "chat.postMessage") })
	mux.HandleFunc("POST /api/chat.update", func(w http.ResponseWriter, r *http.Request) { s.method(w, r, "chat.update") })
	mux.HandleFunc("POST /api/auth.test", s.authTest)
	mux.HandleFunc("POST /services/", s.webhook)
	s.Server = httptest.NewServer(mux)
	return s
}

// API is the base of the methods, for the sink's api_url.
func (s *Server) API() string { return s.URL + "/api/" }

// Webhook is the URL of an incoming webhook.
func (s *Server) Webhook() string { return s.URL + "/services/T0/B0/" + s.Token }

// Fail answers every request by f until it is called with nil; a status of 0
// lets a request through.
func (s *Server) Fail(f func(method string) (int, http.Header, string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// Messages returns what was taken so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// failing answers by Fail's function; s.mu is held.
func (s *Server) failing(w http.ResponseWriter, method string) bool {
	if s.fail == nil {
		return false
	}
	status, header, body := s.fail(method)
	if status == 0 {
		return false
	}
	for k, v := range header {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
	fmt.Fprint(w, body)
	return true
}

func (s *Server) method(w http.ResponseWriter, r *http.Request, method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing(w, method) {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	answer := func(v map[string]any) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(v)
	}
	refuse := func(word string) { answer(map[string]any{"ok": false, "error": word}) }
	if err := r.ParseForm(); err != nil {
		refuse("invalid_form_data")
		return
	}
	if r.Form.Get("token") != s.Token && r.Header.Get("Authorization") != "Bearer "+s.Token {
		refuse("invalid_auth")
		return
	}
	m, word := parse(r.Form, method)
	if word == "" && method == "chat.update" && !s.posted[m.TS] {
		word = "message_not_found"
	}
	if word != "" {
		refuse(word)
		return
	}
	if method == "chat.postMessage" {
		m.TS = fmt.Sprintf("17000000%02d.%06d", len(s.posted)%100, len(s.posted))
		s.posted[m.TS] = true
		m.Channel = "C0123456789"
	}
	s.messages = append(s.messages, m)
	answer(map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS})
}

// parse reads a request and gives Slack's word for what is wrong with it.
func parse(form url.Values, method string) (Message, string) {
	m := Message{Method: method, Channel: form.Get("channel"), TS: form.Get("ts"), Text: form.Get("text")}
	if m.Channel == "" {
		return m, "channel_not_found"
	}
	if b := form.Get("blocks"); b != "" {
		if json.Unmarshal([]byte(b), &m.Blocks) != nil {
			return m, "invalid_blocks_format"
		}
	}
	var meta struct {
		Type    string            `json:"event_type"`
		Payload map[string]string `json:"event_payload"`
	}
	if text := form.Get("metadata"); text != "" {
		if json.Unmarshal([]byte(text), &meta) != nil || meta.Type == "" {
			return m, "invalid_metadata_format"
		}
		m.Key = meta.Payload["key"]
	}
	return m, wrong(m)
}

// wrong gives Slack's word for a message beyond a limit, "" for a sound one.
func wrong(m Message) string {
	switch {
	case m.Text == "" && len(m.Blocks) == 0:
		return "no_text"
	case utf8.RuneCountInString(m.Text) > MaxText:
		return "msg_too_long"
	case len(m.Blocks) > MaxBlocks:
		return "invalid_blocks"
	}
	for _, b := range m.Blocks {
		n := utf8.RuneCountInString(b.Text.Text)
		if b.Type != "section" && b.Type != "context" && b.Type != "header" && b.Type != "divider" ||
			b.Type == "section" && (n == 0 && len(b.Fields) == 0 || n > MaxSection || len(b.Fields) > MaxFields) || b.Type == "header" && n > 150 {
			return "invalid_blocks"
		}
	}
	return ""
}

// webhook is an incoming webhook: plain words for answers.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing(w, "webhook") {
		return
	}
	if r.URL.Path != "/services/T0/B0/"+s.Token {
		http.Error(w, "no_service", http.StatusNotFound)
		return
	}
	var body struct {
		Text   string  `json:"text"`
		Blocks []Block `json:"blocks"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body); err != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	m := Message{Method: "webhook", Text: body.Text, Blocks: body.Blocks}
	if word := wrong(m); word != "" {
		http.Error(w, word, http.StatusBadRequest)
		return
	}
	s.messages = append(s.messages, m)
	fmt.Fprint(w, "ok")
}

// authTest says whether the token is good.
func (s *Server) authTest(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if r.FormValue("token") != s.Token && r.Header.Get("Authorization") != "Bearer "+s.Token {
		fmt.Fprint(w, `{"ok":false,"error":"invalid_auth"}`)
		return
	}
	fmt.Fprint(w, `{"ok":true,"user_id":"U1","team_id":"T1"}`)
}
