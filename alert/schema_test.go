package alert_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// published is the schema that consumers are told of.
const published = "../docs/schema/alert-1.json"

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(published)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, v any) error {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(parsed)
}

// TestPublishedSchema: what is sent is valid by the schema in docs, also with
// numbers that JSON does not have, and what is not an alert is not.
func TestPublishedSchema(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for _, phase := range []string{alert.PhaseFiring, "update-12", alert.PhaseResolved, alert.PhaseDigest} {
		a := alerttest.Alert(phase)
		if err := valid(t, s, a); err != nil {
			t.Errorf("%s: %v", phase, err)
		}
		n := alert.Number(math.NaN())
		a.Value, a.Threshold, a.Usual = n, &n, &alert.Range{Low: n, High: n}
		a.Causes[0].Value, a.Causes[0].Share, a.Culprits[0].Value, a.Labels, a.Members = n, n, n, nil, nil
		if err := valid(t, s, a); err != nil {
			t.Errorf("%s without numbers: %v", phase, err)
		}
		for what, spoil := range map[string]func(*alert.Alert){
			"a key of another form": func(a *alert.Alert) { a.Key = "x" }, "a phase without a number": func(a *alert.Alert) { a.Phase = "update" }, "schema 2": func(a *alert.Alert) { a.Schema = 2 },
			"no severity": func(a *alert.Alert) { a.Severity = "" }, "a state that is none": func(a *alert.Alert) { a.State = "on" },
		} {
			b := a
			spoil(&b)
			if valid(t, s, b) == nil {
				t.Errorf("%s is valid", what)
			}
		}
	}
}

// TestSchemaNamesEveryField: a field cannot be added to the alert without a word
// in the schema.
func TestSchemaNamesEveryField(t *testing.T) {
	t.Parallel()
	s := schema(t)
	var walk func(where string, v reflect.Type, s *jsonschema.Schema)
	walk = func(where string, v reflect.Type, s *jsonschema.Schema) {
		if s != nil && s.Ref != nil {
			s = s.Ref
		}
		for v.Kind() == reflect.Pointer || v.Kind() == reflect.Slice {
			if v.Kind() == reflect.Slice {
				s = s.Items2020
			}
			if s != nil && s.Ref != nil {
				s = s.Ref
			}
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct || v == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			f := v.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "-" || name == "" {
				continue
			}
			p := s.Properties[name]
			if p == nil {
				t.Errorf("%s%s is not in %s", where, name, published)
				continue
			}
			walk(where+name+".", f.Type, p)
		}
	}
	walk("", reflect.TypeFor[alert.Alert](), s)
}

// TestSamples: the alerts that the example consumers are tested with are what this
// package writes: read and written again they are the same, bit for bit.
func TestSamples(t *testing.T) {
	t.Parallel()
	s := schema(t)
	files, err := filepath.Glob("../docs/examples/testdata/*.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d samples: %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var a alert.Alert
		if err := json.Unmarshal(b, &a); err != nil {
			t.Errorf("%s: %v", f, err)
		}
		again, err := json.Marshal(a)
		if err != nil || !bytes.Equal(bytes.TrimSpace(b), again) {
			t.Errorf("%s: %v\n%s", f, err, again)
		}
		if err := valid(t, s, a); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}
