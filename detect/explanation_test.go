package detect

import (
	"encoding/json"
	"testing"
)

// TestExplain: what it says while it learns, when it is quiet, and when it fires.
func TestExplain(t *testing.T) {
	t.Parallel()
	s := newSynthetic(t, AnomalyConfig{})
	s.run(100, nil)
	if e := s.d.Explain(); e.State != "learning 1/5 min" || e.Own != 0 || e.High <= e.Weekly {
		t.Errorf("%+v", e)
	}
	s.run(3000, nil)
	e := s.d.Explain()
	if e.State != "ready" || e.Watched != 3 || e.Weekly < 0.99 || e.Weekly > 1.01 || e.Own <= 0 || e.Low > e.High || e.Areas[0].Firing {
		t.Errorf("%+v", e)
	}
	early := e.High
	s.run(6000, nil)
	if e = s.d.Explain(); e.High >= early {
		t.Errorf("more data proves no more: at most %g a week, before %g", e.High, early)
	}
	s.run(10, breakRelation)
	fires := false
	for _, x := range s.d.Explain().Areas {
		fires = fires || x.Firing && x.Rank > s.d.Explain().Bound && x.By["ratio"] == x.Rank
	}
	if !fires {
		t.Errorf("%+v", s.d.Explain().Areas)
	}
	if b, err := json.Marshal(New(nil, Options{}).Explain()); err != nil || len(b) == 0 {
		t.Error(err)
	}
}
