package rows

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// timeForms are the forms of a timestamp, beside Unix seconds.
var timeForms = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04"}

// ParseTime reads a timestamp of a table: Unix seconds, or one of timeForms, in
// UTC where it names no zone.
func ParseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if v, err := strconv.ParseFloat(s, 64); err == nil && v >= 0 && v < 1e11 {
		whole, part := math.Modf(v)
		return time.Unix(int64(whole), int64(part*1e9)).UTC(), nil
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write 2006-01-02T15:04:05Z, 2006-01-02 15:04:05 or Unix seconds", s)
}
