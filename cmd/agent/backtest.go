package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/diff"
	xterm "golang.org/x/term"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/cmd/agent/rehearse"
	"github.com/firewatch-agent/firewatch/cmd/agent/term"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/record"
)

// backtestOptions are the flags of `firewatch backtest`.
type backtestOptions struct {
	since               conf.Duration
	config, candidate   string
	csv, metric         string
	recording, stateDir string
	maxPages, maxAlerts int
	json, noSuggest     bool
	close               func() error // of the input
}

func cmdBacktest(ctx context.Context, e env, args []string) int {
	o := backtestOptions{since: conf.Duration(7 * 24 * time.Hour), close: func() error { return nil }}
	fs := newFlags(e, "backtest")
	fs.TextVar(&o.since, "since", o.since, "how far back in the history to begin, such as 7d or 6h")
	fs.StringVar(&o.config, "config", "", "config `file` whose rules are tried (default "+defaultConfig+" where it exists)")
	fs.StringVar(&o.candidate, "candidate", "", "second config `file`, tried on the same past and shown beside the first")
	fs.StringVar(&o.recording, "recording", "", "try the rules on a `file` that run --record made")
	fs.StringVar(&o.csv, "csv", "", "try the rules on a CSV `file`: a column time, and one for each series (metric or metric:target)")
	fs.StringVar(&o.metric, "metric", "", "`series` that the CSV's column value is")
	fs.StringVar(&o.stateDir, "state-dir", "", "state `directory` whose history is read")
	fs.IntVar(&o.maxPages, "max-pages", -1, "exit 1 if more than `N` pages fall into any 7 days")
	fs.IntVar(&o.maxAlerts, "max-alerts", -1, "exit 1 if more than `N` alerts of any severity are raised")
	fs.BoolVar(&o.noSuggest, "no-suggest", false, "do not look for changes that would have kept rules silent")
	fs.BoolVar(&o.json, "json", false, "print one JSON document")
	if code, ok := parse(e, fs, args); !ok {
		return code
	}
	if o.recording != "" && o.csv != "" || o.since <= 0 || o.metric != "" && o.csv == "" {
		fmt.Fprintln(e.err, "firewatch backtest: give --recording or --csv, not both; --since must be positive, and --metric goes with --csv")
		return exitUsage
	}
	return backtest(ctx, e, &o)
}

// report is the JSON of backtest.
type report struct {
	Current     rehearse.Result       `json:"current"`
	Candidate   *rehearse.Result      `json:"candidate,omitempty"`
	Suggestions []rehearse.Suggestion `json:"suggestions"`
	Diff        string                `json:"diff,omitempty"` // of the config file, for patch -p0
}

func backtest(ctx context.Context, e env, o *backtestOptions) int {
	ours, name, err := rulesOf(o.config)
	if err != nil {
		return fail(e, "backtest", err)
	}
	in, err := o.input(e, ours)
	if err != nil {
		return fail(e, "backtest", err)
	}
	defer func() { _ = o.close() }()
	bar := newBar(e, in)
	r := report{Suggestions: []rehearse.Suggestion{}}
	metrics := config.Metrics()
	if r.Current, err = rehearse.Run(ctx, in, asRules(ours, name), metrics, bar.show); err != nil {
		return fail(e, "backtest", err)
	}
	judged := &r.Current
	if o.candidate != "" {
		other, otherName, err := rulesOf(o.candidate)
		if err != nil {
			return fail(e, "backtest", err)
		}
		res, err := rehearse.Run(ctx, in, asRules(other, otherName), metrics, bar.show)
		if err != nil {
			return fail(e, "backtest", err)
		}
		r.Candidate, judged, ours, name = &res, &res, other, otherName
	}
	if !o.noSuggest {
		if r.Suggestions, err = rehearse.Suggest(ctx, in, *judged, asRules(ours, name), metrics, bar.show); err != nil {
			return fail(e, "backtest", err)
		}
		r.Diff = suggestedDiff(e, ours, name, r.Suggestions)
	}
	bar.end()
	if o.json {
		if r.Suggestions == nil {
			r.Suggestions = []rehearse.Suggestion{}
		}
		printJSON(e.out, r)
	} else {
		printReport(e, r)
	}
	return o.verdict(e, *judged)
}

