package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	intact  = 1000
	harmed  = 300 // of each kind
	foreign = 100_000
)

// damage starts the agent on a state directory of 1000 incidents that were
// never told, among damaged ones, and 100 000 files that are none.
func damage(b *bench, dir string) ([]row, error) {
	r := newReceiver()
	defer r.Close()
	state := filepath.Join(dir, "state")
	hole := "[[sink.webhook]]\nname = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n"
	a, err := b.start(dir, state, hole)
	if err != nil {
		return nil, err
	}
	for i := range 4 { // models of what is damaged below
		a.post(fmt.Sprint("model-", i), "critical", "firing")
	}
	time.Sleep(time.Second)
	if err := a.stop(); err != nil {
		return nil, err
	}
	targets, err := spoil(filepath.Join(state, "incidents", "open"))
	if err != nil {
		return nil, err
	}
	before := inodes(state)
	syscall.Sync() // a directory that is found at a start is on disk: its making is not the agent's to wait for
	a, err = b.start(dir, state, r.sink("webhook"))
	if err != nil {
		return nil, err
	}
	wait(90*time.Second, func() bool { return len(r.alerts()) >= len(targets) })
	time.Sleep(time.Second)
	told := 0
	for _, t := range targets {
		if !r.at(t, "firing").IsZero() {
			told++
		}
	}
	lost := 0
	wait(60*time.Second, func() bool { // the lazy part moves files meanwhile
		now := inodes(state)
		ids := map[string]bool{} // an intact record is written anew under its name
		for _, name := range now {
			ids[strings.SplitN(filepath.Base(name), ".", 2)[0]] = true
		}
		lost = 0
		for i, name := range before {
			if _, there := now[i]; !there && strings.Contains(name, "incidents") && !ids[strings.SplitN(filepath.Base(name), ".", 2)[0]] {
				lost++
			}
		}
		return lost == 0
	})
	return []row{
		{Figure: "READY on a damaged directory with 100 000 files, ms", Value: a.ready.Seconds() * 1000, Bar: 500},
		{Figure: "intact incidents told, %", Value: 100 * float64(told) / float64(len(targets)), Bar: 99, Least: true, N: len(targets)},
		{Figure: "files of the directory that are gone (moved is not gone)", Value: float64(lost), N: len(before)},
	}, a.stop()
}

// spoil fills incidents/open from the incidents that are there: intact copies
// whose targets it returns, copies damaged in each way, and foreign files.
func spoil(open string) ([]string, error) {
	models, err := filepath.Glob(open + "/*.json")
	if err != nil || len(models) == 0 {
		return nil, fmt.Errorf("no incident was written: %w", err)
	}
	model, err := os.ReadFile(models[0])
	if err != nil {
		return nil, err
	}
	was := strings.TrimSuffix(filepath.Base(models[0]), ".json")
	rng := mrand.New(mrand.NewPCG(1, 1))
	var targets []string
	write := func(change func([]byte) []byte) error {
		var raw [16]byte
		_, _ = rand.Read(raw[:])
		id := hex.EncodeToString(raw[:])
		t := fmt.Sprintf("model-%x", raw[:4])
		text := strings.NewReplacer(was, id, "model-0", t, "model-1", t, "model-2", t, "model-3", t).Replace(string(model))
		b := []byte(text)
		if change == nil {
			targets = append(targets, t)
		} else {
			b = change(b)
		}
		return os.WriteFile(filepath.Join(open, id+".json"), b, 0o600)
	}
	for range intact {
		if err := write(nil); err != nil {
			return nil, err
		}
	}
	kinds := []func([]byte) []byte{
		func(b []byte) []byte { return b[:rng.IntN(len(b))] },
		func(b []byte) []byte { return make([]byte, len(b)) },
		func(b []byte) []byte { // the middle of one block is zeros
			clear(b[len(b)/4 : len(b)/2])
			return b
		},
		func(b []byte) []byte {
			for range 20 {
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			}
			return b
		},
	}
	for _, k := range kinds {
		for range harmed {
			if err := write(k); err != nil {
				return nil, err
			}
		}
	}
	for i := range foreign {
		name := filepath.Join(open, fmt.Sprintf("foreign-%06d.%s", i, []string{"json", "txt", "tmp"}[i%3]))
		switch i % 1000 {
		case 0:
			err = syscall.Mkfifo(name, 0o600)
		case 1:
			err = os.Symlink("/etc/passwd", name)
		case 2:
			err = os.Mkdir(name, 0o700)
		default:
			err = os.WriteFile(name, []byte("x"), 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	return targets, nil
}

// inodes maps the files below a folder to their names.
func inodes(dir string) map[uint64]string {
	out := map[uint64]string{}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what moves away meanwhile is looked for elsewhere
		}
		if st, err := d.Info(); err == nil && !st.IsDir() {
			if sys, ok := st.Sys().(*syscall.Stat_t); ok && sys.Ino != math.MaxUint64 {
				out[sys.Ino] = path
			}
		}
		return nil
	})
	return out
}
