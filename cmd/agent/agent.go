package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/cloudwatch"
	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/cmd/agent/term"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/collect/probe"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/cloudid"
	"github.com/firewatch-agent/firewatch/record"
)

// diskWait is the longest that one tick waits for the disk, in all.
const diskWait = 200 * time.Millisecond

// agent is the running program: it owns the parts and passes Frames between
// them. The tick loop is its only writer; the servers read it under mu.
type agent struct {
	e       env
	o       runOptions
	log     *slog.Logger
	screen  *term.Screen // nil without a terminal
	host    string
	started time.Time

	system    string // platform and kernel, for people
	stateDir  string
	socket    string
	box       *alert.Outbox
	notify    *notifier
	history   *record.History
	suspects  *suspects
	recording *recording        // nil without --record
	asked     chan chan<- error // reloads that a client waits for

	placing      sync.Mutex // guards these four; taken after mu, where both are
	root         *os.Root   // of the state directory; by dir()
	lock         *alert.Lock
	left         *os.Root // the root before it, where the directory was removed
	reopenSocket func()   // nil before serve

	mu             sync.Mutex
	cfg            *config.Config
	source         config.Source
	probes         *probe.Set                    // nil = none
	sources        map[source]context.CancelFunc // those that run
	stopPublishers context.CancelFunc            // nil = none run
	sinkNames      []string
	metrics        map[string]collect.Metric
	reloaded       uint64
	set            *collect.Set
	detector       *detect.Detector
	recorders      []collect.Recorder
	frame          collect.Frame
	recent         []collect.Frame // the newest, for charts
	ticks          ticks
	self           selfUse
	selfCheck      selfCheck
	raised         uint64 // firing alerts since the start
	traffic        traffic
	unhealthy      unhealthy
	rehearsal      *rehearsal // nil = no drill goes on
	publishers     []*cloudwatch.Publisher
	cloud          *cloudid.Watcher

	saved      time.Duration // CLOCK_BOOTTIME of the last state save
	unsaved    bool          // the last one did not reach the disk in time
	learnt     time.Duration // CLOCK_BOOTTIME of the last snapshot
	saving     sync.Mutex    // held while a snapshot is written
	unlearnt   bool          // the last one failed; under saving
	servers    sync.WaitGroup
	background sync.WaitGroup
	lastTick   atomic.Int64 // CLOCK_BOOTTIME of the last tick that ended, for /healthz
}

// tick is one turn of the loop: collect, judge, accept, remember.
func (a *agent) tick(ctx context.Context, now time.Time, boot time.Duration, t ticks) {
	a.mu.Lock()
	set := a.set
	a.mu.Unlock()
	frame := set.Collect(ctx, now, boot)
	a.readDrill(ctx, &frame)

	var alerts []alert.Alert
	a.mu.Lock()
	if a.box.AdoptedLate() {
		alerts = a.detector.Adopt(a.box.OpenFiring(), now)
	}
	alerts = append(alerts, a.detector.Observe(frame)...)
	pending := a.detector.Pending()
	firing := a.detector.Firing()
	a.traffic.judge(boot, critical(firing, a.cfg.Health.Rules))
	a.persists(ctx, boot, firing)
	a.frame, a.ticks = frame, t
	a.keepRecent(frame)
	a.ticks.Done++
	a.self.read(boot)
	recorders := a.recorders
	a.mu.Unlock()

	a.reasons(alerts)
	a.suspects.blame(alerts, pending, boot)
	disk, cancel := context.WithTimeout(ctx, diskWait)
	defer cancel()
	a.accept(disk, alerts)
	a.history.Record(frame)
	if a.recording != nil {
		a.recording.Record(frame)
	}
	for _, r := range recorders {
		r.Record(frame)
	}
	a.checkSelf(disk, set, now, boot, t)
	a.saveState(disk, boot, len(alerts) > 0)
	a.saveModels(boot, false)
	a.show(now, frame, t)
	a.logCollectors(set, now, t)
	a.lastTick.Store(int64(boot))
	if tick, box := a.progress(boot); tick && box {
		a.notify.progress(boot)
	}
}

// accept hands the alerts to the outbox. An alert that is not yet on disk is
// delivered from memory all the same; the outbox tells once what ails the disk.
func (a *agent) accept(ctx context.Context, alerts []alert.Alert) {
	for _, al := range alerts {
		al = a.leavingNote(al)
		if err := a.box.Put(ctx, al); err != nil {
			a.log.Warn("alert is not durable yet; it is delivered from memory", "rule", al.Rule, "error", err)
		}
		if al.Phase == alert.PhaseFiring {
			a.mu.Lock()
			a.raised++
			a.mu.Unlock()
		}
	}
}

