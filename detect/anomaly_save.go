package detect

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/firewatch-agent/firewatch/forest"
)

// savedAnomaly is what an Anomaly learnt. Floats are little-endian, for there
// are NaN among them.
type savedAnomaly struct {
	Config AnomalyConfig   `json:"config"`
	Rows   int             `json:"rows"`
	At     uint64          `json:"at"`
	Judged bool            `json:"judged"` // there are verdicts, those of the newest row
	Series []savedWatched  `json:"series"`
	Groups []savedGroup    `json:"groups"`
	Areas  []savedArea     `json:"areas"`
	Past   []savedExtremes `json:"past"`
	Budget savedExtremes   `json:"budget"`
}

type savedWatched struct {
	Metric string `json:"metric"`
	Target string `json:"target,omitempty"`
	Line   []byte `json:"line"`
	Queue  []byte `json:"queue,omitempty"`
	Rows   uint64 `json:"rows"`
	Missed int    `json:"missed,omitempty"`
	Out    int    `json:"out,omitempty"`
	Told   bool   `json:"told,omitempty"`
	Past   []byte `json:"past,omitempty"` // w of the last rows
	Pos    int    `json:"pos,omitempty"`
}

type savedGroup struct {
	Ratios []savedWatched `json:"ratios"`
	Stream []byte         `json:"stream"`
	Lines  [][]byte       `json:"lines"`
	Ends   []byte         `json:"ends"` // least and greatest of each
	Rows   int            `json:"rows"`
}

type savedArea struct {
	Name   string `json:"name"`
	Last   []byte `json:"last"`
	Rank   []byte `json:"rank"`
	Kind   int    `json:"kind,omitempty"`
	Within int    `json:"within"`
	On     bool   `json:"on,omitempty"`
	Since  int    `json:"since,omitempty"`
	Quiet  int    `json:"quiet,omitempty"`
}

type savedExtremes struct {
	Rows   uint64 `json:"rows"`
	Top    []byte `json:"top"`
	Blocks []byte `json:"blocks"`
	Held   []byte `json:"held,omitempty"`
}

var errModel = errors.New("the model is damaged")

