package conf

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that reads and prints as text ("90s", "1m30s",
// "14d"); d is 24 h and w is 7 d.
type Duration time.Duration

// D returns d as a time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String prints d in the form UnmarshalText reads, whole days as "14d".
func (d Duration) String() string {
	t := time.Duration(d)
	if t >= 24*time.Hour && t%(24*time.Hour) == 0 {
		return strconv.FormatInt(int64(t/(24*time.Hour)), 10) + "d"
	}
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Negative durations and
// those over 10 years are errors.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := ParseDuration(string(b))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

const maxDuration = 10 * 365 * 24 * time.Hour

// ParseDuration reads "90s", "1m30s", "500ms", "7d", "1w" or "1d12h". A number
// without a unit, a negative value and one over 10 years are errors that say
// how to write it.
func ParseDuration(s string) (time.Duration, error) {
	rest := strings.TrimSpace(s)
	var total time.Duration
	for _, u := range []struct {
		suffix string
		unit   time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		head, tail, ok := strings.Cut(rest, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(head, 10, 12)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration: write for example 30s, 5m, 12h or 7d", s)
		}
		total += time.Duration(n) * u.unit
		rest = tail
	}
	if rest != "" || strings.TrimSpace(s) == "" {
		v, err := time.ParseDuration(rest)
		if err != nil || v < 0 || v > maxDuration { // a sum beyond int64 would be negative
			return 0, fmt.Errorf("%q is not a duration: write for example 30s, 5m, 12h or 7d", s)
		}
		total += v
	}
	if total > maxDuration {
		return 0, fmt.Errorf("%q is out of range: a duration is 0s to 3650d", s)
	}
	return total, nil
}
