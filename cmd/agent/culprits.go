package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/collect/culprit"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// blameWait is the longest that a tick in which something starts to fire waits
// to learn who did it. An alert without a name is better than a late tick.
const blameWait = 100 * time.Millisecond

// suspects finds who did it. The passes over /proc are made by one goroutine;
// the tick asks and, only where an alert starts, waits for the answer.
type suspects struct {
	ask  chan question
	told map[string][]alert.Culprit // of what fires, by Origin
}

// question asks for a pass where one is due, or for a full one with reports.
type question struct {
	boot   time.Duration
	full   bool
	kinds  []culprit.Kind
	answer chan map[culprit.Kind]culprit.Report // nil where nobody waits; has room for one
}

// newSuspects starts the goroutine, which ends with ctx.
func newSuspects(ctx context.Context, h collect.Host, log *slog.Logger) *suspects {
	s := &suspects{ask: make(chan question, 1), told: map[string][]alert.Culprit{}}
	go s.work(ctx, culprit.New(h), log)
	return s
}

func (s *suspects) work(ctx context.Context, w *culprit.Watch, log *slog.Logger) {
	defer w.Close()
	early := map[culprit.Kind]culprit.Report{} // as it was when a rule went pending
	failed := false
	for {
		var q question
		select {
		case <-ctx.Done():
			return
		case q = <-s.ask:
		}
		if !q.full && !w.Due(q.boot) {
			continue
		}
		err := w.Pass(q.boot, q.full)
		if (err != nil) != failed {
			if failed = err != nil; failed {
				log.Warn("alerts will not name culprits", "error", err)
			}
		}
		switch {
		case q.answer != nil:
			answer := map[culprit.Kind]culprit.Report{}
			for _, k := range q.kinds {
				if answer[k] = w.Blame(k); len(answer[k].Processes) == 0 {
					answer[k] = early[k]
				}
			}
			q.answer <- answer
		case q.full:
			for k := culprit.CPU; k <= culprit.Threads; k++ {
				early[k] = w.Blame(k)
			}
		}
	}
}

// blame names culprits in the alerts that a tick raised. pending is how many
// rules went pending in it: the moment for a pass, so that what they did is
// known when one of them fires.
func (s *suspects) blame(alerts []alert.Alert, pending int, boot time.Duration) {
	q := question{boot: boot, full: pending > 0}
	for _, a := range alerts {
		if a.State == alert.Firing {
			if k := kindOf(a); k != culprit.None {
				q.full = true
				q.kinds = append(q.kinds, k)
			}
		}
	}
	if len(q.kinds) == 0 {
		select {
		case s.ask <- q:
		default: // a pass is under way
		}
	}
	var reports map[culprit.Kind]culprit.Report
	if len(q.kinds) > 0 {
		reports = s.wait(q)
	}
	for i := range alerts {
		a := &alerts[i]
		if a.State == alert.Firing {
			accuse(a, reports[kindOf(*a)])
			if len(s.told) < 1000 {
				s.told[a.Origin()] = a.Culprits
			}
			continue
		}
		a.Culprits = s.told[a.Origin()]
		delete(s.told, a.Origin())
	}
}

// wait asks and waits for the answer, for blameWait in all.
func (s *suspects) wait(q question) map[culprit.Kind]culprit.Report {
	q.answer = make(chan map[culprit.Kind]culprit.Report, 1)
	limit := time.NewTimer(blameWait)
	defer limit.Stop()
	select {
	case s.ask <- q:
	case <-limit.C:
		return nil
	}
	select {
	case r := <-q.answer:
		return r
	case <-limit.C:
		return nil
	}
}

// accuse writes a report into an alert.
func accuse(a *alert.Alert, r culprit.Report) {
	for _, p := range r.Processes {
		a.Culprits = append(a.Culprits, alert.Culprit{PID: p.PID, Command: p.Command, User: p.User, Unit: p.Unit, Cgroup: p.Cgroup,
			Container: p.Container, Pod: p.Pod, What: p.What, Value: alert.Number(p.Value)})
	}
	if len(r.Processes) > 0 {
		p := r.Processes[0]
		a.Summary += fmt.Sprintf(", by %s (pid %d)", human.Clean(p.Command, 60), p.PID)
	}
	if r.Unseen != "" {
		a.Summary += "; not visible to this user: " + r.Unseen
	}
}

// kinds says by which kind of use processes are ranked, by the start of the
// metric's name. What is not there has nobody to blame on this host, as far as can
// be told: what a process sends is not, a server that does not accept waits as often
// as it works, and what a probe or the resolver asks is often elsewhere. A wrong name
// is worse than none; where the CPU is short, too, its own alert says who took it.
var kinds = []struct {
	prefix string
	kind   culprit.Kind
}{
	{"cpu_usage_iowait", culprit.IO}, {"cpu_usage_steal", culprit.None}, {"cpu_thermal_", culprit.None}, {"cpu_frequency_", culprit.None},
	{"cpu_", culprit.CPU}, {"pressure_cpu_", culprit.CPU}, {"system_load", culprit.CPU}, {"context_switches", culprit.CPU}, {"host_saturation", culprit.CPU},
	{"processes_run", culprit.CPU}, {"cgroup_cpu_", culprit.CPU}, {"cgroup_pressure_cpu_", culprit.CPU},
	{"mem_", culprit.Memory}, {"swap_", culprit.Memory}, {"pressure_memory_", culprit.Memory},
	{"cgroup_mem_", culprit.Memory}, {"cgroup_oom_", culprit.Memory}, {"cgroup_pressure_memory_", culprit.Memory},
	{"disk_used", culprit.IO}, {"disk_free", culprit.IO}, {"disk_inodes_", culprit.IO}, {"diskio_", culprit.IO}, {"pressure_io_", culprit.IO},
	{"cgroup_pressure_io_", culprit.IO}, {"processes_uninterruptible", culprit.IO}, {"processes_blocked", culprit.IO},
	{"fd_", culprit.Files},
	{"netstat_tcp_retrans", culprit.None}, {"netstat_tcp_rtt", culprit.None}, {"netstat_tcp_listen", culprit.None},
	{"netstat_tcp_syn_retrans", culprit.None}, {"netstat_tcp_timeouts", culprit.None}, {"netstat_port_r", culprit.None},
	{"netstat_", culprit.Sockets}, {"conntrack_", culprit.Sockets},
	{"processes_total", culprit.Threads}, {"processes_threads_", culprit.Threads}, {"cgroup_pids", culprit.Threads},
	{"processes_", culprit.Children},
}

// kindOf is the kind of trouble that an alert is about: that of its metric or,
// for an anomaly, of the series that drove it most.
func kindOf(a alert.Alert) culprit.Kind {
	metric := a.Metric
	if (metric == "" || metric == detect.RankMetric) && len(a.Causes) > 0 {
		metric = a.Causes[0].Metric
	}
	for _, k := range kinds {
		if strings.HasPrefix(metric, k.prefix) {
			return k.kind
		}
	}
	return culprit.None
}
