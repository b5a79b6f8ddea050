package forest

import (
	"math/rand/v2"
	"testing"
)

// madeRows are n rows of d features from a few clusters, with 1 % outliers.
func madeRows(n, d int, seed uint64) [][]float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	rows := make([][]float64, n)
	flat := make([]float64, n*d)
	for i := range rows {
		rows[i] = flat[i*d : (i+1)*d : (i+1)*d]
		c := float64(r.IntN(3))
		spread := 1.0
		if r.IntN(100) == 0 {
			spread = 6
		}
		for j := range rows[i] {
			rows[i][j] = c*float64(j%4) + spread*r.NormFloat64()
		}
	}
	return rows
}

func mustTrain(tb testing.TB, rows [][]float64, o Options) *Forest {
	tb.Helper()
	f, err := Train(rows, o)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func BenchmarkTrain(b *testing.B) {
	rows := madeRows(3600, 12, 1)
	for b.Loop() {
		mustTrain(b, rows, Options{Seed: 1, Workers: 1})
	}
}

func BenchmarkTrainBoxes(b *testing.B) {
	rows := madeRows(3600, 12, 1)
	for b.Loop() {
		mustTrain(b, rows, Options{Seed: 1, Workers: 1, Boxes: true})
	}
}

func BenchmarkScore(b *testing.B) {
	rows := madeRows(3600, 12, 1)
	f := mustTrain(b, rows, Options{Seed: 1})
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f.Score(rows[i%len(rows)])
		i++
	}
	b.ReportMetric(float64(f.Bytes()), "model-bytes")
}

func BenchmarkScoreBatch(b *testing.B) {
	rows := madeRows(3600, 12, 1)
	f := mustTrain(b, rows, Options{Seed: 1, Workers: 1})
	dst := make([]float64, len(rows))
	for b.Loop() {
		f.ScoreBatch(dst, rows)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)*100), "ns/treerow")
}

func BenchmarkScoreBoxes(b *testing.B) {
	for _, c := range []struct {
		name    string
		t, s, d int
	}{{"10x256x4", 10, 256, 4}, {"30x1024x12", 30, 1024, 12}, {"100x256x6", 100, 256, 6}, {"100x256x12", 100, 256, 12}} {
		b.Run(c.name, func(b *testing.B) {
			rows := madeRows(3600, c.d, 1)
			f := mustTrain(b, rows, Options{Seed: 1, Trees: c.t, Sample: c.s, Boxes: true})
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				f.Score(rows[i%len(rows)])
				i++
			}
			b.ReportMetric(float64(f.Bytes()), "model-bytes")
		})
	}
}

func BenchmarkStream(b *testing.B) {
	rows := madeRows(3600, 12, 1)
	s := mustStream(b, StreamOptions{Features: 12, Window: 3600})
	for _, row := range rows {
		s.Update(row)
	}
	dst := make([]float64, 12)
	i := 0
	row := func() []float64 { i++; return rows[i%len(rows)] }
	for name, do := range map[string]func(){
		"update":  func() { s.Update(row()) },
		"score":   func() { s.Score(row()) },
		"contrib": func() { s.Contributions(dst, row()) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				do()
			}
		})
	}
}

func BenchmarkLine(b *testing.B) {
	l, _ := NewLine(LineOptions{})
	r := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		l.Insert(r.NormFloat64())
	}
	b.Run("insert", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l.Insert(r.NormFloat64())
		}
	})
	b.Run("score", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l.Score(r.NormFloat64())
		}
	})
}