// verdict is the exit code, and why on stderr.
func (o *backtestOptions) verdict(e env, r rehearse.Result) int {
	code := exitDone
	if pages := r.PagesInAWeek(); o.maxPages >= 0 && pages > o.maxPages {
		fmt.Fprintf(e.err, "firewatch backtest: %d pages within 7 days, --max-pages %d\n", pages, o.maxPages)
		code = exitWrong
	}
	if n := len(r.Fired); o.maxAlerts >= 0 && n > o.maxAlerts {
		fmt.Fprintf(e.err, "firewatch backtest: %d alerts, --max-alerts %d\n", n, o.maxAlerts)
		code = exitWrong
	}
	if r.Partial && (o.maxPages >= 0 || o.maxAlerts >= 0) {
		fmt.Fprintln(e.err, "firewatch backtest: stopped before the end, so nothing is proved")
		code = exitWrong
	}
	return code
}

func printReport(e env, r report) {
	s := term.StyleOf(e.out)
	fmt.Fprint(e.out, s.Backtest(r.Current))
	if r.Candidate != nil {
		fmt.Fprint(e.out, "\n"+s.Backtest(*r.Candidate)+"\n"+s.Compare(r.Current, *r.Candidate))
	}
	if text := s.Suggestions(r.Suggestions, r.Diff); text != "" {
		fmt.Fprint(e.out, "\n"+text)
	}
}

// rulesOf reads the rules to try; a config with faults is refused.
func rulesOf(path string) (*config.Config, string, error) {
	name := configPath(path)
	if name == "" {
		return config.Default(), "built-in rules", nil
	}
	cfg, faults, err := config.Load(name)
	if err != nil {
		return nil, "", err
	}
	if len(faults) > 0 {
		return nil, "", fmt.Errorf("%s; firewatch check --config %s shows all faults", faults[0].Headline(), name)
	}
	return cfg, name, nil
}

func asRules(c *config.Config, name string) rehearse.Rules {
	return rehearse.Rules{Name: name, Rules: c.Rules, Anomaly: c.Anomaly}
}

// input opens the past that the flags name.
func (o *backtestOptions) input(e env, cfg *config.Config) (rehearse.Input, error) {
	if path := o.recording + o.csv; path != "" {
		f, err := os.Open(path)
		if err != nil {
			return rehearse.Input{}, err
		}
		o.close = f.Close
		if o.csv != "" {
			return rehearse.FromCSV(f, path, o.metric)
		}
		return rehearse.FromRecording(f, path)
	}
	dir := o.stateDir
	if dir == "" {
		dir = cfg.Agent.StateDir
	}
	dir, err := stateDir(dir)
	if err != nil {
		return rehearse.Input{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return rehearse.Input{}, fmt.Errorf("open the state directory: %w; give --state-dir, --recording or --csv", err)
	}
	o.close = root.Close
	log := slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return rehearse.FromHistory(record.OpenArchive(root, log), time.Now().Add(-o.since.D()), cfg.Agent.Interval.D())
}

// suggestedDiff is the change of the config file, as a unified diff.
func suggestedDiff(e env, cfg *config.Config, name string, list []rehearse.Suggestion) string {
	var rules []detect.RuleConfig
	for _, s := range list {
		if s.Change != "" {
			rules = append(rules, s.Rule)
		}
	}
	if len(rules) == 0 {
		return ""
	}
	old, from := cfg.Source(), name
	if old == nil {
		from, name = "/dev/null", "firewatch.toml"
	}
	changed, err := config.WithRules(old, rules)
	if err != nil {
		fmt.Fprintf(e.err, "firewatch backtest: no diff: %v\n", err)
		return ""
	}
	return string(diff.Diff(from, old, name, changed))
}

// bar shows on a terminal how far the work is.
type bar struct {
	e     env
	in    rehearse.Input
	width int // 0 = no terminal
	last  time.Time
	drawn bool
}

func newBar(e env, in rehearse.Input) *bar {
	b := &bar{e: e, in: in}
	if f, ok := e.err.(*os.File); ok && xterm.IsTerminal(int(f.Fd())) {
		b.width = 80
		if w, _, err := xterm.GetSize(int(f.Fd())); err == nil {
			b.width = w
		}
	}
	return b
}

func (b *bar) show(t time.Time) {
	if now := time.Now(); b.width > 0 && now.Sub(b.last) > 100*time.Millisecond {
		b.last, b.drawn = now, true
		_, _ = io.WriteString(b.e.err, "\r"+term.Progress(b.in.From, b.in.To, t, b.width)+"\x1b[K")
	}
}

func (b *bar) end() {
	if b.drawn {
		_, _ = io.WriteString(b.e.err, "\r\x1b[K")
	}
}
