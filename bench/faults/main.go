// Command faults is the fault lab: real trouble on this real machine, watched by
// the real binary, and what it said and when.
//
//	go run ./bench/faults -rec healthy.rec          # the whole lab, at most 50 minutes, as root
//	go run ./bench/faults -rec healthy.rec -only disk-full,zombies -rounds 1
//	go run ./bench/faults -rec healthy.rec -judge D # the verdict again, from what -keep D left
//	go run ./bench/faults -print                    # the table again
//
// It runs in a network and mount namespace of its own, with the agent inside:
// loopback, a network card with a server at the other end, iptables, resolv.conf
// and tmpfs are private. Sharp faults come once in each round, in random order
// and after random pauses, over a background that compiles, packs and idles;
// slow ones come once, at the end. The agent's models start from a replayed
// recording of a healthy host; a series that it does not have is learnt while the
// lab warms up.
//
// The frames of the one run are recorded, and judged three times: by the
// thresholds alone, by anomaly detection alone, and by both; the live agent's
// own messages stand beside them. What a message must name is in the table of
// faults (list.go), which was written before the run.
//
// Nothing is exhausted that the host needs: a sixth of the memory, disks that are
// filled are tmpfs, load on the real disk is at most 1 GiB and is deleted. At
// the end, and at Ctrl-C, every child is killed and every mount undone.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
)

type options struct {
	rec, out, only, judge string
	keep                  string
	rounds                int
	seed                  uint64
	hold, warm            time.Duration
	printOnly             bool
}

// event is one fault as it was made.
type event struct {
	Fault string    `json:"fault"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
}

// log is what a run leaves beside its recording, for -judge.
type runLog struct {
	Commit  string  `json:"commit"`
	Machine string  `json:"machine"`
	Seed    uint64  `json:"seed"`
	Healthy string  `json:"models_from"`
	Events  []event `json:"events"`
	Skipped []skip  `json:"skipped,omitempty"`
	Live    []told  `json:"live"`
	Seconds float64 `json:"wall_seconds"`
}

type skip struct{ Fault, Why string }

func main() {
	var o options
	if len(os.Args) > 1 && os.Args[1] == "child" {
		child(os.Args[2:])
		return
	}
	flag.StringVar(&o.rec, "rec", "", "`recording` of a healthy host that the models start from")
	flag.StringVar(&o.out, "out", "bench/results/faults.json", "result `file`")
	flag.StringVar(&o.keep, "keep", "", "`directory` for the recording and log of the run (default a temporary one)")
	flag.StringVar(&o.only, "only", "", "only these `faults`, by name")
	flag.StringVar(&o.judge, "judge", "", "judge this `directory`, which -keep made, again")
	flag.IntVar(&o.rounds, "rounds", rounds, "how often each sharp fault comes")
	flag.Uint64Var(&o.seed, "seed", 7, "of order and pauses")
	flag.DurationVar(&o.hold, "hold", hold, "how long a sharp fault lasts")
	flag.DurationVar(&o.warm, "warm", warm, "time before the first fault: a probe's own past takes 180 s")
	flag.BoolVar(&o.printOnly, "print", false, "print the table of the result file and stop")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/faults:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	switch {
	case o.printOnly:
		return printTable(o.out)
	case o.judge == "":
		if os.Getenv(inside) == "" {
			return enter()
		}
		if o.keep == "" {
			dir, err := os.MkdirTemp("", "firewatch-faults-")
			if err != nil {
				return err
			}
			o.keep = dir
		}
		if err := physical(o); err != nil {
			return err
		}
		o.judge = o.keep
	}
	if err := judge(o); err != nil {
		return err
	}
	return printTable(o.out)
}

const inside = "FIREWATCH_FAULTS_INSIDE"

// enter runs this program again in namespaces of its own.
func enter() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", os.Args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	// The agent sees the mounts of pid 1, so the disks that are filled are mounted out here.
	dir, err := os.MkdirTemp("", "firewatch-lab-")
	if err != nil {
		return err
	}
	defer unmount(dir)
	if err := mount(dir); err != nil {
		return err
	}
	cmd.Env = append(os.Environ(), inside+"="+dir)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Unshareflags: syscall.CLONE_NEWNS, Setpgid: true}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run in namespaces (root is needed): %w", err)
	}
	return nil
}

var disks = map[string]string{"fill": "size=64m", "inodes": "size=64m,nr_inodes=19400"}

// mount makes the small disks that are filled.
func mount(dir string) error {
	for name, size := range disks {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount("tmpfs", path, "tmpfs", 0, size); err != nil {
			return fmt.Errorf("mount tmpfs: %w", err)
		}
	}
	return nil
}

func unmount(dir string) {
	for name := range disks {
		_ = syscall.Unmount(filepath.Join(dir, name), syscall.MNT_DETACH)
	}
	_ = os.RemoveAll(dir)
}

// physical makes the faults and leaves recording and log in o.keep.
func physical(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	start := time.Now()
	l, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer l.close()
	rng := rand.New(rand.NewPCG(o.seed, 0x6661756c74))
	r := runLog{Commit: report.Commit(), Machine: report.Machine(), Seed: o.seed, Healthy: filepath.Base(o.rec)}
	plan := makePlan(o, rng)
	l.say("warming up for %s; %d faults in %s in all", o.warm, len(plan), lasts(o, plan))
	l.sleep(o.warm)
	for _, p := range plan {
		if ctx.Err() != nil {
			break
		}
		l.sleep(p.pause)
		f, from := p.fault, time.Now()
		l.say("%s for %s", f.name, p.hold)
		undo, err := f.begin(l)
		if err != nil {
			if !slices.ContainsFunc(r.Skipped, func(s skip) bool { return s.Fault == f.name }) {
				r.Skipped = append(r.Skipped, skip{f.name, err.Error()})
			}
			l.say("%s: skipped: %v", f.name, err)
			undo()
			continue
		}
		l.sleep(p.hold)
		undo()
		r.Events = append(r.Events, event{f.name, from.UTC(), time.Now().UTC()})
	}
	l.sleep(tail)
	r.Live, r.Seconds = l.stopAgent(), time.Since(start).Seconds()
	if err := report.Write(filepath.Join(o.keep, "run.json"), r); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; everything is undone; -judge %s judges what there was", o.keep)
	}
	return nil
}
