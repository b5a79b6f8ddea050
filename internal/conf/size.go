package conf

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes that reads and prints as text: "64KiB", "256MiB",
// "1GiB", or a plain number of bytes. KB, MB and GB are errors, because
// they mean two things.
type Size int64

// Bytes returns s as a number.
func (s Size) Bytes() int64 { return int64(s) }

var sizeUnits = []struct {
	suffix string
	unit   int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// String prints s in the form UnmarshalText reads, in the largest unit that
// divides it.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.unit == 0 {
			return strconv.FormatInt(int64(s)/u.unit, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Negative sizes and those
// over 1 PiB are errors.
func (s *Size) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	number, unit := text, int64(1)
	for _, u := range sizeUnits {
		if head, ok := strings.CutSuffix(text, u.suffix); ok {
			number, unit = strings.TrimSpace(head), u.unit
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 50)
	if err != nil || int64(n) > 1<<50/unit {
		return fmt.Errorf("%q is not a size: write for example 64KiB, 256MiB or 1GiB", text)
	}
	*s = Size(int64(n) * unit)
	return nil
}
