package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/firewatch-agent/firewatch/bench/report"
)

// result is bench/results/forest.json.
type result struct {
	Commit      string                          `json:"commit"`
	CPU         string                          `json:"cpu"`
	Cores       int                             `json:"cores"`
	Go          string                          `json:"go"`
	Peers       map[string]string               `json:"peers"` // versions
	Rounds      int                             `json:"rounds"`
	Seeds       int                             `json:"seeds"`
	PeerSeeds   int                             `json:"peer_seeds"`
	WallSeconds float64                         `json:"wall_seconds"`
	Timings     []timing                        `json:"timings"`
	Accuracies  []accuracy                      `json:"accuracies"`
	Reference   map[string]map[string]reference `json:"reference"`
}

func newResult(c config) *result {
	output := func(argv ...string) string {
		b, err := exec.Command(argv[0], argv[1:]...).Output()
		if err != nil {
			return "unknown"
		}
		return strings.TrimSpace(string(b))
	}
	return &result{
		Commit: output("git", "log", "-1", "--format=%h", "--abbrev=12", "--", "forest", "bench/forest"),
		Peers: map[string]string{
			"goguardml":    output("go", "list", "-C", "bench/forest/peer", "-m", "-f", "{{.Version}}", "github.com/hed1ad/goguardml"),
			"scikit-learn": output(c.python, "-c", "import sklearn; print(sklearn.__version__)"),
		},
		CPU: cpuModel(), Cores: runtime.NumCPU(),
		Go: runtime.Version(), Rounds: c.rounds, Seeds: c.seeds, PeerSeeds: c.peerSeeds,
	}
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return runtime.GOARCH
}

func (r *result) save(path string) error {
	return report.Write(path, r)
}

// find returns the median of a timing, NaN without one.
func (r *result) find(figure, set, lib string) (float64, *timing) {
	for i := range r.Timings {
		if t := &r.Timings[i]; t.Figure == figure && t.Set == set && t.Library == lib {
			return median(t.Values), t
		}
	}
	return math.NaN(), &timing{}
}

func printTables(path string) error {
	var r result
	if err := report.Read(path, &r); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	fmt.Printf("commit %s, %s, %d cores, %s, %d rounds, %d seeds (peers %d), %.0f s\n",
		r.Commit, r.CPU, r.Cores, r.Go, r.Rounds, r.Seeds, r.PeerSeeds, r.WallSeconds)
	fmt.Printf("beside goguardml %s and scikit-learn %s\n\n", r.Peers["goguardml"], r.Peers["scikit-learn"])
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	r.printSpeed(w)
	r.printOwn(w)
	r.printAccuracy(w)
	return w.Flush()
}

func verdict(ok bool) string {
	if ok {
		return "met"
	}
	return "MISSED"
}

func (r *result) printSpeed(w *tabwriter.Writer) {
	fmt.Fprintln(w, "100 trees × 256 rows\tset\tours µs\tgoguardml ×\tbar\tscikit-learn ×\tbar\t")
	for _, l := range []struct {
		figure, lib string
		bars        [2]float64
	}{
		{"fit", "firewatch", [2]float64{5, 25}},
		{"fit", "firewatch, all cores", [2]float64{5, 25}},
		{"score", "firewatch", [2]float64{7, 12}},
		{"one row", "firewatch", [2]float64{5, 1}},
	} {
		for _, set := range []string{"made 3600×12", "made 100000×6", "made 100000×40"} {
			own, _ := r.find(l.figure, set, l.lib)
			fmt.Fprintf(w, "%s, %s\t%s\t%.2f", l.figure, l.lib, set, own*1e6)
			for k, peer := range []string{"goguardml", "scikit-learn"} {
				other, _ := r.find(l.figure, set, peer)
				fmt.Fprintf(w, "\t%.1f\t≥ %.0f %s", other/own, l.bars[k], verdict(other/own >= l.bars[k]))
			}
			fmt.Fprintln(w, "\t")
		}
	}
	for _, set := range []string{"made 100000×6", "made 100000×40"} {
		_, one := r.find("score", set, "firewatch")
		_, all := r.find("score", set, "firewatch, all cores")
		if len(one.Values) == 0 || len(all.Values) == 0 {
			continue
		}
		gain := slices.Min(one.Values) / slices.Min(all.Values)
		fmt.Fprintf(w, "score, %d threads, best of %d\t%s\t%.2f\t%.2f of ours, 1 thread\t≥ 1.7 %s\t\n", r.Cores,
			len(all.Values), set, slices.Min(all.Values)*1e6, gain, verdict(gain >= 1.7))
	}
}

