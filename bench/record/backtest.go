package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// backtests times the back-test of the built-in rules over the history of dir,
// by the real binary on one core.
func backtests(dir, binary string) (measure, error) {
	m := measure{What: "backtest of everything with the built-in rules and anomaly detection, one core", Unit: "s", Limit: 60}
	if out, err := exec.Command("go", "build", "-trimpath", "-o", binary, "./cmd/agent").CombinedOutput(); err != nil {
		return m, fmt.Errorf("build: %w\n%s", err, out)
	}
	since := fmt.Sprintf("%dd", int(time.Since(epoch).Hours()/24)+1)
	cmd := exec.Command(binary, "backtest", "--since", since, "--no-suggest", "--json", "--state-dir", dir)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	start := time.Now()
	b, err := cmd.Output()
	if err != nil {
		return m, fmt.Errorf("backtest: %w", err)
	}
	m.Value = time.Since(start).Seconds()
	var report struct {
		Current struct {
			Frames int   `json:"frames"`
			Alerts []any `json:"alerts"`
		} `json:"current"`
	}
	if err := json.Unmarshal(b, &report); err != nil {
		return m, fmt.Errorf("backtest: %w", err)
	}
	m.N = report.Current.Frames
	m.Remark = fmt.Sprintf("%d alerts; %.1f MB of memory at most, user and system %s", len(report.Current.Alerts), float64(maxRSS(cmd.ProcessState))/1e6, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(10*time.Millisecond))
	return m, nil
}

func binaryIn(c config) string { return filepath.Join(c.dir, "firewatch") }

// maxRSS is the most memory that a process had, in bytes (getrusage(2): KiB).
func maxRSS(p *os.ProcessState) int64 {
	if u, ok := p.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss * 1024
	}
	return 0
}
