// Package human prints numbers with their units, durations and text of unknown
// origin as a person reads them, in one form everywhere: alerts, terminal, page
// and Slack.
package human

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Value prints v in the given CloudWatch unit: "83 %", "1.4 GiB",
// "120 KiB/s", "41 ms", "4 h 10 min". NaN is "no value".
func Value(v float64, unit string) string {
	switch {
	case math.IsNaN(v):
		return "no value"
	case math.IsInf(v, 0):
		return "never"
	}
	switch unit {
	case "Percent":
		return Number(v) + " %"
	case "Bytes":
		return Bytes(v)
	case "Bytes/Second":
		return Bytes(v) + "/s"
	case "Milliseconds":
		return Number(v) + " ms"
	case "Seconds":
		if math.Abs(v) > maxSeconds {
			return map[bool]string{true: "over ", false: "under -"}[v > 0] + Duration(maxSeconds*time.Second)
		}
		return Duration(time.Duration(v * float64(time.Second)))
	case "Count/Second":
		return Number(v) + "/s"
	}
	return Number(v)
}

// maxSeconds is about 250 years: what a time.Duration holds, less some room.
const maxSeconds = 250 * 365 * 24 * 3600

// Against prints a value beside what is usual and the limit that was set:
// "96.2 % (usually 40 % to 60 %, limit 95 %)". A NaN leaves its part out.
func Against(v float64, unit string, low, high, limit float64) string {
	s := Value(v, unit)
	var parts []string
	if !math.IsNaN(low) && !math.IsNaN(high) {
		parts = append(parts, "usually "+Value(low, unit)+" to "+Value(high, unit))
	}
	if !math.IsNaN(limit) {
		parts = append(parts, "limit "+Value(limit, unit))
	}
	if len(parts) > 0 {
		s += " (" + strings.Join(parts, ", ") + ")"
	}
	return s
}

// Number prints v with three significant digits, and whole numbers whole.
func Number(v float64) string {
	a := math.Abs(v)
	switch {
	case v == math.Trunc(v) && a < 1e6:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case a >= 100 && a < 1e6:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10 && a < 100:
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	case a >= 0.01 && a < 10:
		return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(v, 'f', 2, 64), "0"), ".")
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// Bytes prints v with a binary prefix.
func Bytes(v float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for math.Abs(v) >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return Number(v) + " " + units[i]
}

// Duration prints d in its two greatest units: "2 min 13 s", "4 h 10 min",
// "350 ms".
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-max(d, -math.MaxInt64))
	}
	switch {
	case d < time.Second-time.Microsecond/2:
		return Number(float64(d.Round(time.Microsecond))/1e6) + " ms"
	case d < time.Minute-50*time.Millisecond:
		return Number(math.Round(d.Seconds()*10)/10) + " s"
	}
	d = d.Round(time.Second)
	parts := []struct {
		name string
		unit time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}
	for i, p := range parts {
		if d < p.unit {
			continue
		}
		out := fmt.Sprintf("%d %s", d/p.unit, p.name)
		if i+1 < len(parts) {
			if rest := d % p.unit / parts[i+1].unit; rest > 0 {
				out += fmt.Sprintf(" %d %s", rest, parts[i+1].name)
			}
		}
		return out
	}
	return "0 s"
}

// Clean makes text of unknown origin (a process name, a mount point, a label)
// safe to show on one line: control, escape, zero-width and bidirectional
// characters go, and it is cut to limit runes.
func Clean(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == limit {
			b.WriteRune('…')
			break
		}
		if r == '\n' || r == '\t' {
			r = ' '
		}
		if r == unicode.ReplacementChar || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			continue
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