func floats(v ...float64) []byte {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

func unfloat(b []byte) []float64 {
	v := make([]float64, 0, len(b)/8)
	for ; len(b) >= 8; b = b[8:] {
		v = append(v, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return v
}

// save implements learning.
func (a *Anomaly) save() []byte {
	s := savedAnomaly{Config: a.cfg, Rows: a.rows, At: a.at, Judged: len(a.verdict) > 0, Budget: a.budget.past.save()}
	for _, x := range a.series {
		s.Series = append(s.Series, x.save())
	}
	for _, g := range a.groups {
		out := savedGroup{Stream: g.host.forest.Encode(nil), Rows: g.host.rows}
		for _, r := range g.ratios {
			out.Ratios = append(out.Ratios, r.save())
		}
		for _, p := range g.host.past {
			out.Lines = append(out.Lines, p.past.Encode(nil))
			out.Ends = append(out.Ends, floats(p.low, p.high)...)
		}
		s.Groups = append(s.Groups, out)
	}
	for _, x := range a.areas {
		out := savedArea{Name: x.name, Rank: floats(x.rank), Kind: x.kind, Within: x.within, On: x.on, Since: x.since, Quiet: x.quiet}
		for _, last := range x.last {
			out.Last = append(out.Last, floats(last[:]...)...)
		}
		s.Areas = append(s.Areas, out)
	}
	for _, past := range a.past {
		s.Past = append(s.Past, past.save())
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil // cannot be: no field of it can fail
	}
	return b
}

// load implements learning: all of it is taken, or nothing.
func (a *Anomaly) load(b []byte) error {
	var s savedAnomaly
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("%w: %w", errModel, err)
	}
	if !a.cfg.learnsAs(s.Config) {
		return nil // configured otherwise: it learns anew
	}
	next, err := newAnomaly(a.cfg)
	if err != nil {
		return err
	}
	next.slots, next.metric = a.slots, a.metric
	if err := next.take(&s); err != nil {
		return fmt.Errorf("%w: %w", errModel, err)
	}
	for i, g := range a.groups { // units are known from the history
		copy(next.groups[i].units, g.units)
		copy(next.groups[i].least, g.least)
		next.groups[i].subsystem = g.subsystem
	}
	*a = *next
	if s.Judged {
		a.say()
	}
	return nil
}

var errBounds = errors.New("out of bounds")

// take fills a rule that is new.
func (a *Anomaly) take(s *savedAnomaly) error {
	if s.Rows < 0 || len(s.Series) > mostWatched || len(s.Groups) != len(a.groups) || len(s.Past) != len(a.past) || len(s.Areas) > mostWatched {
		return errBounds
	}
	a.rows, a.at = s.Rows, s.At
	for _, in := range s.Series {
		if !slices.Contains(a.cfg.Series, in.Metric) {
			continue // watched no more
		}
		if err := a.takeSeries(in); err != nil {
			return err
		}
	}
	for i, in := range s.Groups {
		g := a.groups[i]
		if err := g.host.take(in); err != nil {
			return err
		}
		if len(in.Ratios) != len(g.ratios) {
			return errBounds
		}
		for k, r := range g.ratios {
			if err := r.load(in.Ratios[k]); err != nil {
				return err
			}
		}
	}
	for _, in := range s.Areas {
		last, rank := unfloat(in.Last), unfloat(in.Rank)
		if len(last) != channels*rowsLooked || len(rank) != 1 || in.Kind < 0 || in.Kind >= channels || in.Within < 0 || in.Since < 0 || in.Quiet < 0 {
			return errBounds
		}
		x := &area{name: in.Name, rank: rank[0], kind: in.Kind, within: in.Within, on: in.On, since: in.Since, quiet: in.Quiet}
		for k := range x.last {
			copy(x.last[k][:], last[k*rowsLooked:])
		}
		a.areas = append(a.areas, x)
	}
	for k, in := range s.Past {
		if err := a.past[k].take(in); err != nil {
			return err
		}
	}
	if err := a.budget.past.take(s.Budget); err != nil {
		return err
	}
	a.budget.bound = a.budget.past.bound(a.budget.perBlock)
	return nil
}

func (a *Anomaly) takeSeries(in savedWatched) error {
	x, err := newWatched(key{in.Metric, in.Target}, a.metric(in.Metric), a.horizon())
	if err != nil {
		return err
	}
	if err := x.load(in); err != nil {
		return err
	}
	a.series = append(a.series, x)
	return nil
}

func (s *watched) save() savedWatched {
	return savedWatched{s.metric, s.target, s.line.Encode(nil), floats(s.queue...), s.rows, s.missed, s.out, s.told, floats(s.past...), s.at}
}

func (s *watched) load(in savedWatched) error {
	line, err := forest.DecodeLine(in.Line)
	if err != nil {
		return err
	}
	queue := unfloat(in.Queue)
	for _, v := range queue {
		if v-v != 0 {
			return errBounds
		}
	}
	if line.Options() != s.line.Options() || len(queue) > rowsHeld || in.Missed < 0 || in.Pos < 0 || len(in.Past) > 8*mostRows || in.Pos > max(0, len(in.Past)/8-1) {
		return errBounds
	}
	s.line, s.queue, s.rows, s.missed, s.out, s.told = line, queue, in.Rows, in.Missed, in.Out, in.Told
	s.past, s.at = unfloat(in.Past), in.Pos
	return nil
}

func (h *hostChannel) take(in savedGroup) error {
	stream, err := forest.DecodeStream(in.Stream)
	if err != nil {
		return err
	}
	ends := unfloat(in.Ends)
	was := stream.Options()
	was.Leaf = h.forest.Options().Leaf // of another version; trees of one row a leaf serve as well
	if was != h.forest.Options() || len(in.Lines) != len(h.past) || len(ends) != 2*len(h.past) || in.Rows < 0 {
		return errBounds
	}
	h.forest, h.rows = stream, in.Rows
	for i := range h.past {
		line, err := forest.DecodeLine(in.Lines[i])
		if err != nil {
			return err
		}
		if line.Options() != h.past[i].past.Options() {
			return errBounds
		}
		h.past[i] = spread{line, ends[2*i], ends[2*i+1]}
	}
	return nil
}

func (t *extremes) save() savedExtremes {
	return savedExtremes{t.rows, floats(t.top), t.blocks.Encode(nil), floats(t.held...)}
}

func (t *extremes) take(in savedExtremes) error {
	line, err := forest.DecodeLine(in.Blocks)
	if err != nil {
		return err
	}
	top, held := unfloat(in.Top), unfloat(in.Held)
	for _, w := range append(top, held...) {
		if !(w >= 0 && w <= highest) {
			return errBounds
		}
	}
	if len(top) != 1 || len(held) > maxHeld || line.Options() != t.blocks.Options() {
		return errBounds
	}
	t.blocks, t.rows, t.top, t.held = line, in.Rows, top[0], held
	t.fit()
	return nil
}

// horizon is how far back a series is known, in rows.
func (a *Anomaly) horizon() int {
	return ScorerOptions{Step: a.cfg.Row.D()}.rowsOf(pastHorizon, pastWindow)
}
