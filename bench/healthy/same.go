package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"path/filepath"
	"runtime"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
)

// sameness is bench/results/replay.json: what a day of frames gave, by SHA-256 of
// every alert, of the score of each tick, and of the state at the end.
type sameness struct {
	Commit    string   `json:"commit"`
	Machine   string   `json:"machine"`
	Recording string   `json:"recording"`
	Played    int      `json:"times_played"` // one after the other, its times moved on
	Frames    int      `json:"frames"`
	Alerts    int      `json:"alerts"`
	Replays   []replay `json:"replays"`
	Seconds   float64  `json:"wall_seconds"`
}

type replay struct {
	CPUs      int    `json:"cpus"`
	Restarted int    `json:"restarted_after,omitempty"` // frames; 0 = not
	SHA256    string `json:"sha256"`
}

const day = 24 * 60 * 60 // frames of 1 s

// printSame replays a day on one, two and four CPUs, without and with a restart in
// the middle, and fails where they differ by a bit.
func printSame(path, out string) error {
	start := time.Now()
	s := sameness{Commit: report.Commit(), Machine: report.Machine(), Recording: filepath.Base(path)}
	var all []collect.Frame
	h, err := frames(path, func(f collect.Frame) { all = append(all, f) })
	switch {
	case err != nil:
		return err
	case len(all) < 2:
		return fmt.Errorf("%s has %d frames", path, len(all))
	}
	s.Played = (day + len(all) - 1) / len(all)
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, cpus := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(cpus)
		for _, stop := range []int{0, day / 2} {
			sum, err := s.replayed(all, h.Metrics, stop)
			if err != nil {
				return err
			}
			s.Replays = append(s.Replays, replay{cpus, stop, sum})
			fmt.Printf("%d CPUs, restarted after %d frames: %d frames, %d alerts, %s\n", cpus, stop, s.Frames, s.Alerts, sum)
		}
	}
	s.Seconds = time.Since(start).Seconds()
	if err := report.Write(out, s); err != nil {
		return err
	}
	for _, r := range s.Replays {
		if r.SHA256 != s.Replays[0].SHA256 {
			return fmt.Errorf("the replay on %d CPUs, restarted after %d frames, is another", r.CPUs, r.Restarted)
		}
	}
	return nil
}

// replayed plays a day and is the hash of what that gave; stop is the frame after
// which the detector is restarted, 0 = none.
func (s *sameness) replayed(all []collect.Frame, metrics []collect.Metric, stop int) (string, error) {
	d, err := shipped(metrics)
	if err != nil {
		return "", err
	}
	span := all[len(all)-1].Time.Sub(all[0].Time) + time.Second
	sum := sha256.New()
	s.Frames, s.Alerts = 0, 0
	for ; s.Frames < day; s.Frames++ {
		f := all[s.Frames%len(all)]
		f.Time = f.Time.Add(time.Duration(s.Frames/len(all)) * span)
		if s.Frames > 0 && s.Frames%len(all) == 0 {
			f.Elapsed = time.Second
		}
		alerts := d.Observe(f)
		s.Alerts += len(alerts)
		if err := write(sum, alerts, fmt.Sprintf("%x", d.Score())); err != nil {
			return "", err
		}
		if stop > 0 && s.Frames == stop {
			if d, err = restarted(d, metrics); err != nil {
				return "", err
			}
		}
	}
	knows, err := d.Snapshot()
	sum.Write(knows)
	return hex.EncodeToString(sum.Sum(nil)), err
}

func write(to hash.Hash, what ...any) error {
	for _, x := range what {
		b, err := json.Marshal(x)
		if err != nil {
			return err
		}
		to.Write(b)
	}
	return nil
}

// restarted is a detector that has read what d knew.
func restarted(d *detect.Detector, metrics []collect.Metric) (*detect.Detector, error) {
	b, err := d.Snapshot()
	if err != nil {
		return nil, err
	}
	next, err := shipped(metrics)
	if err != nil {
		return nil, err
	}
	return next, next.Restore(b)
}
