//go:build e2e

package machine

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// sandboxed writes a unit that runs a command in the very sandbox of
// firewatch.service, and returns what it prints.
func sandboxed(t *testing.T, name, command string) string {
	t.Helper()
	unit, err := os.ReadFile("/usr/lib/systemd/system/firewatch.service")
	if err != nil {
		t.Fatal(err)
	}
	text := string(unit)
	for _, drop := range []string{"Type", "ExecStart", "ExecReload", "Restart", "RestartSec", "WatchdogSec", "NotifyAccess", "RuntimeDirectory", "RuntimeDirectoryMode", "StateDirectory", "StateDirectoryMode"} {
		text = regexp.MustCompile(`(?m)^`+drop+`=.*\n`).ReplaceAllString(text, "")
	}
	// Tests want more files and memory than the agent, and directories of their own.
	text = regexp.MustCompile(`(?m)^(Memory(High|Max)|TasksMax|LimitNOFILE)=.*\n`).ReplaceAllString(text, "")
	text = strings.Replace(text, "[Service]\n", "[Service]\nType=oneshot\nEnvironment=FIREWATCH_MACHINE=1\nWorkingDirectory=/opt/collect\nStandardOutput=append:/run/"+name+".out\nStandardError=inherit\nExecStart="+command+"\n", 1)
	if err := os.WriteFile("/run/systemd/system/"+name+".service", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	defer func() {
		sh(t, "rm -f /run/"+name+".out /run/systemd/system/"+name+".service && systemctl daemon-reload")
	}()
	sh(t, "systemctl daemon-reload && systemctl start "+name+".service || { cat /run/"+name+".out; false; }")
	return sh(t, "cat /run/"+name+".out")
}

// sandbox: every collector's own tests pass inside, and each of them gives the
// same series inside as root has outside.
func sandbox(t *testing.T) {
	out := sandboxed(t, "firewatch-collecttest", "/opt/collect.test -test.run TestConformance -test.short")
	if !strings.Contains(out, "PASS") {
		t.Errorf("collecttest inside the sandbox:\n%s", out)
	}
	const list = "/opt/machine.test -test.run TestSeries -test.v"
	in, root := series(sandboxed(t, "firewatch-series", list)), series(sh(t, "cd /opt/collect && "+list))
	names := make([]string, 0, len(root))
	for name := range root {
		names = append(names, name)
	}
	slices.Sort(names)
	t.Logf("%-12s %8s %8s  %s", "collector", "as root", "sandbox", "lost")
	for _, name := range names {
		var lost []string
		for s := range root[name] {
			if !in[name][s] {
				lost = append(lost, s)
			}
		}
		slices.Sort(lost)
		t.Logf("%-12s %8d %8d  %s", name, len(root[name]), len(in[name]), strings.Join(lost, ", "))
		// ProtectClock= also forbids to read adjtimex(2): docs/security.md, and clock.conf gives it back.
		if len(lost) > 0 && (name != "clock" || len(lost) != 3) {
			t.Errorf("%s loses in the sandbox: %v", name, lost)
		}
	}
	if len(names) < 8 {
		t.Errorf("only %d collectors", len(names))
	}
}

// series reads what TestSeries printed: collector to its series.
func series(out string) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for line := range strings.Lines(out) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(f) != 3 || f[0] != "SERIES" {
			continue
		}
		if all[f[1]] == nil {
			all[f[1]] = map[string]bool{}
		}
		all[f[1]][f[2]] = true
	}
	return all
}

const none = "0000000000000000"

// dropIns: each adds exactly one capability or none, the agent runs with each
// and with all, and clock.conf brings the clock back.
func dropIns(t *testing.T) {
	sh(t, "install -Dm600 /dev/null /etc/credstore/ops-slack")
	defer sh(t, "rm /etc/credstore/ops-slack && rmdir --ignore-fail-on-non-empty /etc/credstore")
	clock := func() bool {
		out, _ := try("firewatch status | grep -w clock")
		return !strings.Contains(out, "adjtimex is not allowed")
	}
	eventually(t, 30*time.Second, "without a drop-in the clock is skipped, and status says so", func() bool { return !clock() })
	for _, d := range []struct{ file, bits string }{{"icmp", "0000000000002000"}, {"kmsg", "0000000400000000"}, {"culprits", "0000000000080000"}, {"clock", none}, {"credential", none}, {"*", "0000000400082000"}} {
		sh(t, "install -Dm644 /usr/share/firewatch/systemd/"+d.file+".conf -t /etc/systemd/system/firewatch.service.d && systemctl daemon-reload && systemctl restart firewatch.service")
		if d.file == "clock" {
			eventually(t, 30*time.Second, "with clock.conf the clock is read", func() bool { return answers() && clock() })
		}
		if got := sh(t, "sed -n 's/^CapEff:\\t//p' /proc/"+mainPID(t)+"/status"); got != d.bits {
			t.Errorf("%s.conf gives the capabilities %s, want %s", d.file, got, d.bits)
		}
		t.Logf("%s.conf: %s", d.file, sh(t, "systemd-analyze security --no-pager firewatch.service | tail -1"))
		sh(t, "rm -r /etc/systemd/system/firewatch.service.d && systemctl daemon-reload")
	}
	sh(t, "systemctl restart firewatch.service")
	if got := sh(t, "sed -n 's/^CapEff:\\t//p' /proc/"+mainPID(t)+"/status"); got != none {
		t.Errorf("without a drop-in it has the capabilities %s", got)
	}
}
