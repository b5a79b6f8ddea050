// Command peer runs hed1ad/goguardml's isolation forest for bench/forest. It
// has a module of its own so that the peer is no dependency of the agent.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/hed1ad/goguardml/pkg/detectors/iforest"
)

type command struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Seed  int    `json:"seed"`
	Calls int    `json:"calls"`
}

type answer struct {
	Seconds float64   `json:"seconds"`
	Scores  []float64 `json:"scores,omitempty"`
	Error   string    `json:"error,omitempty"`
}

type runner struct {
	rows [][]float64
	f    *iforest.IsolationForest
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	var r runner
	for {
		var c command
		if err := in.Decode(&c); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		a, err := r.run(c)
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			os.Exit(1)
		}
	}
}

func (r *runner) run(c command) (a answer, err error) {
	begin := time.Now()
	switch c.Op {
	case "load":
		r.rows, err = load(c.Path)
	case "fit":
		err = r.fit(c.Seed)
	case "score":
		_, err = r.f.Predict(r.rows)
	case "one":
		for i := 0; i < c.Calls && err == nil; i++ {
			_, err = r.f.PredictOne(r.rows[i%len(r.rows)])
		}
	case "scores":
		if err = r.fit(c.Seed); err == nil {
			a.Scores, err = r.f.Predict(r.rows)
		}
	default:
		err = fmt.Errorf("unknown op %q", c.Op)
	}
	a.Seconds = time.Since(begin).Seconds()
	return a, err
}

// fit turns the threshold off, which would score all rows and sort the scores
// by insertion: only the trees are compared.
func (r *runner) fit(seed int) error {
	r.f = iforest.New(iforest.WithTrees(100), iforest.WithSampleSize(256),
		iforest.WithContamination(0), iforest.WithSeed(int64(seed)))
	return r.f.Fit(r.rows)
}

func load(path string) ([][]float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	var size [2]uint64
	if err := binary.Read(in, binary.LittleEndian, &size); err != nil {
		return nil, err
	}
	rows := make([][]float64, size[0])
	var b [8]byte
	for i := range rows {
		rows[i] = make([]float64, size[1])
		for j := range rows[i] {
			if _, err := io.ReadFull(in, b[:]); err != nil {
				return nil, err
			}
			rows[i][j] = math.Float64frombits(binary.LittleEndian.Uint64(b[:]))
		}
	}
	return rows, nil
}
