package detect

import (
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/firewatch-agent/firewatch/alert"
)

// Explanation is how the anomaly rule judges now: what it takes to fire, how often
// that is to be expected, and what each subsystem does.
type Explanation struct {
	State   string        `json:"state"`          // "ready", "learning 12/60 min", "no data", or "off"
	Budget  string        `json:"budget"`         // as configured
	Bound   alert.Number  `json:"bound"`          // rank beyond which a subsystem fires
	Once    float64       `json:"bound_hours"`    // hours in which one row is expected to go that far
	Weekly  alert.Number  `json:"expected"`       // false alarms a week that the bound is set for
	Low     alert.Number  `json:"own_low"`        // 90 % interval of that by this host's own past alone
	High    alert.Number  `json:"own_high"`       //
	Own     float64       `json:"own_hours"`      // how long that past is
	Watched int           `json:"watched"`        // series
	Left    int           `json:"left,omitempty"` // series that found no room
	Areas   []AreaState   `json:"subsystems"`
	Series  []alert.Cause `json:"series"` // all that are watched, now and usually
}

// AreaState is a subsystem as the anomaly rule sees it.
type AreaState struct {
	Name    string                  `json:"name"`
	Firing  bool                    `json:"firing"`
	Rank    alert.Number            `json:"rank"` // the greatest of the channels'
	By      map[string]alert.Number `json:"channels"`
	Drivers []alert.Cause           `json:"drivers"` // what is farthest from usual now, at most three
}

var channelOf = [channels]string{byValue: "value", byRatio: "ratio", byGroup: "group"}

// Explain says how the anomaly rule judges; State is "off" where there is none.
func (d *Detector) Explain() Explanation {
	for _, r := range d.rules {
		if a, ok := r.(*Anomaly); ok {
			return a.explanation(d.history)
		}
	}
	return Explanation{State: "off", Areas: []AreaState{}, Series: []alert.Cause{}}
}

func (a *Anomaly) explanation(h *History) Explanation {
	b := a.budget
	block := float64(b.past.length) * a.cfg.Row.D().Hours()
	weeks := block / (7 * 24)
	e := Explanation{State: a.state(h), Budget: a.cfg.Budget, Bound: alert.Number(b.bound), Once: block / b.perBlock,
		Weekly: alert.Number(b.perBlock / weeks), Own: block * float64(len(b.past.held)+b.past.blocks.Len()), Watched: len(a.series), Left: a.left, Areas: []AreaState{}, Series: []alert.Cause{}}
	low, high := b.own()
	e.Low, e.High = alert.Number(low/weeks), alert.Number(high/weeks)
	for _, x := range a.areas {
		s := AreaState{Name: x.name, Firing: x.on, Rank: alert.Number(x.rank), By: map[string]alert.Number{}, Drivers: a.drivers(x)}
		for k, past := range a.past {
			s.By[channelOf[k]] = alert.Number(past.rank(second(x.last[k])))
		}
		e.Areas = append(e.Areas, s)
	}
	for _, s := range a.series {
		e.Series = append(e.Series, s.cause())
	}
	return e
}

// own is the 90 % interval of the alarms a block by this host's own blocks alone
// (Garwood 1936, doi:10.1093/biomet/28.3-4.437); from 0 to 1 where there are none.
func (b *Budget) own() (low, high float64) {
	all := slices.Concat(b.past.held, b.past.blocks.Sorted())
	n, k := float64(len(all)), 0.0
	if n == 0 {
		return 0, 1
	}
	for _, rank := range all {
		if rank > b.bound {
			k++
		}
	}
	if k > 0 {
		low = distuv.ChiSquared{K: 2 * k}.Quantile(0.05) / 2 / n
	}
	return low, distuv.ChiSquared{K: 2*k + 2}.Quantile(0.95) / 2 / n
}

// BoundSpan is the time in which one row is expected to go as far as the bound.
func (e Explanation) BoundSpan() time.Duration { return time.Duration(e.Once * float64(time.Hour)) }
