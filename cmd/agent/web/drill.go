package web

import (
	"context"
	"net/http"
	"time"
)

// Drill is what the agent says at each step of a drill.
type Drill struct {
	Rule    string       `json:"rule"`
	Bytes   int64        `json:"bytes,omitempty"`    // how much the client is to take, of memory or disk
	Dir     string       `json:"dir,omitempty"`      // where, for a disk
	Fired   float64      `json:"fired_ms,omitempty"` // from the start of the drill until its rule fired
	Results []TestResult `json:"results,omitempty"`
}

// drill takes one step of a drill: begin, wait or end.
func drill(w http.ResponseWriter, r *http.Request, a Agent) {
	ctx, cancel := context.WithTimeout(r.Context(), 70*time.Second)
	defer cancel()
	d, err := a.Drill(ctx, r.PathValue("kind"), r.PathValue("step"))
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err, "")
		return
	}
	reply(w, http.StatusOK, d)
}
