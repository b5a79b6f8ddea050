package alert

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cron is a schedule of five fields, as crontab(5) has them: minute, hour, day
// of the month, month, day of the week. Each is a set of bits.
type cron struct {
	minute, hour, dom, month, dow uint64
	anyDay                        bool // of the two kinds of day at least one is *: then both must match, else either
}

var (
	monthNames = []string{"", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
	dayNames   = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

var cronWords = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

// parseCron reads "minute hour day month weekday" with *, lists, ranges, steps
// and the English names of months and days (7 is Sunday too), or a word such as
// @daily.
func parseCron(s string) (cron, error) {
	if len(s) > 256 {
		return cron{}, fmt.Errorf("cron has %d letters, at most 256", len(s))
	}
	if long, ok := cronWords[strings.ToLower(strings.TrimSpace(s))]; ok {
		s = long
	}
	f := strings.Fields(s)
	if len(f) != 5 {
		return cron{}, fmt.Errorf("cron %q has %d fields, not 5: minute hour day month weekday", s, len(f))
	}
	var c cron
	var err error
	for i, field := range []struct {
		name     string
		low, top int
		names    []string
		into     *uint64
	}{
		{"minute", 0, 59, nil, &c.minute}, {"hour", 0, 23, nil, &c.hour}, {"day", 1, 31, nil, &c.dom},
		{"month", 1, 12, monthNames, &c.month}, {"weekday", 0, 7, dayNames, &c.dow},
	} {
		if *field.into, err = cronField(f[i], field.low, field.top, field.names); err != nil {
			return cron{}, fmt.Errorf("%s of cron: %w", field.name, err)
		}
	}
	if c.dow&(1<<7) != 0 {
		c.dow |= 1
	}
	c.anyDay = strings.HasPrefix(f[2], "*") || strings.HasPrefix(f[4], "*")
	return c, nil
}

func cronField(s string, low, top int, names []string) (uint64, error) {
	var bits uint64
	for part := range strings.SplitSeq(s, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			n, err := strconv.Atoi(stepText)
			if err != nil || n < 1 || n > top {
				return 0, fmt.Errorf("%q is no step from 1 to %d", stepText, top)
			}
			step = n
		}
		from, to := low, top
		if span != "*" {
			a, b, ranged := strings.Cut(span, "-")
			var err error
			if from, err = cronNumber(a, low, top, names); err != nil {
				return 0, err
			}
			switch {
			case ranged:
				if to, err = cronNumber(b, low, top, names); err != nil {
					return 0, err
				}
			case !stepped:
				to = from
			}
			if from > to {
				return 0, fmt.Errorf("the range %q runs backwards", span)
			}
		}
		for n := from; n <= to; n += step {
			bits |= 1 << n
		}
	}
	return bits, nil
}

func cronNumber(s string, low, top int, names []string) (int, error) {
	for i, n := range names {
		if n != "" && strings.EqualFold(n, s) {
			return i, nil
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > top || s[0] == '+' {
		return 0, fmt.Errorf("%q is not from %d to %d", s, low, top)
	}
	return n, nil
}

// matches reports whether the schedule names the minute of t, in t's zone.
func (c cron) matches(t time.Time) bool {
	has := func(bits uint64, n int) bool { return bits&(1<<n) != 0 }
	if !has(c.minute, t.Minute()) || !has(c.hour, t.Hour()) || !has(c.month, int(t.Month())) {
		return false
	}
	dom, dow := has(c.dom, t.Day()), has(c.dow, int(t.Weekday()))
	if c.anyDay {
		return dom && dow
	}
	return dom || dow
}

// starts reports whether the schedule names the minute of t, or one that the
// clock of t's zone skipped just before it: a window that would begin between
// two and three begins at three on the night the clock goes ahead.
func (c cron) starts(t time.Time) bool {
	if c.matches(t) {
		return true
	}
	before := t.Add(-time.Minute)
	_, was := before.Zone()
	_, is := t.Zone()
	for n := range (is - was) / 60 {
		// The wall time as it would have been without the change.
		wall := before.Add(time.Duration(n+1) * time.Minute).In(time.FixedZone("", was))
		if c.matches(wall) {
			return true
		}
	}
	return false
}
