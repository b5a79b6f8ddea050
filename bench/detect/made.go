package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Made hosts: what twelve weeks of a server look like, with seasons of a day and
// a week, drift, bursts, a nightly job and a change of level, and trouble planted
// in them. A seed makes other hosts and other trouble; the parameters of the
// detector were not chosen on any of them.

const (
	madeStep  = 5 * time.Minute
	madeRows  = int(12 * 7 * 24 * time.Hour / madeStep)
	madeHosts = 20
	madeSeeds = 3 // are made hosts of
	madeDay   = int(24 * time.Hour / madeStep)
)

// The series of a made host, named as the agent names them, so that they fall
// into the subsystems of a real one.
var madeSeries = []string{"cpu_usage_user", "cpu_usage_system", "system_load1", "processes_total", "mem_used_percent", "mem_cached",
	"diskio_write_bytes", "diskio_await", "net_bytes_recv", "net_packets_recv", "netstat_tcp_retrans", "probe_duration"}

// madeTrouble is a kind of planted event and what it does to a row; most is the
// greatest value that each series had until then.
var madeTrouble = []struct {
	name string
	do   func(row, most []float64, which int)
}{
	{"gross", func(row, most []float64, which int) { row[which%len(row)] = 3 * most[which%len(row)] }},
	{"×3", func(row, _ []float64, which int) { row[[]int{7, 11, 2}[which%3]] *= 3 }},
	// Bytes without their packets, and system time without its work: each within its own range.
	{"broken relation", func(row, _ []float64, which int) {
		if which%2 == 0 {
			row[9] *= 0.35
		} else {
			row[1] = 0.8 * row[0]
		}
	}},
}

// event is a planted one.
type event struct{ kind, which, from, to int }

// madeHost is the rows of a host and its events.
func madeHost(rng *rand.Rand) ([][]float64, []event) {
	noise := func(share float64) float64 { return math.Exp(share * rng.NormFloat64()) }
	base, swing, weekend := 15+20*rng.Float64(), 0.2+0.4*rng.Float64(), 0.5+0.5*rng.Float64()
	hour, backup := rng.Float64()*2*math.Pi, rng.IntN(madeDay)
	level, deploy, growth := 0.8+0.4*rng.Float64(), 2*7*madeDay+rng.IntN(8*7*madeDay), 10*rng.Float64()
	slow, burst, left := 0.0, 1.0, 0
	rows := make([][]float64, madeRows)
	for i := range rows {
		load := base * (1 + swing*math.Sin(2*math.Pi*float64(i)/float64(madeDay)+hour))
		if i/madeDay%7 >= 5 {
			load *= weekend
		}
		if i >= deploy {
			load *= level
		}
		if left--; left <= 0 {
			if burst = 1; rng.IntN(madeDay) == 0 { // once a day
				burst, left = 1.3+rng.Float64(), 2+rng.IntN(5)
			}
		}
		slow = 0.9*slow + 0.05*rng.NormFloat64()
		load = math.Min(95, load*burst*math.Exp(slow)*noise(0.05))
		write := 2e6 * load / base * noise(0.3)
		if at := (i - backup + madeDay) % madeDay; at < 6 {
			write += 8e7 * noise(0.1)
		}
		recv := 5e5 * load / base * noise(0.15)
		rows[i] = []float64{
			load, 0.25*load*noise(0.05) + 1, load / 12 * noise(0.15), 180 + math.Round(load/4) + float64(rng.IntN(8)),
			40 + growth*float64(i)/float64(madeRows) + load/20 + 0.3*rng.NormFloat64(), 3e9 * noise(0.02),
			write, (1 + write/4e7) * noise(0.15), recv, recv / 800 * noise(0.03), float64(poisson(rng, 0.3)), (18 + load/10) * noise(0.08),
		}
	}
	var events []event
	most, seen := make([]float64, len(madeSeries)), 0
	for i := 15 * madeDay; i < madeRows-2*madeDay; i += 6*madeDay + rng.IntN(2*madeDay) {
		e := event{len(events) % len(madeTrouble), rng.IntN(60), i, i + 6 + rng.IntN(7)}
		events = append(events, e)
		for ; seen < e.from; seen++ {
			for k, v := range rows[seen] {
				most[k] = math.Max(most[k], v)
			}
		}
		for k := e.from; k < e.to; k++ {
			madeTrouble[e.kind].do(rows[k], most, e.which)
		}
	}
	return rows, events
}

// poisson draws a count with a small mean (Knuth, TAOCP 2, 3.4.1).
func poisson(rng *rand.Rand, mean float64) int {
	n, limit := 0, math.Exp(-mean)
	for p := rng.Float64(); p > limit; p *= rng.Float64() {
		n++
	}
	return n
}

// made runs the shipped detector over the made hosts of a seed.
func made(c config, seed int, to add) error {
	if seed > madeSeeds {
		return nil
	}
	dir := filepath.Join(c.dir, "made")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var jobs []job
	hosts := make([][]event, madeHosts)
	for h := range hosts {
		rows, events := madeHost(rand.New(rand.NewPCG(uint64(seed), uint64(h))))
		hosts[h] = events
		j := job{in: filepath.Join(dir, fmt.Sprintf("%d-%d.csv", seed, h)), channel: "all", step: "5m", budget: "1 per week"}
		j.out = strings.TrimSuffix(j.in, ".csv") + "-scores.csv"
		if err := writeRows(j.in, rows); err != nil {
			return err
		}
		jobs = append(jobs, j)
	}
	if err := c.score(jobs, seed); err != nil {
		return err
	}
	found, planted, wrong := make([]int, len(madeTrouble)), make([]int, len(madeTrouble)), 0
	for h, events := range hosts {
		alerts, err := column(jobs[h].out, "alert")
		if err != nil {
			return err
		}
		labels := make([]string, len(alerts))
		for _, e := range events {
			for k := e.from; k < e.to; k++ {
				labels[k] = "1"
			}
			planted[e.kind]++
			for k := e.from; k < e.to+2; k++ {
				if alerts[k] == "1" {
					found[e.kind]++
					break
				}
			}
		}
		_, n, _ := count(alerts, labels, int(30*time.Minute/madeStep))
		wrong += n
	}
	const what = "made hosts, 12 weeks × 20, as shipped at 1 a week: "
	to(what+"times the budget in false alarms", float64(wrong)/12/madeHosts, -excess, 0)
	for k, t := range madeTrouble {
		to(what+t.name+" found, %", 100*float64(found[k])/float64(planted[k]), 95, 100)
	}
	return nil
}

func writeRows(path string, rows [][]float64) error {
	var b strings.Builder
	b.WriteString(strings.Join(madeSeries, ",") + "\n")
	for _, row := range rows {
		for k, v := range row {
			if k > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.FormatFloat(v, 'g', 6, 64))
		}
		b.WriteByte('\n')
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}