func (r *result) printOwn(w *tabwriter.Writer) {
	fmt.Fprintln(w, "\nours alone\tset\tµs or KB, median\tbar\tbest\tallocs\t")
	bars := map[string]float64{
		"stream update": 20, "stream score": 1.5, "stream attribution": 8,
		"box score + update 10×256×4": 15, "box score + update 30×1024×12": 60,
		"box score + update 10×256×4, full depth": 15, "box score + update 30×1024×12, full depth": 60,
		"line score": 7, "line insert": 1, "model": 300, "model with boxes": 600,
	}
	for _, t := range r.Timings {
		if t.Library != "firewatch" || t.Figure == "fit" || t.Figure == "score" || t.Figure == "one row" {
			continue
		}
		unit := 1e6
		if t.Unit == "bytes" {
			unit = 1e-3
		}
		v := median(t.Values) * unit
		bar, ok := bars[t.Figure]
		if !ok {
			bar, ok = bars[t.Figure+" "+t.Set]
		}
		text := ""
		if ok {
			text = fmt.Sprintf("≤ %.1f %s", bar, verdict(v <= bar && t.Allocs == 0))
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%s\t%.2f\t%.0f\t\n", t.Figure, t.Set, v, text, slices.Min(t.Values)*unit, t.Allocs)
	}
}

func (r *result) printAccuracy(w *tabwriter.Writer) {
	fmt.Fprintln(w, "\nset\tAUC ours\tscikit-learn, reference\tAUC below by\tallowed\tAP ours\treference\tgoguardml AUC, AP here\tscikit-learn AUC, AP here\tours with boxes\t")
	here := map[string]accuracy{}
	for _, a := range r.Accuracies {
		here[a.Set+a.Library] = a
	}
	var auc, ap, refAUC, refAP []float64
	for _, a := range r.Accuracies {
		ref, ok := r.Reference[a.Set]["sklearn"]
		if a.Library != "firewatch" || !ok {
			continue
		}
		n := min(r.Seeds, len(a.AUC))
		se := math.Hypot(deviation(a.AUC[:n])/math.Sqrt(float64(n)), ref.AUCSD/math.Sqrt(ref.Seeds))
		allowed, below := max(0.025, 2.5*se), ref.AUC-mean(a.AUC[:n])
		g, s, b := here[a.Set+"goguardml"], here[a.Set+"scikit-learn"], here[a.Set+"firewatch, boxes"]
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\t%+.4f\t%.4f %s\t%.4f\t%.4f\t%.4f, %.4f\t%.4f, %.4f\t%.4f, %.4f\t\n", a.Set,
			mean(a.AUC[:n]), ref.AUC, below, allowed, verdict(below <= allowed),
			mean(a.AP[:n]), ref.AP, mean(g.AUC), mean(g.AP), mean(s.AUC), mean(s.AP), mean(b.AUC), mean(b.AP))
		auc, ap = append(auc, mean(a.AUC[:n])), append(ap, mean(a.AP[:n]))
		refAUC, refAP = append(refAUC, ref.AUC), append(refAP, ref.AP)
	}
	dAUC, dAP := mean(auc)-mean(refAUC), mean(ap)-mean(refAP)
	fmt.Fprintf(w, "mean of %d\t%.4f\t%.4f\t%+.4f\t0.0050 %s\t%.4f\t%.4f\tAP %+.4f, bar −0.008 %s\t\t\n", len(auc),
		mean(auc), mean(refAUC), -dAUC, verdict(dAUC >= -0.005), mean(ap), mean(refAP), dAP, verdict(dAP >= -0.008))
	if http := here["http_20kfirewatch"]; len(http.AP) > 0 {
		fmt.Fprintf(w, "http_20k\tAP %.4f over %d seeds\tbar 0.86 %s\t\n", mean(http.AP), len(http.AP), verdict(mean(http.AP) >= 0.86))
	}
}
