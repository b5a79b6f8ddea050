package collect

import (
	"bytes"
	"strings"
)

// optional is a number that may not be there ("max" is none).
type optional struct {
	v  uint64
	ok bool
}

func (r *fileReader) maybe(path string) optional {
	v, ok := r.number(path)
	return optional{v, ok}
}

// number reads a file that holds one number.
func (r *fileReader) number(path string) (uint64, bool) {
	b, err := r.read(path)
	if err != nil {
		return 0, false
	}
	return number(bytes.TrimSpace(b))
}

// text reads a short text, "" where it is not to be had.
func (r *fileReader) text(path string) string {
	b, err := r.read(path)
	if err != nil || len(b) > 4096 {
		return ""
	}
	return string(bytes.TrimSpace(b))
}

// word reads a text of one line that people and CloudWatch can be shown, else "".
func (r *fileReader) word(path string) string {
	s := r.text(path)
	if len(s) > 128 || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
		return ""
	}
	return s
}

// fields reads the named lines "name value" of a file.
func (r *fileReader) fields(path string, names ...string) []optional {
	out := make([]optional, len(names))
	b, err := r.read(path)
	if err != nil {
		return out
	}
	for line := range bytes.Lines(b) {
		name, rest := cutField(bytes.TrimRight(line, "\n"))
		for i, n := range names {
			if n == string(name) {
				value, _ := cutField(rest)
				out[i].v, out[i].ok = number(value)
			}
		}
	}
	return out
}
