package conf

import "testing"

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Size{"0": 0, "17": 17, "64KiB": 64 << 10, "256 MiB": 256 << 20, "2GiB": 2 << 30, "1048576GiB": 1 << 50} {
		var s, again Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q: got %d, %v; want %d", text, s, err, want)
		}
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%q prints as %q, which reads as %d, %v", text, s, again, err)
		}
	}
	for _, text := range []string{"", "MiB", "1MB", "-1", "1.5GiB", "2048PiB", "1048577GiB", "9999999999999999999"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %d", text, s)
		}
	}
}
