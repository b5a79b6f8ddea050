package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/record"
)

// cpu compares what recording a frame costs with what collecting it does.
func cpu(c config) ([]measure, error) {
	set := collect.NewSet(collect.All(collect.LocalHost(time.Second), collect.Config{}), collect.SetOptions{})
	const ticks = 300
	var samples int
	start := usage()
	for range ticks {
		samples = len(set.Collect(context.Background(), time.Now(), boot()).Samples)
	}
	tick := float64(usage()-start) / ticks / 1e3

	t, err := newTiles(c.fixture, c.series)
	if err != nil {
		return nil, err
	}
	const frames = 7200
	made := make([]collect.Frame, frames)
	for i := range made {
		made[i] = t.next()
	}
	var raw []float64
	for i := range 5 {
		dir := filepath.Join(c.dir, fmt.Sprintf("cpu-%d", i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
		w, err := open(dir, record.Config{}, os.Stderr)
		if err != nil {
			return nil, err
		}
		start := usage()
		for i, f := range made {
			w.Record(f)
			w.n++
			if i%32 == 31 { // sleep until it is done: a busy wait would count
				for w.Stats().Recorded < w.n {
					time.Sleep(50 * time.Microsecond)
				}
			}
		}
		w.close()
		raw = append(raw, float64(usage()-start)/frames/1e3)
	}
	spent := slices.Sorted(slices.Values(raw))[len(raw)/2]
	scaled := tick * float64(c.series) / float64(samples)
	return []measure{
		{What: "collecting a frame of this host", Value: tick, Unit: "µs CPU", N: samples, Remark: fmt.Sprintf("%d series", samples)},
		{What: "recording a frame, both tiers, write(2) included", Value: spent, Unit: "µs CPU", N: c.series, Raw: raw, Remark: fmt.Sprintf("%d series, median of %d", c.series, len(raw))},
		{What: "recording, of the CPU of collecting as many series", Value: 100 * spent / scaled, Unit: "%", Limit: 5},
	}, nil
}

// usage is the CPU time of this process, user and system.
func usage() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rss compares the resident memory of a process that records with that of one
// which only makes the frames.
func rss(c config) ([]measure, error) {
	var with, without []float64
	for range 5 {
		for _, on := range []bool{true, false} {
			dir, err := os.MkdirTemp(c.dir, "rss-")
			if err != nil {
				return nil, err
			}
			v, err := rssOf(c, dir, on)
			if err != nil {
				return nil, err
			}
			if on {
				with = append(with, v)
			} else {
				without = append(without, v)
			}
		}
	}
	median := func(v []float64) float64 { return slices.Sorted(slices.Values(v))[len(v)/2] }
	return []measure{
		{What: "RSS after 2 h of frames, not recording", Value: median(without), Unit: "MiB", Raw: without},
		{What: "RSS after 2 h of frames, recording", Value: median(with), Unit: "MiB", Raw: with},
		{What: "RSS of recording", Value: median(with) - median(without), Unit: "MiB", Limit: 2},
	}, nil
}

func rssOf(c config, dir string, on bool) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, "-child", "rss", dir, c.fixture, strconv.Itoa(c.series), strconv.FormatBool(on))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("run child: %w", err)
	}
	var v float64
	return v, json.Unmarshal(out, &v)
}

// childRSS makes frames for two hours, as fast as it can, and prints its RSS.
func childRSS(dir, fixture string, series int, on bool) error {
	t, err := newTiles(fixture, series)
	if err != nil {
		return err
	}
	var w *writer
	if on {
		if w, err = open(dir, record.Config{}, os.Stderr); err != nil {
			return err
		}
	}
	for range 7200 {
		f := t.next()
		if on {
			w.put(f)
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	fmt.Println(kib / 1024)
	return err
}
