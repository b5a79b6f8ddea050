package firewatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// samples are alerts as firewatch sends them; its own tests hold them to that.
func samples(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../testdata/*.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d samples: %v", len(files), err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = b
	}
	return out
}

// TestParse: what the schema takes, Parse reads, in an envelope and without; what
// the schema refuses for the fields it needs, Parse refuses too.
func TestParse(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../../schema/alert-1.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range samples(t) {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		envelope, _ := json.Marshal(map[string]string{"Type": "Notification", "Message": string(b)})
		for _, body := range [][]byte{b, envelope} {
			if a, err := Parse(body); err != nil || a.Key != a.Incident+"."+a.Phase || a.Host == "" || a.ChangedAt.IsZero() {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
		}
		for field, bad := range map[string]any{"schema": 2, "key": "", "state": "on"} {
			var spoilt map[string]any
			_ = json.Unmarshal(b, &spoilt)
			spoilt[field] = bad
			text, _ := json.Marshal(spoilt)
			v, _ := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if _, err := Parse(text); err == nil || schema.Validate(v) == nil {
				t.Errorf("%s with %s %v is taken", name, field, bad)
			}
		}
	}
}

func TestSeen(t *testing.T) {
	s := &Seen{Limit: 2}
	n := 0
	count := func(Alert) error { n++; return nil }
	_ = s.Once(Alert{Key: "a"}, func(Alert) error { return errors.New("no") })
	for _, k := range []string{"a", "a", "b", "a", "c", "b"} {
		_ = s.Once(Alert{Key: k}, count)
	}
	if n != 3 {
		t.Errorf("handled %d times, want 3: a failure and repeats do not count", n)
	}
	if _ = s.Once(Alert{Key: "a"}, count); n != 4 {
		t.Error("the oldest of more than two keys is still known")
	}
}
