package term

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// Rules for what the terminal shows:
//
//   - One line at the bottom is ours and is rewritten; all else scrolls above it
//     and stays.
//   - Colour only on a terminal, never with NO_COLOR (no-color.org) or TERM=dumb;
//     nothing is said by colour alone.
//   - Text of unknown origin goes through human.Clean: no escape sequence of it
//     reaches the terminal.
//   - Times with zone, numbers with units; nothing is wider than the terminal
//     where it would break a table.

// Style colours text, or leaves it as it is.
type Style bool

// StyleOf says whether w takes colour.
func StyleOf(w io.Writer) Style {
	f, ok := w.(*os.File)
	return Style(ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

func (s Style) paint(code, text string) string {
	if !s {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s Style) bold(t string) string   { return s.paint("1", t) }
func (s Style) dim(t string) string    { return s.paint("2", t) }
func (s Style) red(t string) string    { return s.paint("1;31", t) }
func (s Style) yellow(t string) string { return s.paint("33", t) }
func (s Style) green(t string) string  { return s.paint("32", t) }

// Screen owns a terminal: lines scroll, the last line is rewritten.
type Screen struct {
	mu    sync.Mutex
	out   io.Writer
	style Style
	width func() int
	line  string // at the bottom now
	ended bool
}

// NewScreen makes a screen on a terminal.
func NewScreen(f *os.File) *Screen {
	width := func() int {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			return w
		}
		return 80
	}
	return &Screen{out: f, style: StyleOf(f), width: width}
}

// Print scrolls text (one or more lines) above the line at the bottom.
func (s *Screen) Print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line != "" {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
	fmt.Fprintln(s.out, strings.TrimRight(text, "\n"))
	if !s.ended {
		fmt.Fprint(s.out, s.line)
	}
}

// Bottom rewrites the line at the bottom, cut to the terminal's width.
func (s *Screen) Bottom(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.line = fit(text, s.width()-1)
	fmt.Fprint(s.out, "\r\x1b[K"+s.line)
}

// End clears the line and prints the last words.
func (s *Screen) End(text string) {
	s.mu.Lock()
	s.ended = true
	if s.line != "" {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
	s.line = ""
	s.mu.Unlock()
	s.Print(text)
}

// Style is that of this screen.
func (s *Screen) Style() Style { return s.style }

// fit cuts text to width runes.
func fit(text string, width int) string {
	r := []rune(text)
	if len(r) <= width {
		return text
	}
	return string(r[:max(0, width-1)]) + "…"
}
