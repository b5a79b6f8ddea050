package detect

import (
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// DefaultRules are the rules of an agent without configuration. They are quiet
// on a healthy busy host: a machine that compiles for ten minutes at 100 % CPU
// is not in trouble, one whose tasks all stand still for want of memory is. A
// rule whose metric the host lacks stays silent.
func DefaultRules() []RuleConfig {
	level := func(v float64) *float64 { return &v }
	s := func(n int) conf.Duration { return conf.Duration(time.Duration(n) * time.Second) }
	const warning, critical = alert.Warning, alert.Critical
	return []RuleConfig{
		// A busy CPU is what one pays for; tasks that wait for it nearly all the time for a quarter of an hour are not.
		{Name: "cpu-saturated", Metric: "pressure_cpu_some_avg60", Statistic: "avg", Period: s(60), Comparison: ">", Threshold: level(95), Clear: level(80), EvaluationPeriods: 15, Severity: warning, Summary: "tasks wait for a CPU nearly all the time"},
		// Time that the hypervisor gave to others.
		{Name: "cpu-steal", Metric: "cpu_usage_steal", Statistic: "avg", Period: s(60), Comparison: ">", Threshold: level(20), Clear: level(10), EvaluationPeriods: 5, Severity: warning, Summary: "the hypervisor takes this host's CPU time away"},
		// Available, not free: page cache that can be dropped counts as available.
		{Name: "memory-low", Metric: "mem_available_percent", Statistic: "avg", Period: s(30), Comparison: "<", Threshold: level(4), Clear: level(7), EvaluationPeriods: 2, Severity: critical, Summary: "memory is running out"},
		// Full pressure: no task at all made progress for want of memory.
		{Name: "memory-stalled", Metric: "pressure_memory_full_avg10", Statistic: "avg", Period: s(10), Comparison: ">", Threshold: level(25), Clear: level(10), EvaluationPeriods: 3, Severity: critical, Summary: "the host stands still for want of memory"},
		// Swap in use is harmless; swap read back all the time is thrashing.
		{Name: "swap-thrash", Metric: "swap_in", Statistic: "avg", Period: s(60), Comparison: ">", Threshold: level(8 << 20), Clear: level(2 << 20), EvaluationPeriods: 3, Severity: warning, Summary: "the host reads from swap all the time"},
		{Name: "oom-kill", Metric: "mem_oom_kills", Statistic: "max", Period: s(60), Comparison: ">", Threshold: level(0), EvaluationPeriods: 1, Severity: warning, Summary: "the kernel killed a process for want of memory"},
		{Name: "io-stalled", Metric: "pressure_io_full_avg60", Statistic: "avg", Period: s(60), Comparison: ">", Threshold: level(70), Clear: level(40), EvaluationPeriods: 5, Severity: warning, Summary: "the host stands still waiting for its disks"},
		// Per request and over minutes: a burst of writes queues for seconds on any healthy disk. One that is idle has no await, and is well.
		{Name: "disk-slow", Metric: "diskio_await", Statistic: "p50", Period: s(60), Comparison: ">", Threshold: level(250), Clear: level(100), EvaluationPeriods: 5, Missing: "notBreaching", Severity: warning, Summary: "a disk answers slowly"},
		{Name: "disk-full", Metric: "disk_used_percent", Target: "*", Statistic: "min", Period: s(10), Comparison: ">", Threshold: level(95), Clear: level(93), EvaluationPeriods: 3, Severity: critical, Summary: "a disk is nearly full"},
		// Half an hour of steady growth that fills the disk within four hours, by a slope that saw-teeth do not move.
		{Name: "disk-fills", Metric: "disk_used_percent", Target: "*", Statistic: "time_to_full", Period: s(1800), Comparison: "<", Threshold: level(4 * 3600), Clear: level(6 * 3600), EvaluationPeriods: 1, Severity: warning, Summary: "a disk fills up"},
		// By an error, not by intent.
		{Name: "disk-readonly", Metric: "disk_readonly", Target: "*", Statistic: "min", Period: s(10), Comparison: ">=", Threshold: level(1), EvaluationPeriods: 1, Severity: critical, Summary: "a file system turned read-only"},
		{Name: "inodes-full", Metric: "disk_inodes_used_percent", Target: "*", Statistic: "min", Period: s(10), Comparison: ">", Threshold: level(95), Clear: level(93), EvaluationPeriods: 3, Severity: critical, Summary: "a file system is nearly out of inodes"},
		{Name: "inodes-fill", Metric: "disk_inodes_used_percent", Target: "*", Statistic: "time_to_full", Period: s(1800), Comparison: "<", Threshold: level(4 * 3600), Clear: level(6 * 3600), EvaluationPeriods: 1, Severity: warning, Summary: "a file system runs out of inodes"},
		{Name: "conntrack-full", Metric: "conntrack_used_percent", Statistic: "avg", Period: s(10), Comparison: ">", Threshold: level(90), Clear: level(80), EvaluationPeriods: 3, Severity: critical, Summary: "the connection tracking table is nearly full: new connections will be dropped"},
		{Name: "files-full", Metric: "fd_used_percent", Statistic: "avg", Period: s(10), Comparison: ">", Threshold: level(90), Clear: level(80), EvaluationPeriods: 3, Severity: critical, Summary: "the host is nearly out of open files"},
		// The share is missing below 10 segments a second, so a quiet host cannot trip it.
		{Name: "tcp-retransmits", Metric: "netstat_tcp_retrans_percent", Statistic: "p50", Period: s(60), Comparison: ">", Threshold: level(5), Clear: level(2), EvaluationPeriods: 3, Missing: "notBreaching", Severity: warning, Summary: "TCP sends much of its data again: the network loses packets"},
		{Name: "accept-queue-full", Metric: "netstat_tcp_listen_overflows", Statistic: "avg", Period: s(60), Comparison: ">", Threshold: level(1), Clear: level(0.1), EvaluationPeriods: 3, Severity: warning, Summary: "a server does not accept its connections fast enough"},
		// The probe itself confirms a first failure at once, so three in a row are real.
		{Name: "probe-failing", Metric: "probe_success", Target: "*", Statistic: "max", Period: s(30), Comparison: "<", Threshold: level(1), EvaluationPeriods: 1, Severity: critical, Summary: "a probe fails"},
		{Name: "resolver-failing", Metric: "resolver_success", Statistic: "max", Period: s(60), Comparison: "<", Threshold: level(1), EvaluationPeriods: 2, Severity: warning, Summary: "the name server does not answer"},
		{Name: "zombies", Metric: "processes_zombies", Statistic: "min", Period: s(60), Comparison: ">", Threshold: level(500), Clear: level(300), EvaluationPeriods: 5, Severity: warning, Summary: "ended processes pile up: their parent does not wait for them"},
	}
}
