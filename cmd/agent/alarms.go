package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/firewatch-agent/firewatch/alert/cloudwatch"
	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/cloudid"
)

// alarmsWithin bounds what one sink's alarms take.
const alarmsWithin = 2 * time.Minute

// alarmReport is what one sink's alarms are, for --json.
type alarmReport struct {
	Sink     string              `json:"sink"`
	Changes  []cloudwatch.Change `json:"changes"`
	Problems []string            `json:"problems,omitempty"`
	Calls    int                 `json:"changing_calls"`
}

func cmdAlarms(ctx context.Context, e env, args []string) int {
	fs := newFlags(e, "alarms")
	path := fs.String("config", "", "config `file` (default "+defaultConfig+" where it exists)")
	asJSON := fs.Bool("json", false, "print one JSON document")
	verb, rest := "", args
	if len(args) > 0 {
		verb, rest = args[0], args[1:]
	}
	if code, ok := parse(e, fs, rest); !ok {
		return code
	}
	if verb != "plan" && verb != "apply" && verb != "destroy" {
		fmt.Fprintln(e.err, "firewatch alarms: say plan, apply or destroy")
		return exitUsage
	}
	name := configPath(*path)
	cfg, faults, err := loadFor(name)
	if err != nil {
		return fail(e, "alarms", err)
	}
	if len(faults) > 0 {
		_ = config.Render(e.err, name, faults)
		return exitWrong
	}
	if len(cfg.Sinks.CloudWatch) == 0 {
		return fail(e, "alarms", fmt.Errorf("the config has no [[sink.cloudwatch]]"))
	}
	reports, err := alarmReports(ctx, cfg, verb)
	if err != nil {
		return fail(e, "alarms", err)
	}
	wrong := exitDone
	for _, r := range reports {
		if len(r.Problems) > 0 {
			wrong = exitWrong
		}
		for _, c := range r.Changes {
			if c.Verb == "refuse" {
				wrong = exitWrong
			}
		}
	}
	if *asJSON {
		if printJSON(e.out, reports) != exitDone {
			return exitWrong
		}
		return wrong
	}
	printAlarms(e, reports, verb)
	return wrong
}

// loadFor reads a config for a command; without a file it is the built-in one.
func loadFor(name string) (*config.Config, []config.Diagnostic, error) {
	if name == "" {
		return config.Default(), nil, nil
	}
	return config.Load(name)
}

func alarmReports(ctx context.Context, cfg *config.Config, verb string) ([]alarmReport, error) {
	ids, err := whoami(ctx)
	if err != nil {
		return nil, err
	}
	seen := seeOnce(ctx, cfg)
	var out []alarmReport
	for _, c := range cfg.Sinks.CloudWatch {
		within, cancel := context.WithTimeout(ctx, alarmsWithin)
		defer cancel()
		r := alarmReport{Sink: c.Name, Changes: []cloudwatch.Change{}}
		alarms := cloudwatch.NewAlarms(c, hostName(), ids)
		if verb == "destroy" {
			r.Changes, err = alarms.PlanEnd(within, true)
		} else {
			r.Changes, r.Problems, err = alarms.Plan(within, mirrors(cfg.Rules), seen)
		}
		if err == nil && verb != "plan" {
			r.Calls, err = alarms.Apply(within, r.Changes)
		}
		if err != nil {
			return nil, fmt.Errorf("sink %s: %w", c.Name, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// whoami waits for the instance's identity: alarms carry the dimensions that the
// agent's metrics have.
func whoami(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	w := cloudid.New(slog.New(slog.DiscardHandler), func(cloudid.Notice) {})
	go w.Run(ctx)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if id, settled := w.Identity(); settled {
			return id.Dimensions(), nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("ask who this host is: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// seeOnce reads the host twice, a second apart, for the series that it has: rates
// need two readings.
func seeOnce(ctx context.Context, cfg *config.Config) []collect.Sample {
	set := collect.NewSet(collect.Enabled(collect.LocalHost(time.Second), cfg.Collect), collect.SetOptions{Interval: time.Second})
	set.Collect(ctx, time.Now(), bootTime())
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	return set.Collect(ctx, time.Now(), bootTime()).Samples
}

// mirrors are the rules that ask for it, with their defaults filled in.
func mirrors(rules []detect.RuleConfig) []cloudwatch.Rule {
	var out []cloudwatch.Rule
	for _, r := range rules {
		t, err := detect.NewThreshold(r)
		if err != nil || !r.Mirror {
			continue // a config in order has no faulty rule
		}
		c := t.Config()
		out = append(out, cloudwatch.Rule{Name: c.Name, Metric: c.Metric, Target: c.Target, Statistic: c.Statistic, Period: c.Period.D(), Comparison: c.Comparison,
			Threshold: *c.Threshold, Periods: c.EvaluationPeriods, ToAlarm: c.DatapointsToAlarm, Missing: c.Missing, Summary: c.Summary})
	}
	return out
}

func printAlarms(e env, reports []alarmReport, verb string) {
	signs := map[string]string{"create": "+", "update": "~", "delete": "-", "keep": " ", "refuse": "!"}
	for _, r := range reports {
		fmt.Fprintf(e.out, "sink %s\n", r.Sink)
		for _, c := range r.Changes {
			why := ""
			switch {
			case c.Verb == "refuse":
				why = "   not firewatch's: rename or delete it"
			case c.Hand:
				why = "   edited by hand"
			}
			fmt.Fprintf(e.out, "%s %-7s %s%s\n", signs[c.Verb], c.Verb, c.Name, why)
			if c.Verb == "update" {
				for _, d := range c.Diff {
					fmt.Fprintf(e.out, "            %s\n", d)
				}
			}
		}
		for _, p := range r.Problems {
			fmt.Fprintf(e.err, "! %s\n", p)
		}
		if verb != "plan" {
			fmt.Fprintf(e.out, "%d calls that change something\n", r.Calls)
		}
	}
}

// deleteAlarms takes away the alarms that belong to this host alone.
func (a *agent) deleteAlarms(ctx context.Context) {
	a.mu.Lock()
	sinks := a.cfg.Sinks.CloudWatch
	a.mu.Unlock()
	ids, _ := a.identity()
	for _, c := range sinks {
		within, cancel := context.WithTimeout(ctx, 20*time.Second)
		alarms := cloudwatch.NewAlarms(c, a.host, ids)
		changes, err := alarms.PlanEnd(within, false)
		if err == nil {
			_, err = alarms.Apply(within, changes)
		}
		cancel()
		if err != nil {
			a.log.Warn("delete this host's alarms", "sink", c.Name, "error", err)
			continue
		}
		if len(changes) > 0 {
			a.log.Info("this host's alarms are deleted: it leaves for good", "sink", c.Name, "alarms", len(changes))
		}
	}
}

// sinkCost is what publishing by one sink costs in a month.
type sinkCost struct {
	Sink string `json:"sink"`
	cloudwatch.Cost
}

// costs estimates what publishing to CloudWatch costs on this host.
func costs(ctx context.Context, cfg *config.Config) []sinkCost {
	out := []sinkCost{}
	if len(cfg.Sinks.CloudWatch) == 0 {
		return out
	}
	seen := seeOnce(ctx, cfg)
	for _, c := range cfg.Sinks.CloudWatch {
		// The instance's dimensions do not change the number of series.
		out = append(out, sinkCost{c.Name, cloudwatch.CostOf(c, hostName(), nil, seen)})
	}
	return out
}
