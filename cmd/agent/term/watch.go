package term

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Watch shows what text gives, anew each second until ctx ends. On a terminal
// it redraws from the top left in place, without clearing first, so that
// nothing flickers over a slow line; it cuts what does not fit and says so.
// Elsewhere it prints each text plainly, an empty line after it.
func Watch(ctx context.Context, out io.Writer, text func() string) {
	f, ok := out.(*os.File)
	onTerminal := ok && term.IsTerminal(int(f.Fd()))
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		if onTerminal {
			height := 24
			if _, h, err := term.GetSize(int(f.Fd())); err == nil && h > 2 {
				height = h
			}
			fmt.Fprint(out, redraw(text(), height))
		} else {
			fmt.Fprintln(out, text())
		}
		select {
		case <-ctx.Done():
			if onTerminal {
				fmt.Fprintln(out)
			}
			return
		case <-every.C:
		}
	}
}

// redraw is what draws text over what stands there: home, each line to its end
// with wrapping off, then clear what is below. The last line of the terminal
// stays free for the cursor.
func redraw(text string, height int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > height-1 {
		cut := len(lines) - (height - 2)
		lines = append(lines[:height-2], fmt.Sprintf("… %d more lines", cut))
	}
	return "\x1b[?7l\x1b[H" + strings.Join(lines, "\x1b[K\r\n") + "\x1b[K\r\n\x1b[J\x1b[?7h"
}
