package detect

import (
	"compress/gzip"
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// recording reads real frames, written by testdata/record.
func recording(t testing.TB, path string) []collect.Frame {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]collect.Frame, 0, len(rows))
	for _, row := range rows[1:] {
		ms, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		frame := collect.Frame{Time: time.UnixMilli(ms).UTC()}
		if n := len(out); n > 0 {
			frame.Elapsed = frame.Time.Sub(out[n-1].Time)
		}
		for i, text := range row[1:] {
			if text == "" {
				continue
			}
			v, err := strconv.ParseFloat(text, 32)
			if err != nil {
				t.Fatal(err)
			}
			metric, target, _ := strings.Cut(rows[0][i+1], "|")
			frame.Samples = append(frame.Samples, collect.Sample{Metric: metric, Target: target, Value: v})
		}
		out = append(out, frame)
	}
	return out
}
