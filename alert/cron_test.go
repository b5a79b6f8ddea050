package alert

import (
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

func TestCron(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		cron, at string
		want     bool
	}{
		{"* * * * *", "2026-11-25 23:59", true},
		{"30 2 * * *", "2026-11-25 02:30", true},
		{"30 2 * * *", "2026-11-25 02:31", false},
		{"*/15 8-17 * * mon-fri", "2026-11-25 08:45", true},
		{"*/15 8-17 * * mon-fri", "2026-11-28 08:45", false},
		{"5/20 * * * *", "2026-11-25 08:45", true},
		{"0 0 13 * 5", "2026-11-13 00:00", true},  // either kind of day
		{"0 0 13 * 5", "2026-11-20 00:00", true},  // a Friday
		{"0 0 13 * 5", "2026-11-21 00:00", false}, //
		{"0 0 * * 7", "2026-11-22 00:00", true},   // 7 is Sunday
		{"@monthly", "2026-12-01 00:00", true},
		{"0 12 1 JAN,jul *", "2026-07-01 12:00", true},
	} {
		c, err := parseCron(tc.cron)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse("2006-01-02 15:04", tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.matches(at); got != tc.want {
			t.Errorf("%q at %s: %v", tc.cron, tc.at, got)
		}
	}
	for _, bad := range []string{"", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *", "@never", "-1 * * * *", "+1 * * * *"} {
		if _, err := parseCron(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// In Berlin the clock goes from 2:00 to 3:00 on 2026-03-29, and from 3:00 back
// to 2:00 on 2026-10-25.
func TestMaintenanceOverAChangeOfTheClock(t *testing.T) {
	t.Parallel()
	w := windows([]MaintenanceConfig{{Cron: "30 2 * * *", Duration: conf.Duration(time.Hour), Zone: "Europe/Berlin"}})[0]
	for at, want := range map[string]bool{
		"2026-03-28T01:29:59Z": false, "2026-03-28T01:30:00Z": true, "2026-03-28T02:29:59Z": true, "2026-03-28T02:30:00Z": false,
		"2026-03-29T00:59:59Z": false, "2026-03-29T01:00:00Z": true, "2026-03-29T01:59:59Z": true, "2026-03-29T02:00:00Z": false, // 2:30 does not exist: it begins at 3:00
		"2026-10-25T00:30:00Z": true, "2026-10-25T01:30:00Z": true, "2026-10-25T02:29:00Z": true, "2026-10-25T02:31:00Z": false, // 2:30 comes twice
	} {
		tm, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.open(tm); got != want {
			t.Errorf("%s: %v", at, got)
		}
	}
}

func TestWild(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		p, s string
		want bool
	}{
		{"/", "/", true}, {"*", "", true}, {"/var/*", "/var/lib/x", true}, {"/var/*", "/var", false}, {"a*a", "a", false}, {"a*b*c", "aXbXbc", true},
		{"*x*", "axb", true}, {"*x*", "ab", false}, {"[a]", "[a]", true}, {"[a]", "a", false}, {"a**b", "ab", true},
	} {
		if got := wild(tc.p, tc.s); got != tc.want {
			t.Errorf("wild(%q, %q) = %v", tc.p, tc.s, got)
		}
	}
}

func FuzzCron(f *testing.F) {
	for _, s := range []string{"0 3 * * sun", "*/15 8-17 * * mon-fri", "@daily", "1,2,3-5/2 * 1 jan 7", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCron(s)
		if err != nil {
			return
		}
		if c.minute == 0 || c.hour == 0 || c.dom == 0 || c.month == 0 || c.dow == 0 {
			t.Errorf("%q never comes", s)
		}
		c.starts(time.Unix(1774746000, 0))
	})
}
