package conf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Secret is a string that never prints: fmt, log/slog, JSON and TOML all show
// "***" (or "" where it is empty). Reveal is the only way to its value. It holds
// a pointer, since fmt calls no method of a field that is not exported: there
// it shows an address.
type Secret struct{ v *string }

// NewSecret wraps v.
func NewSecret(v string) Secret { return Secret{&v} }

// Reveal returns the value itself, for the one place that sends it.
func (s Secret) Reveal() string {
	if s.v == nil {
		return ""
	}
	return *s.v
}

// IsZero reports whether no secret is set.
func (s Secret) IsZero() bool { return s.v == nil || *s.v == "" }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s.IsZero() {
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
	s.v = &v
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

// FileOr returns s, or what the file holds where s is not set and path is.
func FileOr(s Secret, path string) (Secret, error) {
	if !s.IsZero() || path == "" {
		return s, nil
	}
	v, err := ReadSecretFile(path)
	return NewSecret(v), err
}
