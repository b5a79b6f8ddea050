package term

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRedrawFitsTheTerminal(t *testing.T) {
	t.Parallel()
	for height := 3; height < 40; height++ {
		got := redraw(strings.Repeat("line\n", 30), height)
		if n := strings.Count(got, "\n"); n > height-1 || strings.Contains(got, "more lines") != (height < 31) {
			t.Errorf("height %d: %d lines: %q", height, n, got)
		}
	}
	if got := redraw("one\ntwo\n", 24); got != "\x1b[?7l\x1b[Hone\x1b[K\r\ntwo\x1b[K\r\n\x1b[J\x1b[?7h" {
		t.Errorf("%q", got)
	}
}

func TestWatchIsPlainElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		var b strings.Builder
		Watch(ctx, &b, func() string { return "all right\n" })
		if want := strings.Repeat("all right\n\n", 3); b.String() != want {
			t.Errorf("%q, want %q", b.String(), want)
		}
	})
}

// TestNoFullLine: a line of text leaves the last column free, for a terminal
// that clears to the end of a full line takes its last letter.
func TestNoFullLine(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(foldAt(strings.Repeat("ab ", 200), 0, 5)) {
		if n := len(strings.TrimRight(line, "\n")); n > 79 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
