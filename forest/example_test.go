package forest_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/firewatch-agent/firewatch/forest"
)

func ExampleTrain() {
	rows := [][]float64{{0.1}, {0.2}, {0.15}, {0.3}, {5.0}, {0.2}, {0.3}}
	f, err := forest.Train(rows, forest.Options{Contamination: 0.1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, row := range rows {
		if f.Predict(row) {
			fmt.Println("row", i, "stands out:", row)
		}
	}
	// Output: row 4 stands out: [5]
}

// usage is an hour of a host's CPU and memory in percent, once a second.
func usage() [][]float64 {
	r := rand.New(rand.NewPCG(1, 2))
	rows := make([][]float64, 3600)
	for i := range rows {
		rows[i] = []float64{30 + 4*r.NormFloat64(), 60 + r.NormFloat64()}
	}
	return rows
}

func ExampleForest_ScoreBatch() {
	rows := usage()
	f, err := forest.Train(rows, forest.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	scores := make([]float64, len(rows))
	if err := f.ScoreBatch(scores, rows); err != nil {
		fmt.Println(err)
		return
	}
	sum := 0.0
	for _, s := range scores {
		sum += s
	}
	fmt.Printf("on average %.1f\n", sum/float64(len(rows)))
	// Output: on average 0.5
}

func ExampleForest_Contributions() {
	f, err := forest.Train(usage(), forest.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	x := []float64{31, 75} // the memory is unusual
	c := f.Contributions(nil, x)
	fmt.Println("memory is to blame:", c[1] > c[0])
	fmt.Println("they make the score:", math.Abs(math.Exp2(c[0]+c[1])/2-f.Score(x)) < 1e-12)
	// Output:
	// memory is to blame: true
	// they make the score: true
}

func ExampleOptions_boxes() {
	plain, err := forest.Train(usage(), forest.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	boxes, err := forest.Train(usage(), forest.Options{Seed: 1, Boxes: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	near, far := []float64{60, 60}, []float64{600, 60}
	fmt.Println("plain: farther is higher:", plain.Score(far) > plain.Score(near))
	fmt.Println("boxes: farther is higher:", boxes.Score(far) > boxes.Score(near))
	// Output:
	// plain: farther is higher: false
	// boxes: farther is higher: true
}

func ExampleStream() {
	s, err := forest.NewStream(forest.StreamOptions{
		Features: 2,
		Window:   1200, // the last 20 minutes
		Options:  forest.Options{Boxes: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	highest, at := 0.0, 0
	rows := usage()
	rows[3000] = []float64{95, 60}
	for i, row := range rows {
		score, err := s.Observe(row)
		if err != nil {
			fmt.Println(err)
			return
		}
		if s.Ready() && score > highest {
			highest, at = score, i
		}
	}
	fmt.Println("the most unusual second:", at)
	// Output: the most unusual second: 3000
}

func ExampleDecodeStream() {
	s, err := forest.NewStream(forest.StreamOptions{Features: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	rows := usage()
	for _, row := range rows[:500] {
		if err := s.Update(row); err != nil {
			fmt.Println(err)
			return
		}
	}
	resumed, err := forest.DecodeStream(s.Encode(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	a, _ := s.Observe(rows[500])
	b, _ := resumed.Observe(rows[500])
	fmt.Println(a == b)
	// Output: true
}

func ExampleLine() {
	l, err := forest.NewLine(forest.LineOptions{Window: 600})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 600 {
		if err := l.Insert(20 + r.NormFloat64()); err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, ms := range []float64{20, 25, 40, 400} {
		fmt.Printf("%3.0f ms: %.2f\n", ms, l.Score(ms))
	}
	// Output:
	// 20 ms: 0.45
	//  25 ms: 0.89
	//  40 ms: 0.93
	// 400 ms: 0.94
}
