package slackfake

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func answer(w http.ResponseWriter, v map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, word string) {
	answer(w, map[string]any{"ok": false, "error": word})
}

// admit reads the form of a request and checks rates, token and scope. s.mu is
// held.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, method string, scopes ...string) bool {
	if s.failing(w, method) || s.limited(w, method) {
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		refuse(w, "invalid_form_data")
		return false
	}
	if r.Form.Get("token") != s.Token && r.Header.Get("Authorization") != "Bearer "+s.Token {
		refuse(w, "invalid_auth")
		return false
	}
	w.Header().Set("X-OAuth-Scopes", strings.Join(slices.Sorted(maps.Keys(s.scopes)), ","))
	if len(scopes) > 0 && !slices.ContainsFunc(scopes, func(x string) bool { return s.scopes[x] }) {
		answer(w, map[string]any{"ok": false, "error": "missing_scope", "needed": strings.Join(scopes, ","), "provided": strings.Join(slices.Collect(maps.Keys(s.scopes)), ",")})
		return false
	}
	return true
}

// write is chat.postMessage and chat.update.
func (s *Server) write(method string) func(w http.ResponseWriter, r *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.admit(w, r, method, "chat:write") {
			return
		}
		m, word := parse(r.Form, method)
		old, there := s.posted[m.TS]
		parent, known := s.posted[m.Thread]
		switch {
		case word != "":
		case method == "chat.update" && !there:
			word = "message_not_found"
		case method == "chat.update" && m.Channel != Channel, m.Channel != Channel && m.Channel != "#ops":
			word = "channel_not_found"
		case m.Thread != "" && (!known || parent.Thread != ""):
			word = "thread_not_found"
		}
		if word != "" {
			refuse(w, word)
			return
		}
		m.Channel = Channel
		if method == "chat.postMessage" {
			m.TS = fmt.Sprintf("%d.%06d", time.Now().Unix(), len(s.messages)+1)
		} else {
			m.Thread, m.Broadcast = old.Thread, old.Broadcast
			if m.Key == "" {
				m.Key = old.Key
			}
		}
		s.posted[m.TS] = m
		s.messages = append(s.messages, m)
		answer(w, map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "text": m.Text})
	}
}

// history is conversations.history: messages of the channel, the newest first,
// and replies that are shown in it.
func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.admit(w, r, "conversations.history", "channels:history", "groups:history") {
		return
	}
	limit, err := strconv.Atoi(r.Form.Get("limit"))
	oldest, _ := strconv.ParseFloat(r.Form.Get("oldest"), 64)
	switch {
	case r.Form.Get("channel") != Channel: // a name will not do
		refuse(w, "channel_not_found")
		return
	case err != nil || limit < 1 || limit > 999:
		refuse(w, "invalid_limit")
		return
	}
	out, next := []map[string]any{}, ""
	for _, ts := range slices.Backward(slices.Sorted(maps.Keys(s.posted))) {
		m := s.posted[ts]
		at, _ := strconv.ParseFloat(ts, 64)
		if cursor := r.Form.Get("cursor"); at < oldest || cursor != "" && ts >= cursor || m.Thread != "" && !m.Broadcast {
			continue
		}
		item := map[string]any{"type": "message", "ts": ts, "text": m.Text}
		if m.Thread != "" {
			item["thread_ts"] = m.Thread
		}
		if m.Key != "" && r.Form.Get("include_all_metadata") == "1" {
			item["metadata"] = map[string]any{"event_type": "firewatch_alert", "event_payload": map[string]any{"key": m.Key}}
		}
		if len(out) == limit {
			next = fmt.Sprint(out[limit-1]["ts"])
			break
		}
		out = append(out, item)
	}
	answer(w, map[string]any{"ok": true, "messages": out, "has_more": next != "", "response_metadata": map[string]any{"next_cursor": next}})
}

// authTest says whether the token is good.
func (s *Server) authTest(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.admit(w, r, "auth.test") {
		answer(w, map[string]any{"ok": true, "user_id": "U1", "team_id": "T1"})
	}
}

// webhook is an incoming webhook: plain words for answers.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing(w, "webhook") || s.limited(w, "webhook") {
		return
	}
	if r.URL.Path != "/services/T0/B0/"+s.Token {
		http.Error(w, "no_service", http.StatusNotFound)
		return
	}
	var body struct {
		Text   string            `json:"text"`
		Blocks []json.RawMessage `json:"blocks"`
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

// parse reads a request and gives Slack's word for what is wrong with it.
func parse(form url.Values, method string) (Message, string) {
	m := Message{Method: method, Channel: form.Get("channel"), TS: form.Get("ts"), Thread: form.Get("thread_ts"), Broadcast: form.Get("reply_broadcast") == "true", Text: form.Get("text")}
	switch {
	case m.Channel == "":
		return m, "channel_not_found"
	case method == "chat.postMessage" && m.TS != "", method == "chat.update" && (m.TS == "" || m.Thread != ""), m.Broadcast && m.Thread == "":
		return m, "invalid_arguments"
	}
	if b := form.Get("blocks"); b != "" && json.Unmarshal([]byte(b), &m.Blocks) != nil {
		return m, "invalid_blocks_format"
	}
	if text := form.Get("metadata"); text != "" {
		var meta struct {
			Type    string         `json:"event_type"`
			Payload map[string]any `json:"event_payload"`
		}
		if len(text) > maxMetadata {
			return m, "metadata_too_large"
		}
		if json.Unmarshal([]byte(text), &meta) != nil || meta.Type == "" || meta.Payload == nil {
			return m, "invalid_metadata_format"
		}
		m.Key, _ = meta.Payload["key"].(string)
	}
	return m, wrong(m)
}
