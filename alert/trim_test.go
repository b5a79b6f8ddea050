package alert_test

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// What was closed is kept for 90 days; the newest thousand are kept for longer.
func TestClosedIncidentsAreKeptFor90Days(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		closed := dir + "/incidents/closed/"
		if err := os.MkdirAll(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		path := func(i int) string { return closed + fmt.Sprintf("%032x.json", i) }
		for i := range 1010 {
			days := 70 // of the newest thousand
			if i >= 1000 {
				days = 80 + (i - 1000) + 25*((i-1000)/5) // 80 … 84, 110 … 114
			}
			if err := os.WriteFile(path(i), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			at := time.Now().Add(-time.Duration(days) * 24 * time.Hour)
			if err := os.Chtimes(path(i), at, at); err != nil {
				t.Fatal(err)
			}
		}
		left := func() (n int) {
			files, err := os.ReadDir(closed)
			if err != nil {
				t.Fatal(err)
			}
			return len(files)
		}
		open(t, dir, nil)
		settle()
		if n := left(); n != 1005 {
			t.Errorf("%d closed incidents are left, want the 1005 of the last 90 days", n)
		}
		for i := range 300 { // 12 MiB beyond the newest 700: what is too much goes, however young
			if err := os.Truncate(path(i+700), 40<<10); err != nil {
				t.Fatal(err)
			}
			at := time.Now().Add(-24 * time.Hour * time.Duration(75))
			if err := os.Chtimes(path(i+700), at, at); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour + time.Minute)
		if n := left(); n > 990 || n < 900 {
			t.Errorf("%d closed incidents are left, want those of 10 MiB", n)
		}
		if _, err := os.Stat(path(1005)); err == nil {
			t.Error("one of 110 days ago is still there")
		}
	})
}
