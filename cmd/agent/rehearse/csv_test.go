package rehearse

import (
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
)

// TestCSV reads the forms of a timestamp, targets, gaps and missing cells.
func TestCSV(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"rfc3339": "timestamp,cpu_usage_active,disk_used_percent:/\n2026-05-04T08:00:00Z,5,60\n2026-05-04T10:00:05+02:00,,61\n2026-05-04T08:00:15Z,7,NaN\n",
		"unix":    "disk_used_percent:/,cpu_usage_active,Time\n60,5,1777881600\n61,,1777881605\n,7,1777881615.0\n",
		"plain":   "\ufefftime,cpu_usage_active,disk_used_percent:/\n2026-05-04 08:00:00,5,60\n2026-05-04 08:00:05,,61\n2026-05-04 08:00:15,7,\n",
	} {
		in, err := FromCSV(strings.NewReader(text), "f.csv", "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if in.Interval != 5*time.Second || !in.From.Equal(start) || !in.To.Equal(start.Add(15*time.Second)) {
			t.Errorf("%s: interval %s, from %s to %s", name, in.Interval, in.From, in.To)
		}
		frames, err := in.open()
		if err != nil {
			t.Fatal(err)
		}
		var samples []int
		for f, err := range frames {
			if err != nil {
				t.Fatal(err)
			}
			samples = append(samples, len(f.Samples))
		}
		if len(samples) != 3 || samples[0] != 2 || samples[1] != 1 || samples[2] != 1 {
			t.Errorf("%s: samples %v", name, samples)
		}
	}
}

// TestCSVOfOneSeries names what the column value is.
func TestCSVOfOneSeries(t *testing.T) {
	t.Parallel()
	text := "timestamp,value\n" + strings.Repeat("X", 0)
	for i := range 600 {
		text += start.Add(time.Duration(i)*time.Second).Format(time.RFC3339) + ",99\n"
	}
	in, err := FromCSV(strings.NewReader(text), "f.csv", "cpu_usage_active")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Run(t.Context(), in, tried(), config.Metrics(), nil)
	if err != nil || len(got.Fired) != 1 || got.Fired[0].Rule != "busy" || got.Pages != 1 {
		t.Errorf("%v %+v", err, got.Fired)
	}
}

// TestCSVFaults names the line and what to write.
func TestCSVFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                            "first row names the columns",
		"cpu\n1\n":                    "column named time or timestamp",
		"time\n1\n":                   "one for each series",
		"time,value\n1,2\n":           "--metric",
		"time,cpu\n":                  "no rows",
		"time,cpu\nnoon,1\n":          `line 2: "noon" is not a time`,
		"time,cpu\n1,1\n2,x\n":        `line 3: column 2: "x" is not a number`,
		"time,cpu\n5,1\n5,1\n":        "line 3: the time 5 is not after that of the row before",
		"time,cpu\n1,1\n2,1,9\n":      "line 3: record on line 3: wrong number of fields",
		"time,cpu\n1,1\n\"0\"0,1\n":   "line 3",
		"time,cpu\n1,\"1\n2,1\n3,1\n": "line 2",
	} {
		if _, err := FromCSV(strings.NewReader(text), "f.csv", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzCSV: any file is read or refused, and frames are in order.
func FuzzCSV(f *testing.F) {
	f.Add("time,cpu_usage_active,disk_used_percent:/\n2026-05-04 08:00:00,5,60\n2026-05-04 08:00:05,,61\n")
	f.Add("timestamp,value\n1,2\n")
	f.Fuzz(func(t *testing.T, text string) {
		in, err := FromCSV(strings.NewReader(text), "f", "m")
		if err != nil {
			return
		}
		frames, err := in.open()
		if err != nil {
			t.Fatal(err)
		}
		var last time.Time
		for f, err := range frames {
			if err != nil || !last.IsZero() && (!f.Time.After(last) || f.Elapsed <= 0) {
				t.Fatalf("%v: %s after %s", err, f.Time, last)
			}
			last = f.Time
		}
	})
}
