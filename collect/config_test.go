package collect_test

import (
	"slices"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	good := collect.Config{Enable: []string{"cpu", "mem"}, Disable: []string{"mem"}, Net: collect.NetConfig{Ignore: []string{"veth*"}}}
	if f := good.Validate(); len(f) != 0 {
		t.Error(f)
	}
	bad := collect.Config{Enable: []string{"cpu", "proceses"}, Disable: []string{"zzz"}, Disk: collect.DiskConfig{IgnoreMounts: []string{"/a", "/[x"}}, Net: collect.NetConfig{Ignore: []string{"[a-"}}}
	faults := bad.Validate()
	for i, want := range []conf.Fault{
		{Path: "enable.1", Problem: `unknown collector "proceses"`, Hint: `did you mean "processes"?`},
		{Path: "disable.0", Problem: `unknown collector "zzz"`, Hint: "one of cpu, load, mem, psi, runqueue, diskio, net, netstat, limits, processes, resolver, tcp_ports, softnet, link, cgroup, drives, edac, cpufreq, temp, clock, kmsg, systemd, gpu, disk"},
		{Path: "disk.ignore_mounts.1", Problem: `pattern "/[x" is not complete`, Hint: "* stands for any text, ? for one letter, [a-z] for one of them"},
		{Path: "net.ignore.0", Problem: `pattern "[a-" is not complete`, Hint: "* stands for any text, ? for one letter, [a-z] for one of them"},
	} {
		if i >= len(faults) || faults[i] != want {
			t.Errorf("fault %d: want %+v, got %+v", i, want, faults)
		}
	}
}

func TestEnabled(t *testing.T) {
	t.Parallel()
	var got []string
	cfg := collect.Config{Enable: []string{"mem", "cpu", "disk"}, Disable: []string{"disk"}}
	for _, c := range collect.Enabled(collect.LocalHost(time.Second), cfg) {
		got = append(got, c.Name())
	}
	if !slices.Equal(got, []string{"cpu", "mem"}) {
		t.Errorf("%v", got)
	}
}
