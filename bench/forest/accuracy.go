package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// accuracy is one library on one set: per seed, ROC AUC and average precision.
type accuracy struct {
	Set     string    `json:"set"`
	Library string    `json:"library"`
	AUC     []float64 `json:"roc_auc"`
	AP      []float64 `json:"average_precision"`
}

func measureAccuracy(lib library, sets []set, seeds func(set) int) ([]accuracy, error) {
	var all []accuracy
	for _, s := range sets {
		if err := lib.load(s); err != nil {
			return nil, err
		}
		a := accuracy{Set: s.name, Library: lib.name()}
		for seed := 1; seed <= seeds(s); seed++ {
			scores, err := lib.scores(seed)
			if err != nil {
				return nil, err
			}
			auc, ap := judge(scores, s.labels)
			a.AUC, a.AP = append(a.AUC, auc), append(a.AP, ap)
		}
		progress("accuracy %s on %s: %.4f %.4f", a.Library, s.name, mean(a.AUC), mean(a.AP))
		all = append(all, a)
	}
	return all, nil
}

// judge returns the area under the ROC curve and the average precision
// Σ (R_k − R_(k−1))·P_k over the distinct scores, both as scikit-learn defines
// them: rows of equal score count together.
func judge(scores []float64, labels []bool) (auc, ap float64) {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	positives := 0.0
	for _, l := range labels {
		if l {
			positives++
		}
	}
	negatives := float64(len(labels)) - positives
	var tp, fp float64
	for i := 0; i < len(order); {
		tp0, fp0 := tp, fp
		for s := scores[order[i]]; i < len(order) && scores[order[i]] == s; i++ {
			if labels[order[i]] {
				tp++
			} else {
				fp++
			}
		}
		auc += (fp - fp0) * (tp + tp0) / 2
		ap += (tp - tp0) / positives * tp / (tp + fp)
	}
	return auc / (positives * negatives), ap
}

// reference is a line of reference.tsv.
type reference struct {
	AUC   float64 `json:"roc_auc"`
	AUCSD float64 `json:"auc_sd"`
	AP    float64 `json:"average_precision"`
	APSD  float64 `json:"ap_sd"`
	Seeds float64 `json:"seeds"`
}

// loadReference reads reference.tsv: set → library → figures.
func loadReference(dir string) (map[string]map[string]reference, error) {
	f, err := os.Open(filepath.Join(dir, "reference.tsv"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = '\t'
	lines, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read reference.tsv: %w", err)
	}
	ref := map[string]map[string]reference{}
	for _, l := range lines[1:] {
		var v [5]float64
		for i := range v {
			if v[i], err = strconv.ParseFloat(l[4+i], 64); err != nil {
				return nil, fmt.Errorf("read reference.tsv: %w", err)
			}
		}
		if ref[l[0]] == nil {
			ref[l[0]] = map[string]reference{}
		}
		ref[l[0]][l[1]] = reference{v[0], v[1], v[2], v[3], v[4]}
	}
	return ref, nil
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func deviation(v []float64) float64 {
	m, sum := mean(v), 0.0
	for _, x := range v {
		sum += (x - m) * (x - m)
	}
	return math.Sqrt(sum / float64(max(1, len(v)-1)))
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
