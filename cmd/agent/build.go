package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alertmanager"
	"github.com/firewatch-agent/firewatch/alert/cloudwatch"
	"github.com/firewatch-agent/firewatch/alert/pagerduty"
	"github.com/firewatch-agent/firewatch/alert/slack"
	"github.com/firewatch-agent/firewatch/alert/sns"
	"github.com/firewatch-agent/firewatch/alert/webhook"
	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/cmd/agent/term"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/collect/probe"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/cloudid"
)

// newAgent takes the state directory and puts the parts together. Nothing is
// delivered or served before run.
func newAgent(ctx context.Context, e env, o runOptions) (*agent, error) {
	a := &agent{e: e, o: o, log: newLogger(e), host: hostName(), started: time.Now(), asked: make(chan chan<- error)}
	if f, ok := e.out.(*os.File); ok && o.terminal {
		a.screen = term.NewScreen(f)
		a.log = slog.New(slog.NewTextHandler(screenWriter{a.screen}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	cfg, err := a.strict()
	if err != nil {
		return nil, err
	}
	dir := o.stateDir
	if dir == "" {
		dir = config.StateDir(o.config)
	}
	if dir, err = stateDir(dir); err != nil {
		return nil, err
	}
	if a.root, err = openStateDir(dir); err != nil {
		return nil, err
	}
	if a.lock, err = alert.LockDir(a.root); err != nil {
		return nil, errors.Join(err, a.root.Close())
	}
	clearFolders(a.root, a.log)
	var warnings []config.Diagnostic
	a.source = config.FromFile
	if cfg == nil {
		cfg, warnings, a.source = config.Boot(o.config, a.root)
	}
	a.stateDir, a.socket, a.system = dir, socketPath(o.socket, dir), collect.Identity()
	a.notify = newNotifier(a.log)
	a.cloud = cloudid.New(a.log, func(n cloudid.Notice) { a.leave(ctx, n) })
	if err := a.openBox(cfg); err != nil {
		return nil, errors.Join(err, a.lock.Close(), a.root.Close())
	}
	if err := a.adoptConfig(ctx, cfg); err != nil {
		return nil, errors.Join(err, a.lock.Close(), a.root.Close())
	}
	if err := a.openHistory(); err != nil {
		return nil, errors.Join(err, a.lock.Close(), a.root.Close())
	}
	a.warnOfConfig(ctx, warnings)
	return a, nil
}

// strict reads the config of a run from a terminal, where every fault is fatal
// and somebody is there to mend it; nil where a run under systemd must start
// whatever the file says.
func (a *agent) strict() (*config.Config, error) {
	if a.screen == nil || a.o.config == "" {
		return nil, nil
	}
	cfg, faults, err := config.Load(a.o.config)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		var b strings.Builder
		_ = config.Render(&b, a.o.config, faults)
		return nil, fmt.Errorf("the config has faults\n%s", b.String())
	}
	return cfg, nil
}

func (a *agent) openBox(cfg *config.Config) error {
	box, err := alert.Open(a.root, alert.Options{
		Host: a.host, Labels: labels(cfg.Agent.Labels), Version: versionString(), MachineID: machineID(), Spool: ownSpool(), Log: a.log, Remake: a.remakeDir,
	})
	if err != nil {
		return err
	}
	a.box = box
	return nil
}

// machineID tells a cloned state directory: /etc/machine-id, or in a container,
// which has none, the node's name where it is given; else "" and no check.
func machineID() string {
	if b, err := os.ReadFile("/etc/machine-id"); err == nil && len(strings.TrimSpace(string(b))) > 0 {
		return strings.TrimSpace(string(b))
	}
	return os.Getenv("HOST_NAME")
}

// labels adds those of $FIREWATCH_LABELS ("node=a,pod=b": Kubernetes' downward
// API fills it) to the configured ones, which win.
func labels(configured map[string]string) map[string]string {
	out := map[string]string{}
	for pair := range strings.SplitSeq(os.Getenv("FIREWATCH_LABELS"), ",") {
		if name, value, ok := strings.Cut(pair, "="); ok && strings.TrimSpace(name) != "" {
			out[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	maps.Copy(out, configured)
	return out
}

// parts is what a configuration asks for, built before anything is replaced.
type parts struct {
	set        *collect.Set
	probes     *probe.Set // nil where set goes on, or none is configured
	sources    []source   // what set reads that works beside the tick
	rules      []detect.Rule
	sinks      []alert.Sink
	publish    bool // publishers replace those that run
	publishers []*cloudwatch.Publisher
	metrics    []collect.Metric
}

// build makes the parts of a configuration; an error leaves all as it is.
func (a *agent) build(cfg *config.Config) (*parts, error) {
	p := &parts{}
	a.buildSet(cfg, p)
	p.metrics = p.set.Metrics()
	rules, err := rulesFor(cfg)
	if err != nil {
		return nil, err
	}
	p.rules = rules
	return p, a.buildSinks(cfg, p)
}

// rulesFor makes the rules of a configuration, and more of them.
func rulesFor(cfg *config.Config, more ...detect.RuleConfig) ([]detect.Rule, error) {
	rules, err := detect.Rules(slices.Concat(cfg.Rules, more))
	if err != nil {
		return nil, err
	}
	anomaly, err := detect.NewAnomaly(cfg.Anomaly)
	if err != nil {
		return nil, err
	}
	return slices.Concat(rules, anomaly), nil
}

// buildSinks is the list of sinks. From a terminal without --config only the
// terminal is one: a second agent started by hand never sends everything twice.
func (a *agent) buildSinks(cfg *config.Config, p *parts) error {
	if a.screen != nil {
		p.sinks = append(p.sinks, term.NewSink(a.screen))
		if !a.o.given {
			return nil
		}
	} else {
		p.sinks = append(p.sinks, term.NewJournal(a.log))
	}
	add := func(s alert.Sink, err error) error {
		if err == nil {
			p.sinks = append(p.sinks, s)
		}
		return err
	}
	var errs []error
	for _, c := range cfg.Sinks.Slack {
		s, err := slack.New(c, a.hour)
		errs = append(errs, add(s, err))
	}
	for _, c := range cfg.Sinks.SNS {
		s, err := sns.New(c)
		errs = append(errs, add(s, err))
	}
	for _, c := range cfg.Sinks.CloudWatch {
		errs = append(errs, add(cloudwatch.NewSink(c), nil))
	}
	if old := a.cfg; old == nil || !reflect.DeepEqual(old.Sinks.CloudWatch, cfg.Sinks.CloudWatch) {
		p.publish = true
		for _, c := range cfg.Sinks.CloudWatch {
			p.publishers = append(p.publishers, a.publisher(c, p.metrics, cfg.Agent.Interval.D()))
		}
	}
	for _, c := range cfg.Sinks.Webhook {
		s, err := webhook.New(c)
		errs = append(errs, add(s, err))
	}
	for _, c := range cfg.Sinks.Alertmanager {
		s, err := alertmanager.New(c)
		errs = append(errs, add(s, err))
	}
	for _, c := range cfg.Sinks.PagerDuty {
		s, err := pagerduty.New(c)
		errs = append(errs, add(s, err))
	}
	return errors.Join(errs...)
}

// adoptConfig puts a configuration in force: at the start, and at a reload.
func (a *agent) adoptConfig(ctx context.Context, cfg *config.Config) error {
	p, err := a.build(cfg)
	if err != nil {
		return err
	}
	a.box.SetMaintenance(cfg.Maintenance)
	a.box.SetSinks(p.sinks, cfg.Routes)
	a.mu.Lock()
	a.startWork(ctx, p)
	var resolved []alert.Alert
	if a.detector == nil {
		a.detector = detect.New(p.rules, detect.Options{Interval: cfg.Agent.Interval.D(), Metrics: config.Metrics()})
	} else {
		resolved = a.detector.SetRules(p.rules)
	}
	a.cfg, a.set = cfg, p.set
	a.metrics = map[string]collect.Metric{}
	for _, m := range p.metrics {
		a.metrics[m.Name] = m
	}
	a.sinkNames = a.sinkNames[:0]
	for _, s := range p.sinks {
		a.sinkNames = append(a.sinkNames, s.Name())
	}
	a.mu.Unlock()
	a.accept(ctx, resolved)
	return nil
}

// startWork starts the sources and publishers of new parts and stops those that
// they replace; what is unchanged goes on. a.mu is held.
func (a *agent) startWork(ctx context.Context, p *parts) {
	start := func(stop context.CancelFunc, run func(context.Context)) context.CancelFunc {
		if stop != nil {
			stop()
		}
		work, cancel := context.WithCancel(context.WithoutCancel(ctx))
		a.background.Go(func() { run(work) })
		return cancel
	}
	a.startSources(p, func(run func(context.Context)) context.CancelFunc { return start(nil, run) })
	if p.publish {
		a.recorders = nil
		a.stopPublishers = start(a.stopPublishers, func(ctx context.Context) {
			var all sync.WaitGroup
			for _, pub := range p.publishers {
				all.Go(func() { pub.Run(ctx) })
			}
			all.Wait()
		})
		a.publishers = p.publishers
		for _, pub := range p.publishers {
			a.recorders = append(a.recorders, pub)
		}
	}
}

// stopWork ends sources and publishers and waits for them.
func (a *agent) stopWork() {
	a.mu.Lock()
	if a.stopPublishers != nil {
		a.stopPublishers()
	}
	for _, stop := range a.sources {
		stop()
	}
	a.mu.Unlock()
	a.background.Wait()
}

// resume goes on where the last run ended: what was accepted as firing fires,
// whatever the saved state says.
func (a *agent) resume(ctx context.Context) {
	b, err := a.box.LoadState()
	a.mu.Lock()
	if err == nil && b != nil {
		err = a.detector.Restore(b)
	}
	resolved := a.detector.Adopt(a.box.OpenFiring(), time.Now())
	a.mu.Unlock()
	if err != nil {
		a.log.Warn("the saved state of the rules cannot be used; they start afresh", "error", err)
	}
	a.accept(ctx, resolved)
}

// warnOfConfig raises an alert for a config file that could not be used, and
// resolves it where it can again.
func (a *agent) warnOfConfig(ctx context.Context, warnings []config.Diagnostic) {
	now := time.Now()
	al := alert.Alert{Rule: "config-faulty", Severity: alert.Warning, State: alert.Firing, Phase: alert.PhaseFiring, StartedAt: now, ChangedAt: now}
	if len(warnings) == 0 {
		al.State, al.Phase, al.ResolvedAt, al.Summary = alert.Resolved, alert.PhaseResolved, now, "the config file is in order again"
	} else {
		al.Summary = fmt.Sprintf("the config file has faults, the agent runs with the %s one: %s", map[config.Source]string{
			config.FromLastGood: "last good", config.FromSalvage: "built-in rules and the sinks of this"}[a.source], warnings[0].Headline())
		for _, w := range warnings {
			a.log.Warn("config", "fault", w.Headline())
		}
	}
	wait, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := a.box.Accept(wait, al, ""); err != nil {
		a.log.Warn("raise alert about the config", "error", err)
	}
}

// configName is the config in force, for people.
func (a *agent) configName() string {
	if a.o.config == "" {
		return "built-in rules (no config file)"
	}
	path, err := filepath.Abs(a.o.config)
	if err != nil {
		path = a.o.config
	}
	return path
}

// screenWriter lets logs scroll above the screen's bottom line.
type screenWriter struct{ s *term.Screen }

// Write implements io.Writer.
func (w screenWriter) Write(b []byte) (int, error) {
	w.s.Print(string(b))
	return len(b), nil
}
