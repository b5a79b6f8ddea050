package conf_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

func TestParseDuration(t *testing.T) {
	good := map[string]time.Duration{
		"30s": 30 * time.Second, "1m30s": 90 * time.Second, "500ms": 500 * time.Millisecond, "0s": 0,
		"7d": 7 * 24 * time.Hour, "1d12h": 36 * time.Hour, "2w": 14 * 24 * time.Hour, "1w1d": 8 * 24 * time.Hour,
	}
	for text, want := range good {
		got, err := conf.ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
		back, err := conf.ParseDuration(conf.Duration(got).String())
		if err != nil || back != got {
			t.Errorf("%q prints as %q, which reads as %v, %v", text, conf.Duration(got), back, err)
		}
	}
	for _, text := range []string{"", "10", "-5s", "5x", "d", "1.5d", "99999w", "4095w2562047h", "3651d", "1d-2h"} {
		if got, err := conf.ParseDuration(text); err == nil {
			t.Errorf("%q: read as %v, want an error", text, got)
		}
	}
}

func TestDurationStringRoundTrips(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, time.Second, 90 * time.Second, time.Hour, 90 * time.Minute, time.Hour + time.Second, 14 * 24 * time.Hour, 10 * time.Second, 20 * time.Minute} {
		got, err := conf.ParseDuration(conf.Duration(d).String())
		if err != nil || got != d {
			t.Errorf("%v prints as %q, which reads as %v, %v", d, conf.Duration(d), got, err)
		}
	}
}

func TestSecretNeverPrints(t *testing.T) {
	const canary = "xoxb-canary-4711"
	s := conf.NewSecret(canary)
	holder := struct{ Token, hidden conf.Secret }{s, s}
	b, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{s.String(), fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s, s, s, s), fmt.Sprintf("%+v %#v", holder, holder), string(b)} {
		if contains(text, canary) || contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("printed the secret: %s", text)
		}
	}
	if s.Reveal() != canary {
		t.Error("Reveal lost the value")
	}
}

func contains(s, sub string) bool {
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i:i+len(sub)] == sub {
			return true
		}
	}
	return false
}

func TestSecretReferences(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("FW_TOKEN", "from-env")
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	for _, name := range []string{filepath.Join(dir, "slack"), dir + ".other"} { // and one that is none of its credentials
		if err := os.WriteFile(name, []byte("from-credential\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{"plain": "plain", "${env:FW_TOKEN}": "from-env", "${credential:slack}": "from-credential"} {
		var s conf.Secret
		if err := s.UnmarshalText([]byte(text)); err != nil || s.Reveal() != want {
			t.Errorf("%s: %q, %v; want %q", text, s.Reveal(), err, want)
		}
	}
	for _, text := range []string{"${env:FW_UNSET}", "${credential:../" + filepath.Base(dir) + ".other}", "${credential:none}", "${file:x}"} {
		var s conf.Secret
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"threshold", "metric", "target", "period"}
	for name, want := range map[string]string{"treshold": "threshold", "metrics": "metric", "taregt": "target", "zzz": "", "perod": "period", "": ""} {
		if got := conf.Nearest(name, names); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
