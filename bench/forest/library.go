package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/firewatch-agent/firewatch/forest"
)

// library is a forest of 100 trees × 256 rows under test. Each call returns
// the seconds that the library itself took.
type library interface {
	name() string
	load(s set) error
	fit(seed int) (float64, error)
	score() (float64, error)            // all rows of the set, one thread
	one(calls int) (float64, error)     // seconds per single row
	scores(seed int) ([]float64, error) // fit and score, for accuracy
	close()
}

// ours runs in this process.
type ours struct {
	title   string
	workers int // 0: all cores
	boxes   bool
	set     set
	f       *forest.Forest
	dst     []float64
}

func (o *ours) name() string { return o.title }
func (o *ours) close()       {}

func (o *ours) load(s set) error {
	o.set, o.dst = s, make([]float64, len(s.rows))
	return nil
}

func (o *ours) fit(seed int) (float64, error) {
	begin := time.Now()
	f, err := forest.Train(o.set.rows, forest.Options{Seed: uint64(seed), Workers: o.workers, Boxes: o.boxes})
	o.f = f
	return time.Since(begin).Seconds(), err
}

func (o *ours) score() (float64, error) {
	begin := time.Now()
	err := o.f.ScoreBatch(o.dst, o.set.rows)
	return time.Since(begin).Seconds(), err
}

func (o *ours) one(calls int) (float64, error) {
	begin := time.Now()
	for i := range calls {
		o.dst[0] = o.f.Score(o.set.rows[i%len(o.set.rows)])
	}
	return time.Since(begin).Seconds() / float64(calls), nil
}

func (o *ours) scores(seed int) ([]float64, error) {
	if _, err := o.fit(seed); err != nil {
		return nil, err
	}
	_, err := o.score()
	return o.dst, err
}

// peer is a child process that answers one JSON object per line on its standard
// output for each command on its standard input. It is idle while another
// library is measured.
type peer struct {
	title string
	dir   string // for files
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
}

type command struct {
	Op    string `json:"op"` // load, fit, score, one, scores
	Path  string `json:"path,omitempty"`
	Seed  int    `json:"seed,omitempty"`
	Calls int    `json:"calls,omitempty"`
}

type answer struct {
	Seconds float64   `json:"seconds"`
	Scores  []float64 `json:"scores"`
	Error   string    `json:"error"`
}

func startPeer(title, tmp, workDir string, argv ...string) (*peer, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Stderr = workDir, os.Stderr
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", title, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", title, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", title, err)
	}
	return &peer{title, tmp, cmd, in, bufio.NewReader(out)}, nil
}

func (p *peer) call(c command) (answer, error) {
	line, err := json.Marshal(c)
	if err != nil {
		return answer{}, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", p.title, err)
	}
	line, err = p.out.ReadBytes('\n')
	if err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", p.title, err)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", p.title, err)
	}
	if a.Error != "" {
		return answer{}, fmt.Errorf("ask %s: %s", p.title, a.Error)
	}
	return a, nil
}

func (p *peer) name() string { return p.title }

func (p *peer) load(s set) error {
	path := filepath.Join(p.dir, p.title+".bin")
	if err := s.save(path); err != nil {
		return err
	}
	_, err := p.call(command{Op: "load", Path: path})
	return err
}

func (p *peer) fit(seed int) (float64, error) {
	a, err := p.call(command{Op: "fit", Seed: seed})
	return a.Seconds, err
}

func (p *peer) score() (float64, error) {
	a, err := p.call(command{Op: "score"})
	return a.Seconds, err
}

func (p *peer) one(calls int) (float64, error) {
	a, err := p.call(command{Op: "one", Calls: calls})
	return a.Seconds / float64(calls), err
}

func (p *peer) scores(seed int) ([]float64, error) {
	a, err := p.call(command{Op: "scores", Seed: seed})
	return a.Scores, err
}

func (p *peer) close() {
	p.in.Close()
	_ = p.cmd.Wait()
}
