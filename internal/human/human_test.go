package human_test

import (
	"math"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/internal/human"
)

func TestValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v          float64
		unit, want string
	}{
		{83, "Percent", "83 %"}, {99.84, "Percent", "99.8 %"}, {0.034, "Percent", "0.03 %"}, {1.5 * (1 << 30), "Bytes", "1.5 GiB"},
		{120 * 1024, "Bytes/Second", "120 KiB/s"}, {41.25, "Milliseconds", "41.2 ms"}, {15000, "Seconds", "4 h 10 min"},
		{9.4, "Count/Second", "9.4/s"}, {12, "Count", "12"}, {math.NaN(), "Count", "no value"}, {math.Inf(1), "Seconds", "never"},
		{1e300, "Seconds", "over 91250 d"}, {-1e12, "Seconds", "under -91250 d"}, {0, "None", "0"},
	} {
		if got := human.Value(c.v, c.unit); got != c.want {
			t.Errorf("%g %s: %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 ms", 350 * time.Millisecond: "350 ms", 3 * time.Second: "3 s", 133 * time.Second: "2 min 13 s", time.Hour: "1 h",
		25 * time.Hour: "1 d 1 h", 59500 * time.Millisecond: "59.5 s", 59970 * time.Millisecond: "1 min",
		time.Second - 1: "1 s", -90 * time.Second: "-1 min 30 s", math.MinInt64: "-106751 d 23 h", time.Minute: "1 min",
	} {
		if got := human.Duration(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	if got := human.Clean("a\x1b[31mb\u202ec\nd\x00", 80); got != "a[31mbc d" {
		t.Errorf("%q", got)
	}
	if got := human.Clean("abcdef", 3); got != "abc…" {
		t.Errorf("%q", got)
	}
}

func TestAgainst(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for _, c := range []struct {
		low, high, limit float64
		want             string
	}{{nan, nan, nan, "97 %"}, {1, 2, nan, "97 % (usually 1 % to 2 %)"}, {nan, 2, 95, "97 % (limit 95 %)"}, {1, 2, 95, "97 % (usually 1 % to 2 %, limit 95 %)"}} {
		if got := human.Against(97, "Percent", c.low, c.high, c.limit); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
