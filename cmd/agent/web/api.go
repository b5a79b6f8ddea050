package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// Bounds of the API.
const (
	maxBody    = 64 << 10
	maxHeaders = 16 << 10
)

// Problem is the body of every answer that is no success.
type Problem struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// API is the handler of the unix socket. Who may speak is up to the socket's
// mode.
func API(a Agent) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, a.Status()) })
	mux.HandleFunc("GET /v1/explain", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, a.Explain()) })
	mux.HandleFunc("GET /v1/incidents", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, a.Incidents()) })
	mux.HandleFunc("GET /v1/dead-letters", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, a.DeadLetters()) })
	mux.HandleFunc("POST /v1/alerts", func(w http.ResponseWriter, r *http.Request) { acceptAlert(w, r, a) })
	mux.HandleFunc("POST /v1/incidents/{id}/ack", func(w http.ResponseWriter, r *http.Request) { acknowledge(w, r, a) })
	mux.HandleFunc("POST /v1/reload", func(w http.ResponseWriter, r *http.Request) { reload(w, r, a) })
	mux.HandleFunc("POST /v1/test-alert", func(w http.ResponseWriter, r *http.Request) { testAlert(w, r, a) })
	mux.HandleFunc("POST /v1/drill/{kind}/{step}", func(w http.ResponseWriter, r *http.Request) { drill(w, r, a) })
	silenceRoutes(mux, a)
	return mux
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the reader is gone: nobody to tell
}

func refuse(w http.ResponseWriter, status int, err error, hint string) {
	reply(w, status, Problem{err.Error(), hint})
}

// body reads a request's body within its bound.
func body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, errors.New("the body is larger than 64 KiB"), "shorten the alert")
		return nil, false
	case err != nil:
		refuse(w, http.StatusBadRequest, errors.New("the body could not be read"), "")
		return nil, false
	}
	return b, true
}

// acceptAlert is POST /v1/alerts: 202 only once the alert is on disk.
func acceptAlert(w http.ResponseWriter, r *http.Request, a Agent) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	var al alert.Alert
	if err := json.Unmarshal(b, &al); err != nil {
		refuse(w, http.StatusUnprocessableEntity, errors.New("the body is not an alert: "+err.Error()), "docs/alert-schema.md has the form and an example")
		return
	}
	if al.Schema != 0 && al.Schema != alert.Schema {
		refuse(w, http.StatusUnprocessableEntity, errors.New("schema must be 1"), "")
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 256 {
		refuse(w, http.StatusUnprocessableEntity, errors.New("the Idempotency-Key is longer than 256 characters"), "")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	result, err := a.Accept(ctx, al, key)
	if err == nil {
		status := http.StatusOK
		if result == alert.Accepted {
			status = http.StatusAccepted
		}
		reply(w, status, map[string]string{"result": string(result)})
		return
	}
	switch result {
	case alert.Conflict:
		refuse(w, http.StatusConflict, err, "take another key, or send the same body")
	case alert.Refused:
		refuse(w, http.StatusUnprocessableEntity, err, "")
	default:
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, err, "send it again with the same key")
	}
}

func acknowledge(w http.ResponseWriter, r *http.Request, a Agent) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	var in struct {
		By string `json:"by"`
	}
	if len(b) > 0 && json.Unmarshal(b, &in) != nil {
		refuse(w, http.StatusUnprocessableEntity, errors.New("the body is not JSON"), `send {"by": "name"}`)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	switch err := a.Acknowledge(ctx, r.PathValue("id"), in.By); {
	case errors.Is(err, alert.ErrUnknownIncident):
		refuse(w, http.StatusNotFound, err, "firewatch incidents lists the open ones")
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, err, "try again")
	default:
		reply(w, http.StatusOK, map[string]string{"result": "acknowledged"})
	}
}

func testAlert(w http.ResponseWriter, r *http.Request, a Agent) {
	ctx, cancel := context.WithTimeout(r.Context(), 60*time.Second)
	defer cancel()
	results, err := a.TestAlert(ctx, r.URL.Query().Get("sink"))
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err, "")
		return
	}
	reply(w, http.StatusOK, results)
}

func reload(w http.ResponseWriter, r *http.Request, a Agent) {
	ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
	defer cancel()
	if err := a.Reload(ctx); err != nil {
		refuse(w, http.StatusUnprocessableEntity, err, "the old config goes on; 'firewatch check' shows where the faults are")
		return
	}
	reply(w, http.StatusOK, map[string]string{"result": "reloaded"})
}
