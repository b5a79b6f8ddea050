package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// DrillStep is what the client of a drill asks for: the next of its steps
// begin, wait and end.
type DrillStep struct {
	Kind    string        `json:"-"`
	Name    string        `json:"-"`
	Address string        `json:"address,omitempty"`   // of a server that the client makes slow, on loopback; for a probe
	Within  time.Duration `json:"within_ns,omitempty"` // how long a sink may take; 0 = the longest there is
}

// Drill is what the agent says at each step of a drill.
type Drill struct {
	Rule    string       `json:"rule"`
	Bytes   int64        `json:"bytes,omitempty"`    // how much the client is to take at once, of memory or disk
	Most    int64        `json:"most,omitempty"`     // how much in all, growing while it is not told: a quarter of what is available
	Dir     string       `json:"dir,omitempty"`      // where, for a disk
	Fired   float64      `json:"fired_ms,omitempty"` // from the start of the drill until its rule fired
	Results []TestResult `json:"results,omitempty"`
}

// drill takes one step of a drill: begin, wait or end.
func drill(w http.ResponseWriter, r *http.Request, a Agent) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	s := DrillStep{}
	if len(b) > 0 && json.Unmarshal(b, &s) != nil {
		refuse(w, http.StatusUnprocessableEntity, errors.New("the body is not JSON"), "")
		return
	}
	s.Kind, s.Name = r.PathValue("kind"), r.PathValue("step")
	ctx, cancel := context.WithTimeout(r.Context(), 70*time.Second)
	defer cancel()
	d, err := a.Drill(ctx, s)
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err, "")
		return
	}
	reply(w, http.StatusOK, d)
}
