// Hostile runs all collectors on hosts that are in a bad way, each made in
// namespaces of its own which end with it: FUSE mounts that hang, 5 000 bind
// mounts, 2 000 network interfaces, 20 000 processes, hidepid=2, no file
// descriptors left, a garbage /proc. It checks that ticks stay on time (99 % of
// them under 100 ms), that nothing leaks and that each cause is said once, prints
// a table and writes bench/results/hostile.json. It needs root.
//
// usage: go run ./bench/hostile [-ticks 200] [-only NAME]
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
)

// result is bench/results/hostile.json.
type result struct {
	Commit  string  `json:"commit"`
	Load    string  `json:"load_average"`
	Seconds float64 `json:"wall_seconds"`
	Rows    []row   `json:"rows"`
}

// row is what one hostile host did to the ticks.
type row struct {
	Host       string   `json:"host"`
	Ticks      int      `json:"ticks"`
	P50        float64  `json:"p50_ms"`
	P99        float64  `json:"p99_ms"`
	Max        float64  `json:"max_ms"`
	CPU        float64  `json:"cpu_ms_per_tick"`
	Series     int      `json:"series"`
	Descs      int      `json:"file_descriptors_more"` // at the end against the tenth tick
	Goroutines int      `json:"goroutines_more"`
	RSS        float64  `json:"rss_mb_more"`
	Said       []string `json:"said"`     // collector and reason, each time a state began
	Repeated   []string `json:"repeated"` // collectors that said trouble more than once
	Trouble    string   `json:"trouble"`  // "" = as it should be
}

func main() {
	ticks := flag.Int("ticks", 200, "ticks on each host; a tenth of a second apart, taken as a second by the collectors")
	only := flag.String("only", "", "one host only")
	out := flag.String("out", "bench/results/hostile.json", "result `file`")
	child := flag.String("child", "", "for this program itself")
	flag.Parse()
	var err error
	if *child != "" {
		err = runChild(*child, *ticks)
	} else {
		err = runAll(*ticks, *only, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

func runAll(ticks int, only, out string) error {
	if os.Getuid() != 0 {
		return fmt.Errorf("needs root, for namespaces and mounts")
	}
	r := result{Commit: report.Commit()}
	begin, bad := time.Now(), 0
	fmt.Printf("%-12s %6s %8s %8s %8s %9s %7s %5s %5s %7s\n", "host", "ticks", "p50 ms", "p99 ms", "max ms", "CPU ms", "series", "fds", "gor.", "RSS MB")
	for _, h := range hosts {
		if only != "" && h.name != only {
			continue
		}
		got, err := visit(h, ticks)
		if err != nil {
			return fmt.Errorf("%s: %w", h.name, err)
		}
		fmt.Printf("%-12s %6d %8.2f %8.2f %8.2f %9.2f %7d %+5d %+5d %+7.1f  %s\n", got.Host, got.Ticks, got.P50, got.P99, got.Max, got.CPU, got.Series, got.Descs, got.Goroutines, got.RSS, got.Trouble)
		for _, s := range got.Said {
			fmt.Printf("             %.150s\n", strings.ReplaceAll(s, "\n", "; "))
		}
		if got.Trouble != "" {
			bad++
		}
		r.Rows = append(r.Rows, got)
	}
	r.Load, r.Seconds = report.Load(), time.Since(begin).Seconds()
	if err := report.Write(out, r); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d hosts did what they must not", bad)
	}
	return nil
}

// visit runs this program again in namespaces of its own, where it is process 1:
// with its end all that it started ends too, and all that it mounted.
func visit(h host, ticks int) (row, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-child", h.name, "-ticks", fmt.Sprint(ticks))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC, Pdeathsig: syscall.SIGKILL}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return row{}, err
	}
	var r row
	return r, json.Unmarshal(out.Bytes(), &r)
}
