package conf

import "strings"

// Fault is one thing wrong in a configuration. Path is the dotted TOML path of
// the value it is about, with array tables indexed ("rule.2.threshold"), so
// that the reader of the file can point at the line. Problem says what is
// wrong, Hint what to write instead ("" = none).
type Fault struct {
	Path    string
	Problem string
	Hint    string
}

// String gives "path: problem; hint".
func (f Fault) String() string {
	s := f.Path + ": " + f.Problem
	if f.Hint != "" {
		s += "; " + f.Hint
	}
	return s
}

// Under returns the faults with prefix put before each path, for a Config
// that is part of a larger one.
func Under(prefix string, faults []Fault) []Fault {
	out := make([]Fault, len(faults))
	for i, f := range faults {
		f.Path = strings.TrimSuffix(prefix+"."+f.Path, ".")
		out[i] = f
	}
	return out
}
