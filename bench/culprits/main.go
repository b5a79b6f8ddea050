// Command culprits asks package culprit who did it, where the answer is known:
// six causes (a process that burns CPU, leaks memory, writes, forks, opens files
// or holds sockets), each alone and among 300 other processes, five times, by a
// watcher that is root and by one that is nobody: 120 trials. It writes
// bench/results/culprits.json and prints its table:
//
//	go run ./bench/culprits          # as root, about six minutes
//
// It runs in a PID namespace of its own, so that whoever else works on the
// machine plays no part. What the watchers do is what the agent does: a pass
// while all is well, one when a rule goes pending, one when it fires.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
	"github.com/firewatch-agent/firewatch/collect/culprit"
)

// cause is one kind of trouble and the kind that the agent would ask for.
type cause struct {
	name string
	kind culprit.Kind
}

var causes = []cause{{"cpu", culprit.CPU}, {"leak", culprit.Memory}, {"write", culprit.IO}, {"fork", culprit.Children}, {"files", culprit.Files}, {"sockets", culprit.Sockets}}

// trial is one row of the result.
type trial struct {
	Cause  string `json:"cause"`
	Others int    `json:"others"`
	User   string `json:"user"`
	Right  bool   `json:"right"`
	Said   string `json:"said"`
}

type result struct {
	Commit  string  `json:"commit"`
	Machine string  `json:"machine"`
	Repeats int     `json:"repeats"`
	Seconds float64 `json:"wall_seconds"`
	Right   int     `json:"right"`
	Trials  []trial `json:"trials"`
}

func main() {
	var out, mode string
	var repeats int
	flag.StringVar(&out, "out", "bench/results/culprits.json", "result file")
	flag.IntVar(&repeats, "repeats", 5, "trials of each cause, with and without others, by each watcher")
	flag.StringVar(&mode, "mode", "", "used by the command itself")
	flag.Parse()
	var err error
	switch mode {
	case "":
		err = enter()
	case "drive":
		err = drive(out, repeats)
	case "watch":
		err = watch(os.Stdin, os.Stdout)
	default:
		err = trouble(mode)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/culprits:", err)
		os.Exit(1)
	}
}

// enter runs this command again in a PID namespace, from a copy that nobody may
// execute too.
func enter() error {
	if os.Getuid() != 0 {
		return errors.New("a PID namespace and a second user need root")
	}
	dir, err := os.MkdirTemp("", "firewatch-culprits-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	copied := filepath.Join(dir, "culprits")
	if out, err := exec.Command("cp", self, copied).CombinedOutput(); err != nil {
		return fmt.Errorf("copy: %w: %s", err, out)
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(copied, 0o755)); err != nil {
		return err
	}
	cmd := exec.Command("unshare", append([]string{"--pid", "--fork", "--mount-proc", "--kill-child", copied}, append(os.Args[1:], "-mode", "drive")...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "BENCH_COMMIT="+report.Commit())
	return cmd.Run()
}

// drive makes the trials and writes the result.
func drive(out string, repeats int) error {
	began := time.Now()
	watchers := map[string]*watcher{}
	for name, uid := range map[string]uint32{"root": 0, "nobody": 65534} {
		w, err := newWatcher(uid)
		if err != nil {
			return err
		}
		watchers[name] = w
	}
	r := result{Commit: os.Getenv("BENCH_COMMIT"), Machine: report.Machine(), Repeats: repeats}
	for _, others := range []int{0, 300} {
		stop, err := crowd(others)
		if err != nil {
			return err
		}
		for range repeats {
			for _, c := range causes {
				rows, err := try(c, others, watchers)
				if err != nil {
					return err
				}
				r.Trials = append(r.Trials, rows...)
			}
		}
		stop()
	}
	for _, t := range r.Trials {
		if t.Right {
			r.Right++
		}
	}
	r.Seconds = time.Since(began).Seconds()
	if err := report.Write(out, r); err != nil {
		return err
	}
	return table(r)
}

// try starts one cause and asks each watcher who it was.
func try(c cause, others int, watchers map[string]*watcher) ([]trial, error) {
	each := func(command string) map[string]string {
		said := map[string]string{}
		for name, w := range watchers {
			said[name] = w.ask(command)
		}
		return said
	}
	each("pass")
	cmd := exec.Command(os.Args[0], "-mode", c.name)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	time.Sleep(1200 * time.Millisecond) // the rule goes pending
	each("full")
	time.Sleep(1500 * time.Millisecond) // and fires
	each("full")
	said := each("blame " + strconv.Itoa(int(c.kind)))
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	time.Sleep(600 * time.Millisecond)
	var rows []trial
	for name, s := range said {
		pid, _, _ := strings.Cut(s, " ")
		rows = append(rows, trial{c.name, others, name, pid == strconv.Itoa(cmd.Process.Pid), s})
	}
	return rows, nil
}

// crowd starts n other processes: most sleep, some work a little all the time.
func crowd(n int) (stop func(), err error) {
	var all []*exec.Cmd
	for i := range n {
		cmd := exec.Command("sleep", "100000")
		if i%15 == 0 {
			cmd = exec.Command("sh", "-c", "while :; do sleep 0.5; done")
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		all = append(all, cmd)
	}
	return func() {
		for _, cmd := range all {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}, nil
}

// watcher is a child that looks at processes as some user.
type watcher struct {
	in  io.Writer
	out *bufio.Reader
}

func newWatcher(uid uint32) (*watcher, error) {
	cmd := exec.Command(os.Args[0], "-mode", "watch")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &watcher{in, bufio.NewReader(out)}, cmd.Start()
}

func (w *watcher) ask(command string) string {
	fmt.Fprintln(w.in, command)
	line, err := w.out.ReadString('\n')
	if err != nil {
		return "the watcher ended"
	}
	return strings.TrimSpace(line)
}

func table(r result) error {
	fmt.Printf("commit %s, %s, %.0f s\n\n| cause | others | root | nobody |\n|---|---|---|---|\n", r.Commit, r.Machine, r.Seconds)
	for _, c := range causes {
		for _, others := range []int{0, 300} {
			right, all := map[string]int{}, map[string]int{}
			for _, t := range r.Trials {
				if t.Cause == c.name && t.Others == others {
					all[t.User]++
					if t.Right {
						right[t.User]++
					}
				}
			}
			fmt.Printf("| %s | %d | %d of %d | %d of %d |\n", c.name, others, right["root"], all["root"], right["nobody"], all["nobody"])
		}
	}
	fmt.Printf("\n%d of %d right\n", r.Right, len(r.Trials))
	for _, t := range r.Trials {
		if !t.Right {
			fmt.Printf("wrong: %+v\n", t)
		}
	}
	if float64(r.Right) < 0.95*float64(len(r.Trials)) {
		return errors.New("fewer than 95 % are right")
	}
	return nil
}
