package detect

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Channels is a set of ways to look at rows of numbers.
type Channels uint8

// The channels of a Scorer.
const (
	// ValueChannel asks how far a value lies from the past values of its series.
	ValueChannel Channels = 1 << iota
	// ShapeChannel asks how unusual the course of the last hours of a series is,
	// of the first 40 series.
	ShapeChannel
	// HostChannel asks how unusual the values of a block of series are together.
	HostChannel
	// AllChannels is every channel.
	AllChannels = ValueChannel | ShapeChannel | HostChannel
)

var channelNames = []struct {
	name string
	set  Channels
}{{"value", ValueChannel}, {"shape", ShapeChannel}, {"host", HostChannel}, {"all", AllChannels}}

// ParseChannels reads a list such as "value+shape", or "all".
func ParseChannels(s string) (Channels, error) {
	var out Channels
	for word := range strings.SplitSeq(s, "+") {
		var found Channels
		for _, c := range channelNames {
			if c.name == word {
				found = c.set
			}
		}
		if found == 0 {
			return 0, fmt.Errorf("read channels: %q is none of value, shape, host, all: join several by +, as in value+shape", word)
		}
		out |= found
	}
	return out, nil
}

// Constants of the channels. They are the same for all data; docs/detection.md
// says what they were chosen on.
const (
	silentRows   = 100                 // scored 0: too few to know what is usual
	pastWindow   = 1024                // rows that stand for the past
	pastHorizon  = 14 * 24 * time.Hour // how far back they reach, in the mean
	forestSample = 256
	forestDepth  = 16
	forestLeaf   = 8    // rows that a tree does not part: a quarter of the memory, scores as good
	valueShare   = 0.5  // of the value channel beside shape
	mostColumns  = 4096 // of a row
)

// ErrRow is wrapped where a row has not the Scorer's number of series.
var ErrRow = errors.New("bad row")

// ScorerOptions configure NewScorer.
type ScorerOptions struct {
	// Series is the number of values of a row, 1…4096.
	Series int
	// Blocks are the series that the host channel judges together, by index. It
	// looks for spikes and relations in all of them.
	Blocks [][]int
	// Step is the time from row to row; durations are counted in rows of it.
	Step time.Duration
	// Channels to use; 0 = all.
	Channels Channels
	// Budget is the false alarms to put up with, per second; 0 = 1 per week.
	Budget float64
	// Seed fixes every random choice.
	Seed uint64
}

// Scorer gives each row of one or many series a score: how far it is from what
// the rows before it make expect. It knows of no time but the number of rows, and
// of no row but the past ones: the scores of the first n rows are the same
// whatever follows, bit for bit on one GOARCH.
//
// Not for concurrent use.
type Scorer struct {
	opt    ScorerOptions
	series []*seriesScorer
	hosts  []*hostChannel
	spikes *spikeChannel // nil without the host channel
	bonds  []*relationChannel
	rows   int
	peak   peak
	by     [kinds]float64   // scores of the newest row
	past   [kinds]*extremes // what they usually are
	less   [kinds]float64   // of rank, so much less each counts
	budget *Budget
	alert  bool
}

// NewScorer returns a scorer that has seen nothing.
func NewScorer(o ScorerOptions) (*Scorer, error) {
	if o.Channels == 0 {
		o.Channels = AllChannels
	}
	switch {
	case o.Series < 1 || o.Series > mostColumns:
		return nil, fmt.Errorf("new scorer: %d series are not in 1…%d", o.Series, mostColumns)
	case o.Step <= 0:
		return nil, fmt.Errorf("new scorer: step %v is not positive", o.Step)
	}
	s := &Scorer{opt: o, peak: newPeak()}
	if err := s.allow(o); err != nil {
		return nil, err
	}
	var first *shapeChannel
	for i := range o.Series {
		own := o
		if i >= MostShapes {
			own.Channels &^= ShapeChannel
		}
		one, err := newSeriesScorer(own, o.Seed+uint64(i), first)
		if err != nil {
			return nil, fmt.Errorf("new scorer: %w", err)
		}
		s.series = append(s.series, one)
		first = s.series[0].shape
	}
	if o.Channels&HostChannel == 0 {
		return s, nil
	}
	var err error
	if s.spikes, err = newSpikeChannel(o); err != nil {
		return nil, fmt.Errorf("new scorer: %w", err)
	}
	for part := range slices.Chunk(s.spikes.each, relationMost) {
		c, err := newRelationChannel(part, o)
		if err != nil {
			return nil, fmt.Errorf("new scorer: %w", err)
		}
		s.bonds = append(s.bonds, c)
	}
	for i, block := range o.Blocks {
		if len(block) < 2 {
			continue // no company to be judged with
		}
		h, err := newHostChannel(block, o, o.Seed+uint64(i))
		if err == nil {
			err = h.share(s.hosts, s.spikes)
		}
		if err != nil {
			return nil, fmt.Errorf("new scorer: %w", err)
		}
		s.hosts = append(s.hosts, h)
	}
	return s, nil
}

// Observe scores a row by the rows before it, 0 to 1, and learns it. NaN is a
// missing value, neither judged nor learnt; an infinity counts as one. The score
// is 0 for the first 100 rows and for a row without values. By value and shape it
// is 0, too, while less unusual than a moment ago: what stays unusual says so once.
func (s *Scorer) Observe(row []float64) (float64, error) {
	if len(row) != len(s.series) {
		return math.NaN(), fmt.Errorf("score row: %w: %d values for %d series", ErrRow, len(row), len(s.series))
	}
	s.rows++
	clear(s.by[:])
	for i, one := range s.series {
		s.by[bySeries] = math.Max(s.by[bySeries], one.observe(row[i]))
	}
	s.by[bySeries] = s.peak.keep(s.by[bySeries])
	for _, h := range s.hosts {
		s.by[byBlock] = math.Max(s.by[byBlock], h.observe(row))
	}
	if s.spikes != nil {
		s.by[bySpike] = s.spikes.observe(row)
	}
	for _, c := range s.bonds {
		s.by[byRelation] = math.Max(s.by[byRelation], near(c.observe()))
	}
	if s.rows <= silentRows {
		clear(s.by[:])
	}
	s.judge()
	return math.Min(1, slices.Max(s.by[:])), nil
}

// rowsOf is a duration in rows, at least least.
func (o ScorerOptions) rowsOf(d time.Duration, least int) int {
	return max(least, int(min(d/o.Step, 1<<24)))
}

// seriesScorer looks at one series through the channels for single series.
type seriesScorer struct {
	value *valueChannel
	shape *shapeChannel
	level ownLevel
}

func newSeriesScorer(o ScorerOptions, seed uint64, first *shapeChannel) (*seriesScorer, error) {
	s := &seriesScorer{level: newLevel()}
	var err error
	if o.Channels&ValueChannel != 0 {
		if s.value, err = newValueChannel(o, seed); err != nil {
			return nil, err
		}
	}
	if o.Channels&ShapeChannel != 0 {
		if s.shape, err = newShapeChannel(o, seed, first); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// observe scores v and learns it; 0 where v is missing.
func (s *seriesScorer) observe(v float64) float64 {
	if s.value == nil && s.shape == nil {
		return 0
	}
	if v-v != 0 {
		v = math.NaN()
	}
	var score float64
	switch {
	case s.shape == nil:
		score = s.value.observe(v)
	case s.value == nil:
		score = s.shape.observe(v)
	default:
		score = valueShare*s.value.observe(v) + (1-valueShare)*s.shape.observe(v)
	}
	if score != score {
		return 0
	}
	return s.level.against(score)
}
