// Package report is what every command in bench says of a measurement: of which
// commit it is, on what machine, at what load; and its file in bench/results.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Commit is the first 12 digits of the commit that is checked out, with
// "+changes" where files that git tracks differ from it (results do not count);
// "unknown" outside a checkout.
func Commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	if out, _ := exec.Command("git", "status", "--porcelain", "--untracked-files=no", "--", ":/", ":!:/bench/results").Output(); len(out) > 0 {
		name += "+changes"
	}
	return name
}

// Machine is the CPU's model, the number of CPUs, the kernel and the Go version.
func Machine() string {
	model := "unknown CPU"
	for line := range strings.Lines(read("/proc/cpuinfo")) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	kernel, _, _ := strings.Cut(read("/proc/sys/kernel/osrelease"), "-")
	return fmt.Sprintf("%s, %d CPUs, %s %s %s, %s", model, runtime.NumCPU(), runtime.GOOS, strings.TrimSpace(kernel), runtime.GOARCH, runtime.Version())
}

// Load is the load average over 1, 5 and 15 minutes; "unknown" where there is none.
func Load() string {
	f := strings.Fields(read("/proc/loadavg"))
	if len(f) < 3 {
		return "unknown"
	}
	return strings.Join(f[:3], " ")
}

func read(path string) string {
	b, _ := os.ReadFile(path) // "" is what is said of it
	return string(b)
}

// Write puts a result into its file, as JSON.
func Write(path string, result any) error {
	b, err := json.MarshalIndent(result, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// Read reads a result from its file.
func Read(path string, result any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, result)
}
