package main

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What `firewatch score` calls an alert, at the budget it was given and with no
// label used, against what the best threshold finds.

const (
	share  = 0.8 // of what the best threshold finds, at least
	excess = 2   // times the budget, at most
)

// column reads one column of a CSV file as text.
func column(path, name string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	for k, head := range all[0] {
		if !strings.EqualFold(head, name) {
			continue
		}
		out := make([]string, 0, len(all))
		for _, r := range all[1:] {
			out = append(out, r[k])
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s has no column %s", path, name)
}

// nabShipped scores the alerts in dir, as scores of 0 and 1, by NAB's windows.
func (c config) nabShipped(dir, channel string, best int, to add) error {
	alerts := dir + "-alerts"
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		stamps, err := column(path, "timestamp")
		if err != nil {
			return err
		}
		alert, err := column(path, "alert")
		if err != nil {
			return err
		}
		var b strings.Builder
		b.WriteString("timestamp,anomaly_score\n")
		for i := range stamps {
			fmt.Fprintf(&b, "%s,%s\n", stamps[i], alert[i])
		}
		out := filepath.Join(alerts, strings.TrimPrefix(path, dir))
		if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
			return err
		}
		return os.WriteFile(out, []byte(b.String()), 0o644)
	})
	if err != nil {
		return err
	}
	got, err := c.nabScore(alerts, "--files", filepath.Join(c.data, "nab_dev.list"), "--threshold", "0.5")
	if err != nil {
		return err
	}
	s := got["standard"]
	what := "NAB, " + channel + ", as shipped at 1 a week: "
	to(what+"windows found", float64(s.Hit), 0, s.Windows)
	to(what+"share of the best threshold's", float64(s.Hit)/float64(best), share, 1)
	weeks := float64(s.Rows) * (5 * time.Minute).Hours() / (7 * 24)
	to(what+"times the budget in false alarms", float64(s.False)/weeks, -excess, 0)
	to(what+"score", s.Score, 0, 100)
	return nil
}

// hostsShipped counts the events that the alerts in dir find, and the false ones:
// an alert is one unless there was one in the cool rows before (30 min), and
// false outside every event, of which one reaches as far past its end.
func (c config) hostsShipped(set, dir, step string, best float64, to add) error {
	row, err := time.ParseDuration(step)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil {
		return err
	}
	var found, events, wrong int
	var days float64
	for _, f := range files {
		alerts, err := column(f, "alert")
		if err != nil {
			return err
		}
		labels, err := column(filepath.Join(c.data, "mts", "labels", filepath.Base(f)), "label")
		if err != nil {
			return err
		}
		if len(labels) != len(alerts) {
			return fmt.Errorf("%s: %d alerts for %d labels", f, len(alerts), len(labels))
		}
		a, b, n := count(alerts, labels, int(30*time.Minute/row))
		found, wrong, events = found+a, wrong+b, events+n
		days += float64(len(labels)) * row.Hours() / 24
	}
	what := strings.ToUpper(set) + ", all, as shipped at 1 a day: "
	to(what+"events found", float64(found), 0, events)
	to(what+"share of the best threshold's", float64(found)/best, share, 1)
	to(what+"times the budget in false alarms", float64(wrong)/days, -excess, 0)
	return nil
}

// count is the events found, the false alerts, and the events.
func count(alerts, labels []string, cool int) (found, wrong, events int) {
	last, over, hit := -cool-1, -cool-1, false
	for i := range alerts {
		inside := labels[i] == "1"
		switch {
		case inside && (i == 0 || labels[i-1] != "1"):
			events++
			hit = false
		case !inside && i > 0 && labels[i-1] == "1":
			over = i - 1
		}
		if alerts[i] != "1" {
			continue
		}
		if inside && !hit {
			found, hit = found+1, true
		}
		if i-last > cool {
			if !inside && i-over > cool {
				wrong++
			}
			last = i
		}
	}
	return found, wrong, events
}
