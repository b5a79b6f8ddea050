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
	Config  AnomalyConfig `json:"config"`
	Metrics []string      `json:"metrics"`
	Rows    int           `json:"rows"`
	At      uint64        `json:"at"`
	Stream  []byte        `json:"stream"`
	Scale   []byte        `json:"scale"`
	First   []byte        `json:"first"` // rows before there is a scale
	Scores  []byte        `json:"scores"`
	Scored  int           `json:"scored"`
	Bound   []byte        `json:"bound"`
	Usual   [][]byte      `json:"usual"`
	Bands   []int         `json:"bands"`
	Last    []byte        `json:"last"`
	Beyond  int           `json:"beyond"`
	Within  int           `json:"within"`
	On      bool          `json:"on"`
	Judged  bool          `json:"judged"` // there is a verdict, that of the newest row
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
	s := savedAnomaly{Config: a.cfg, Metrics: a.metrics, Rows: a.rows, At: a.at, Stream: a.stream.Encode(nil),
		Scores: floats(a.tail.scores...), Scored: a.tail.n, Bound: floats(a.tail.bound), Last: floats(a.last[:]...), Beyond: a.beyond, Within: a.within, On: a.on, Judged: len(a.verdict) > 0}
	for _, x := range a.scale {
		s.Scale = append(s.Scale, floats(x.centre, x.width)...)
	}
	for _, x := range a.first {
		s.First = append(s.First, floats(x...)...)
	}
	for _, b := range a.usual {
		s.Usual, s.Bands = append(s.Usual, floats(b.v...)), append(s.Bands, b.n)
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil // cannot be: no field of it can fail
	}
	return b
}

// load implements learning.
func (a *Anomaly) load(b []byte) error {
	var s savedAnomaly
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("%w: %w", errModel, err)
	}
	same, _ := json.Marshal(a.cfg)
	if was, _ := json.Marshal(s.Config); string(was) != string(same) || !slices.Equal(s.Metrics, a.metrics) {
		return nil // configured otherwise: it learns anew
	}
	stream, err := forest.DecodeStream(s.Stream)
	if err != nil {
		return fmt.Errorf("%w: %w", errModel, err)
	}
	features := len(a.usual)
	widths, first, scores, bound, last := unfloat(s.Scale), unfloat(s.First), unfloat(s.Scores), unfloat(s.Bound), unfloat(s.Last)
	learnt := s.Rows >= a.learn*2/3
	switch {
	case stream.Options() != a.stream.Options(), len(bound) != 1, len(last) != len(a.last), s.Rows < 0, s.Beyond < 0, s.Within < 0, s.Scored < len(scores),
		len(scores) > tailScores, len(s.Usual) != features, len(s.Bands) != features,
		learnt && len(widths) != 2*features, !learnt && len(first) != s.Rows*features:
		return errModel
	}
	a.rows, a.at, a.stream, a.beyond, a.within, a.on = s.Rows, s.At, stream, s.Beyond, s.Within, s.On
	a.tail.scores, a.tail.n, a.tail.bound = scores, s.Scored, bound[0]
	copy(a.last[:], last)
	a.scale, a.first, a.verdict = nil, nil, a.verdict[:0]
	if s.Judged {
		a.say(a.last[a.rows%rowsToFire])
	}
	for i := 0; i < len(widths); i += 2 {
		a.scale = append(a.scale, scale{widths[i], widths[i+1]})
	}
	for ; !learnt && len(first) > 0; first = first[features:] {
		a.first = append(a.first, first[:features:features])
	}
	for i := range a.usual {
		v := unfloat(s.Usual[i])
		if len(v) > bandSize || s.Bands[i] < len(v) {
			v, s.Bands[i] = nil, 0
		}
		a.usual[i] = band{v, s.Bands[i]}
	}
	return nil
}
