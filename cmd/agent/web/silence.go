package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// silenceRoutes are the silences of the API.
func silenceRoutes(mux *http.ServeMux, a Agent) {
	mux.HandleFunc("GET /v1/silences", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, a.Silences()) })
	mux.HandleFunc("POST /v1/silences", func(w http.ResponseWriter, r *http.Request) { addSilence(w, r, a) })
	mux.HandleFunc("DELETE /v1/silences/{id}", func(w http.ResponseWriter, r *http.Request) { removeSilence(w, r, a, r.PathValue("id")) })
	mux.HandleFunc("DELETE /v1/silences", func(w http.ResponseWriter, r *http.Request) { removeSilence(w, r, a, r.URL.Query().Get("id")) })
	mux.HandleFunc("POST /v1/dead-letters/{verb}", func(w http.ResponseWriter, r *http.Request) { settleDead(w, r, a) })
}

// addSilence is POST /v1/silences: a [alert.Silence], with "for" (a duration
// such as "2h") where no "until" is given.
func addSilence(w http.ResponseWriter, r *http.Request, a Agent) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	var in struct {
		alert.Silence
		For conf.Duration `json:"for"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		refuse(w, http.StatusUnprocessableEntity, errors.New("the body is not a silence: "+err.Error()), `send for example {"rule": "disk-full", "for": "2h"}`)
		return
	}
	if in.For > 0 && in.Until.IsZero() {
		in.Until = time.Now().Add(in.For.D())
	}
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	made, err := a.AddSilence(ctx, in.Silence)
	if err != nil {
		refuseBox(w, err)
		return
	}
	reply(w, http.StatusCreated, made)
}

func removeSilence(w http.ResponseWriter, r *http.Request, a Agent, id string) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	var in struct {
		By string `json:"by"`
	}
	if len(b) > 0 && json.Unmarshal(b, &in) != nil {
		refuse(w, http.StatusUnprocessableEntity, errors.New("the body is not JSON"), `send {"by": "name"}, or nothing`)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if err := a.RemoveSilence(ctx, id, in.By); err != nil {
		refuseBox(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]string{"result": "removed"})
}

// settleDead is POST /v1/dead-letters/retry and drop: {"key", "sink", "by"}.
func settleDead(w http.ResponseWriter, r *http.Request, a Agent) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	var in struct {
		Key  string `json:"key"`
		Sink string `json:"sink"`
		By   string `json:"by"`
	}
	verb := r.PathValue("verb")
	if len(b) > 0 && json.Unmarshal(b, &in) != nil || verb != "retry" && verb != "drop" {
		refuse(w, http.StatusUnprocessableEntity, errors.New("the body is not JSON, or the verb is neither retry nor drop"), `send {"key": "…", "sink": "…"}`)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	var out struct {
		Count   int `json:"count"`
		Backlog int `json:"backlog"`
	}
	var err error
	if verb == "retry" {
		out.Count, err = a.RetryDead(ctx, in.Key, in.Sink, in.By)
	} else {
		if in.Sink != "" && in.Key == "" {
			if n, backErr := a.DropBacklog(ctx, in.Sink, in.By); backErr == nil {
				out.Backlog = n
			}
		}
		out.Count, err = a.DropDead(ctx, in.Key, in.Sink, in.By)
	}
	if err != nil && out.Backlog == 0 {
		refuseBox(w, err)
		return
	}
	reply(w, http.StatusOK, out)
}

// refuseBox answers an error of the outbox.
func refuseBox(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, alert.ErrUnknownSilence), errors.Is(err, alert.ErrUnknownDeadLetter):
		refuse(w, http.StatusNotFound, err, "list them first")
	case errors.Is(err, alert.ErrInvalid):
		refuse(w, http.StatusUnprocessableEntity, errors.New(strings.TrimPrefix(err.Error(), alert.ErrInvalid.Error()+": ")), "")
	default:
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, err, "try again")
	}
}