// saveState writes the detector's state: at once when an alert changed, else
// every 10 s.
func (a *agent) saveState(ctx context.Context, boot time.Duration, now bool) {
	if !now && boot-a.saved < 10*time.Second {
		return
	}
	a.saved = boot
	a.mu.Lock()
	b, err := a.detector.State()
	a.mu.Unlock()
	if err == nil {
		err = a.box.SaveState(ctx, b)
	}
	// Said once: the outbox tells of an ailing disk by itself, and writes the
	// newest state as soon as it can.
	if (err != nil) != a.unsaved {
		if a.unsaved = err != nil; a.unsaved {
			a.log.Warn("the state of the rules is not on disk yet", "error", err)
		}
	}
}

// progress says whether ticks and outbox move: what the watchdog and /healthz
// are tied to.
func (a *agent) progress(boot time.Duration) (tick, outbox bool) {
	a.mu.Lock()
	interval := a.cfg.Agent.Interval.D()
	a.mu.Unlock()
	last := time.Duration(a.lastTick.Load())
	return boot-last < 5*interval+time.Second, a.box.Progress()
}

// run starts the servers and the delivery, ticks until ctx ends, and leaves
// everything saved.
func (a *agent) run(ctx context.Context) int {
	delivery, stopDelivery := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() { a.box.Run(delivery) })
	serving, stopServing := context.WithCancel(ctx)
	if err := a.serve(serving); err != nil {
		stopServing()
		stopDelivery()
		done.Wait()
		return fail(a.e, "run", err)
	}
	a.refill()
	a.resume(ctx)
	stopHistory := a.keep(ctx)
	a.learnt = bootTime()
	a.suspects = newSuspects(serving, collect.LocalHost(time.Second), a.log)
	done.Go(func() { a.reloads(ctx) })
	done.Go(func() { a.heartbeat(ctx) })
	done.Go(func() { a.watchCloud(ctx) })
	a.notify.ready(fmt.Sprintf("watching %d collectors", len(a.set.Status())))

	a.mu.Lock()
	interval := a.cfg.Agent.Interval.D()
	a.mu.Unlock()
	a.notify.suit(interval)
	loop(ctx, interval, bootTime, func(now time.Time, boot time.Duration, t ticks) { a.tick(ctx, now, boot, t) })

	a.notify.stopping()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	a.saveState(end, bootTime(), true)
	a.saveModels(bootTime(), true)
	a.flush(end)
	stopHistory()
	stopServing()
	a.servers.Wait()
	stopDelivery()
	done.Wait()
	a.stopWork()
	a.farewell()
	if a.recording != nil {
		if err := a.recording.close(); err != nil {
			return fail(a.e, "run", err)
		}
	}
	if err := a.leaveDir(); err != nil {
		return fail(a.e, "run", err)
	}
	return exitDone
}

// show keeps the terminal: the start after the first tick, then the line of
// vital signs. Without a terminal the start is one log line.
func (a *agent) show(now time.Time, f collect.Frame, t ticks) {
	if t.Done == 0 {
		st := a.Status()
		a.mu.Lock()
		sinks := append([]string(nil), a.sinkNames...)
		a.mu.Unlock()
		if a.screen != nil {
			a.screen.Print(a.screen.Style().Start(st, sinks))
		} else {
			a.log.Info("firewatch watches this host", "version", st.Version, "host", st.Host, "collectors", len(st.Collectors), "series", st.Series,
				"rules", len(st.Rules), "sinks", strings.Join(sinks, ","), "config", st.Config, "state_dir", st.StateDir)
			for _, c := range st.Collectors {
				if c.State != "ok" {
					a.log.Info("collector skipped", "collector", c.Name, "reason", c.Reason)
				}
			}
		}
	}
	if a.screen != nil {
		a.screen.Bottom(a.screen.Style().Vitals(now, vitals(f)))
	}
}

// logCollectors says once when a collector's state changes, and why.
func (a *agent) logCollectors(set *collect.Set, now time.Time, t ticks) {
	if t.Done == 0 {
		return // the start has said it
	}
	for _, c := range set.Status() {
		_, once := a.selfCheck.silent[c.Name]
		switch {
		case !c.Since.Equal(now):
		case c.State == "ok":
			a.log.Info("collector reads again", "collector", c.Name)
		case c.State == "skipped" && !once:
			a.log.Info("collector skipped", "collector", c.Name, "reason", c.Reason) // it never read: nothing was lost
		default:
			a.log.Warn("collector "+c.State, "collector", c.Name, "reason", c.Reason)
		}
	}
}

// farewell is the last screen of a run, or its last log line.
func (a *agent) farewell() {
	st := a.Status()
	a.mu.Lock()
	raised := a.raised
	a.mu.Unlock()
	if a.screen != nil {
		a.screen.End(a.screen.Style().Summary(st, raised))
		return
	}
	a.log.Info("stopped", "ran", st.Now.Sub(st.StartedAt).Round(time.Second).String(), "ticks", st.Ticks, "late", st.Late, "dropped", st.Dropped, "alerts", raised)
}
