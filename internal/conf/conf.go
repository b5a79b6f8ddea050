package conf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	s = strings.TrimSuffix(s, "0s")
	if strings.HasSuffix(s, "m") || s == "" {
		if s == "" {
			return "0s"
		}
		if strings.HasSuffix(s, "h0m") {
			return strings.TrimSuffix(s, "0m")
		}
		return s
	}
	return t.String()
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
	if rest != "" || total == 0 && strings.TrimSpace(s) == "" {
		v, err := time.ParseDuration(rest)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration: write for example 30s, 5m, 12h or 7d", s)
		}
		total += v
	}
	if total < 0 || total > maxDuration {
		return 0, fmt.Errorf("%q is out of range: a duration is 0s to 3650d", s)
	}
	return total, nil
}

// Secret is a string that never prints: fmt, log/slog, JSON and TOML all show
// "***" (or "" where it is empty). Reveal is the only way to its value.
type Secret struct{ v string }

// NewSecret wraps v.
func NewSecret(v string) Secret { return Secret{v} }

// Reveal returns the value itself, for the one place that sends it.
func (s Secret) Reveal() string { return s.v }

// IsZero reports whether no secret is set.
func (s Secret) IsZero() bool { return s.v == "" }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s.v == "" {
		return ""
	}
	return "***"
}

// GoString implements fmt.GoStringer, for %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format implements fmt.Formatter, so that no verb reaches the field.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: a literal,
// "${env:NAME}" or "${credential:NAME}" (systemd's LoadCredential, read from
// $CREDENTIALS_DIRECTORY). An unset variable or a missing credential is an
// error that names it and never the value.
func (s *Secret) UnmarshalText(b []byte) error {
	v, err := ResolveSecret(string(b))
	if err != nil {
		return err
	}
	s.v = v
	return nil
}

// ResolveSecret returns the value that text stands for; see
// [Secret.UnmarshalText].
func ResolveSecret(text string) (string, error) {
	inner, ok := strings.CutPrefix(text, "${")
	if !ok || !strings.HasSuffix(inner, "}") {
		return text, nil
	}
	kind, name, _ := strings.Cut(strings.TrimSuffix(inner, "}"), ":")
	switch kind {
	case "env":
		v, ok := os.LookupEnv(name)
		if !ok || v == "" {
			return "", fmt.Errorf("environment variable %s is not set", name)
		}
		return v, nil
	case "credential":
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return "", errors.New("CREDENTIALS_DIRECTORY is not set: systemd sets it for LoadCredential=")
		}
		if name != filepath.Base(name) {
			return "", fmt.Errorf("credential name %q must not contain a path", name)
		}
		return ReadSecretFile(filepath.Join(dir, name))
	}
	return "", fmt.Errorf("unknown reference ${%s:…}: use ${env:NAME} or ${credential:NAME}", kind)
}

// IsReference reports whether text is a ${…} reference rather than an inline
// secret.
func IsReference(text string) bool {
	return strings.HasPrefix(text, "${") && strings.HasSuffix(text, "}")
}

// ReadSecretFile reads a secret from a file of at most 64 KiB, less its
// trailing newline. An empty file is an error.
func ReadSecretFile(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	if !st.Mode().IsRegular() || st.Size() > 64<<10 {
		return "", fmt.Errorf("read secret %s: not a regular file of at most 64 KiB", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	v := strings.TrimRight(string(b), "\r\n")
	if v == "" {
		return "", fmt.Errorf("read secret %s: the file is empty", path)
	}
	return v, nil
}

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
