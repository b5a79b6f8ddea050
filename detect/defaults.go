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
		// A parallel build keeps up to 20 tasks a CPU ready; a storm hundreds.
		{Name: "run-queue-long", Metric: "processes_running_per_cpu", Statistic: "avg", Period: s(10), Comparison: ">", Threshold: level(40), Clear: level(20), EvaluationPeriods: 1, Severity: warning, Summary: "far more tasks want a CPU than there are CPUs"},
		// Builds and servers spend a fifth and more in the kernel. All in user mode is a loop, or number crunching: worth knowing, no trouble by itself.
		{Name: "cpu-all-user", Metric: "cpu_usage_user_no_steal", Statistic: "avg", Period: s(10), Comparison: ">", Threshold: level(93), Clear: level(80), EvaluationPeriods: 1, Severity: alert.Info, Summary: "programs' own computing takes every CPU"},
		// The same of one CPU of a few: what takes it does nothing but compute. Builds, servers and packers ask the kernel for something all the time.
		{Name: "cpu-one-user", Metric: "cpu_usage_user_one_cpu", Statistic: "last", Period: s(1), Comparison: ">", Threshold: level(98), Clear: level(85), EvaluationPeriods: 1, Severity: alert.Info, Summary: "a program's own computing takes a whole CPU"},
		// Available, not free: page cache that can be dropped counts as available.
		{Name: "memory-low", Metric: "mem_available_percent", Statistic: "avg", Period: s(10), Comparison: "<", Threshold: level(4), Clear: level(7), EvaluationPeriods: 2, Severity: critical, Summary: "memory is running out"},
		// Full pressure: no task at all made progress for want of memory.
		{Name: "memory-stalled", Metric: "pressure_memory_full_avg10", Statistic: "avg", Period: s(10), Comparison: ">", Threshold: level(25), Clear: level(10), EvaluationPeriods: 3, Severity: critical, Summary: "the host stands still for want of memory"},
		// On a host with memory to spare no task ever waits for it.
		{Name: "memory-pressure", Metric: "pressure_memory_some_avg10", Statistic: "avg", Period: s(5), Comparison: ">", Threshold: level(15), Clear: level(5), EvaluationPeriods: 1, Severity: warning, Summary: "tasks wait for memory"},
		// Five minutes of steady growth that fills memory within the hour. Builds and caches come and go.
		{Name: "memory-fills", Metric: "mem_used_percent", Statistic: "time_to_full", Period: s(300), Comparison: "<", Threshold: level(3600), Clear: level(7200), EvaluationPeriods: 1, Severity: warning, Summary: "memory fills up"},
		// Swap in use is harmless; swap read back all the time is thrashing.
		{Name: "swap-thrash", Metric: "swap_in", Statistic: "avg", Period: s(60), Comparison: ">", Threshold: level(8 << 20), Clear: level(2 << 20), EvaluationPeriods: 3, Severity: warning, Summary: "the host reads from swap all the time"},
		{Name: "oom-kill", Metric: "mem_oom_kills", Statistic: "max", Period: s(60), Comparison: ">", Threshold: level(0), EvaluationPeriods: 1, Severity: warning, Summary: "the kernel killed a process for want of memory"},
		{Name: "io-stalled", Metric: "pressure_io_full_avg60", Statistic: "avg", Period: s(60), Comparison: ">", Threshold: level(70), Clear: level(40), EvaluationPeriods: 5, Severity: warning, Summary: "the host stands still waiting for its disks"},
		// Some task always waits for a disk while one copies files; nearly all the time is for many tasks that sync or a disk that is too slow.
		{Name: "io-pressure", Metric: "pressure_io_some_avg10", Statistic: "avg", Period: s(10), Comparison: ">", Threshold: level(60), Clear: level(30), EvaluationPeriods: 1, Severity: warning, Summary: "tasks wait for the disks most of the time"},
		// Per request and over minutes: a burst of writes queues for seconds on any healthy disk. One that is idle has no await, and is well.
		{Name: "disk-slow", Metric: "diskio_await", Statistic: "p50", Period: s(60), Comparison: ">", Threshold: level(250), Clear: level(100), EvaluationPeriods: 5, Missing: "notBreaching", Severity: warning, Summary: "a disk answers slowly"},
		{Name: "disk-full", Metric: "disk_used_percent", Target: "*", Statistic: "min", Period: s(5), Comparison: ">", Threshold: level(95), Clear: level(93), EvaluationPeriods: 1, Severity: critical, Summary: "a disk is nearly full"},
		// Half an hour of steady growth that fills the disk within four hours, by a slope that saw-teeth do not move.
		{Name: "disk-fills", Metric: "disk_used_percent", Target: "*", Statistic: "time_to_full", Period: s(1800), Comparison: "<", Threshold: level(4 * 3600), Clear: level(6 * 3600), EvaluationPeriods: 1, Severity: warning, Summary: "a disk fills up"},
		// Half a minute of growth that fills the disk within five.
		{Name: "disk-fills-fast", Metric: "disk_used_percent", Target: "*", Statistic: "time_to_full", Period: s(30), Comparison: "<", Threshold: level(300), Clear: level(900), EvaluationPeriods: 1, Severity: warning, Summary: "a disk fills up within minutes"},
		// By an error, not by intent.
		{Name: "disk-readonly", Metric: "disk_readonly", Target: "*", Statistic: "min", Period: s(10), Comparison: ">=", Threshold: level(1), EvaluationPeriods: 1, Severity: critical, Summary: "a file system turned read-only"},
		// A server or program behind it is gone; whoever touches it hangs. Half a minute, since NFS retries on its own.
		{Name: "mount-stuck", Metric: "disk_stuck", Target: "*", Statistic: "min", Period: s(10), Comparison: ">=", Threshold: level(1), EvaluationPeriods: 3, Severity: critical, Summary: "a file system does not answer"},
		{Name: "raid-degraded", Metric: "md_degraded", Target: "*", Statistic: "min", Period: s(30), Comparison: ">", Threshold: level(0), EvaluationPeriods: 2, Severity: warning, Summary: "a RAID array lacks a drive"},
		// Controllers reset within seconds on a good day.
		{Name: "nvme-dead", Metric: "nvme_live", Target: "*", Statistic: "max", Period: s(30), Comparison: "<", Threshold: level(1), EvaluationPeriods: 2, Severity: critical, Summary: "an NVMe drive does not work"},
		{Name: "drive-offline", Metric: "disk_online", Target: "*", Statistic: "max", Period: s(30), Comparison: "<", Threshold: level(1), EvaluationPeriods: 1, Severity: critical, Summary: "the kernel took a drive offline"},
		// Corrected ones are daily life on large hosts; these are not.
		{Name: "memory-errors", Metric: "edac_uncorrected_errors", Target: "*", Statistic: "max", Period: s(60), Comparison: ">", Threshold: level(0), EvaluationPeriods: 1, Severity: critical, Summary: "memory has errors that cannot be corrected"},
		// Not every link that is down: a port without a cable is none's trouble. One that is in a bond was meant to work.
		{Name: "bond-degraded", Metric: "net_bond_links_down", Target: "*", Statistic: "min", Period: s(30), Comparison: ">", Threshold: level(0), EvaluationPeriods: 2, Severity: warning, Summary: "a bond runs without one of its links"},
		{Name: "inodes-full", Metric: "disk_inodes_used_percent", Target: "*", Statistic: "min", Period: s(5), Comparison: ">", Threshold: level(95), Clear: level(93), EvaluationPeriods: 1, Severity: critical, Summary: "a file system is nearly out of inodes"},
		{Name: "inodes-fill", Metric: "disk_inodes_used_percent", Target: "*", Statistic: "time_to_full", Period: s(1800), Comparison: "<", Threshold: level(4 * 3600), Clear: level(6 * 3600), EvaluationPeriods: 1, Severity: warning, Summary: "a file system runs out of inodes"},
		{Name: "conntrack-full", Metric: "conntrack_used_percent", Statistic: "avg", Period: s(10), Comparison: ">", Threshold: level(90), Clear: level(80), EvaluationPeriods: 1, Severity: critical, Summary: "the connection tracking table is nearly full: new connections will be dropped"},
		{Name: "conntrack-fills", Metric: "conntrack_used_percent", Statistic: "time_to_full", Period: s(300), Comparison: "<", Threshold: level(900), Clear: level(1800), EvaluationPeriods: 1, Severity: warning, Summary: "the connection tracking table fills up"},
		{Name: "files-full", Metric: "fd_used_percent", Statistic: "avg", Period: s(10), Comparison: ">", Threshold: level(90), Clear: level(80), EvaluationPeriods: 1, Severity: critical, Summary: "the host is nearly out of open files"},
		// Whatever opens hundreds of files every second for so long does not close them; or is a build, so it is no more than worth a line.
		{Name: "files-leak", Metric: "fd_open", Statistic: "rate", Period: s(15), Comparison: ">", Threshold: level(200), Clear: level(20), EvaluationPeriods: 1, Severity: alert.Info, Summary: "more and more files are open"},
		{Name: "files-fill", Metric: "fd_used_percent", Statistic: "time_to_full", Period: s(600), Comparison: "<", Threshold: level(3600), Clear: level(7200), EvaluationPeriods: 1, Severity: warning, Summary: "the host runs out of open files"},
		{Name: "threads-full", Metric: "processes_threads_used_percent", Statistic: "avg", Period: s(10), Comparison: ">", Threshold: level(90), Clear: level(80), EvaluationPeriods: 1, Severity: critical, Summary: "the host can hardly start another thread or process"},
		{Name: "threads-fill", Metric: "processes_threads_used_percent", Statistic: "time_to_full", Period: s(600), Comparison: "<", Threshold: level(3600), Clear: level(7200), EvaluationPeriods: 1, Severity: warning, Summary: "the host runs out of threads and processes"},
		// A build's processes end, and a server starts its workers within a dozen seconds. What grows for longer are jobs that hang, or a fork bomb.
		{Name: "threads-pile-up", Metric: "processes_total_threads", Statistic: "rate", Period: s(6), Comparison: ">", Threshold: level(12), Clear: level(1), EvaluationPeriods: 3, Severity: alert.Info, Summary: "more and more processes or threads: they are started and do not end"},
		// The share is missing below 10 segments a second, so a quiet host cannot trip it.
		{Name: "tcp-retransmits", Metric: "netstat_tcp_retrans_percent", Statistic: "p50", Period: s(60), Comparison: ">", Threshold: level(5), Clear: level(2), EvaluationPeriods: 3, Missing: "notBreaching", Severity: warning, Summary: "TCP sends much of its data again: the network loses packets"},
		// Gross loss is told at once.
		{Name: "tcp-loss", Metric: "netstat_tcp_retrans_percent", Statistic: "p50", Period: s(10), Comparison: ">", Threshold: level(10), Clear: level(3), EvaluationPeriods: 1, Missing: "notBreaching", Severity: warning, Summary: "TCP sends much of its data again: the network loses packets"},
		{Name: "accept-queue-full", Metric: "netstat_tcp_listen_overflows", Statistic: "avg", Period: s(60), Comparison: ">", Threshold: level(1), Clear: level(0.1), EvaluationPeriods: 3, Severity: warning, Summary: "a server does not accept its connections fast enough"},
		{Name: "accept-queue-over", Metric: "netstat_tcp_listen_overflows", Statistic: "avg", Period: s(10), Comparison: ">", Threshold: level(5), Clear: level(0.5), EvaluationPeriods: 1, Severity: warning, Summary: "a server does not accept its connections fast enough"},
		// The probe itself confirms a first failure at once, so three in a row are real.
		{Name: "probe-failing", Metric: "probe_success", Target: "*", Statistic: "max", Period: s(15), Comparison: "<", Threshold: level(1), EvaluationPeriods: 1, Severity: critical, Summary: "a probe fails"},
		// Of the probe's own past, so that no level need be known. What takes less than 10 ms counts as 10.
		{Name: "probe-slow", Metric: "probe_duration", Target: "*", Statistic: "times", Period: s(180), Comparison: ">", Threshold: level(2.5), Clear: level(1.5), EvaluationPeriods: 1, Severity: warning, Summary: "a probe takes much longer than before"},
		// Renewal is due a month before the end; a week before it somebody must look.
		{Name: "certificate-expires", Metric: "probe_tls_expiry", Target: "*", Statistic: "max", Period: s(60), Comparison: "<", Threshold: level(7 * 86400), Clear: level(8 * 86400), EvaluationPeriods: 5, Severity: warning, Summary: "a certificate expires within a week"},
		// Five minutes in which the replica was never less than a minute behind.
		{Name: "replica-behind", Metric: "probe_replication_lag", Target: "*", Statistic: "min", Period: s(60), Comparison: ">", Threshold: level(60), Clear: level(30), EvaluationPeriods: 5, Severity: warning, Summary: "a replica is far behind its primary"},
		{Name: "resolver-failing", Metric: "resolver_success", Statistic: "max", Period: s(20), Comparison: "<", Threshold: level(1), EvaluationPeriods: 1, Severity: warning, Summary: "the name server does not answer"},
		// It is asked every ten seconds.
		{Name: "resolver-slow", Metric: "resolver_duration", Statistic: "min", Period: s(15), Comparison: ">", Threshold: level(300), Clear: level(150), EvaluationPeriods: 1, Severity: warning, Summary: "the name server answers slowly"},
		{Name: "zombies", Metric: "processes_zombies", Statistic: "min", Period: s(10), Comparison: ">", Threshold: level(200), Clear: level(100), EvaluationPeriods: 1, Severity: warning, Summary: "ended processes pile up: their parent does not wait for them"},
	}
}
