package main

import (
	"bytes"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
	"github.com/firewatch-agent/firewatch/internal/cloudid"
)

// TestPersists drives the decision by seconds: B = a critical fires, g = none,
// s = a suspend or a stuck agent of so long. It acts once for each critical.
func TestPersists(t *testing.T) {
	for name, c := range map[string]struct {
		pattern string
		spans   []int
		want    int
	}{
		"ten minutes are needed":            {"gB", []int{10, 600}, 0},
		"and are enough, once":              {"gB", []int{10, 5000}, 1},
		"a dip starts afresh":               {"BgB", []int{590, 1, 590}, 0},
		"another critical acts again":       {"BgB", []int{700, 1, 700}, 2},
		"a suspend is no illness":           {"BsB", []int{300, 3600, 300}, 0},
		"nor is an agent that does not see": {"BsBsB", []int{590, 6, 590, 6, 590}, 0},
	} {
		u, boot, acts := unhealthy{}, time.Hour, 0
		for i, letter := range c.pattern {
			if letter == 's' {
				boot += time.Duration(c.spans[i]) * time.Second
				continue
			}
			for range c.spans[i] {
				boot += time.Second
				if u.judge(boot, letter == 'B') {
					acts++
				}
			}
		}
		if acts != c.want {
			t.Errorf("%s: acted %d times, want %d", name, acts, c.want)
		}
	}
}

// A rule that fires because its readings are missing says something of the agent.
func TestOnlyWhatWasMeasuredCounts(t *testing.T) {
	nan, five := alert.Number(math.NaN()), alert.Number(5)
	got := measured([]detect.RuleStatus{{Rule: "a", State: "firing", Value: &nan}, {Rule: "b", State: "firing"}, {Rule: "c", State: "clearing", Value: &five}, {Rule: "d", State: "firing", Value: &five}})
	if len(got) != 1 || got[0].Rule != "d" {
		t.Errorf("%+v", got)
	}
}

// TestReplace: a dry run asks nobody; then Auto Scaling is asked once, also after a
// restart within a day; a host that cannot keep when it asked does not ask.
func TestReplace(t *testing.T) {
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
		}
		text, ok := map[string]string{"/latest/api/token": "t", "/latest/meta-data/instance-id": "i-1", "/latest/meta-data/placement/region": "eu-west-1"}[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	fake := awsfake.New()
	t.Cleanup(metadata.Close)
	t.Cleanup(fake.Close)
	for k, v := range map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.URL, "AWS_EC2_METADATA_DISABLED": "false", "ECS_CONTAINER_METADATA_URI_V4": "", "AWS_CA_BUNDLE": "",
		"AWS_ENDPOINT_URL_AUTO_SCALING": fake.URL, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "c4n4ry-secret"} {
		t.Setenv(k, v)
	}
	var log bytes.Buffer
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	a := &agent{log: slog.New(slog.NewTextHandler(&log, nil)), root: root}
	a.cloud = cloudid.New(slog.New(slog.DiscardHandler), func(cloudid.Notice) {})
	fake.AddInstance("i-1")
	calls := func() int { return fake.Calls()["SetInstanceHealth"] }
	if a.replace(t.Context(), true); calls() != 0 {
		t.Error("asked for a host that is no instance")
	}
	go a.cloud.Run(t.Context())
	known := time.NewTicker(time.Millisecond)
	defer known.Stop()
	for range known.C {
		if id, ok := a.cloud.Identity(); ok && id.InstanceID == "i-1" {
			break
		}
	}
	if a.replace(t.Context(), false); calls() != 0 || !strings.Contains(log.String(), "dry run") {
		t.Errorf("a dry run: %d calls; %s", calls(), log.String())
	}
	if a.replace(t.Context(), true); fake.Health("i-1") != "Unhealthy" || calls() != 1 {
		t.Errorf("%q after %d calls: %s", fake.Health("i-1"), calls(), log.String())
	}
	a = &agent{log: a.log, root: root, cloud: a.cloud}
	if a.replace(t.Context(), true); calls() != 1 {
		t.Error("asked twice within a day")
	}
	file := stateFile{func() *os.Root { return root }, "set-instance-health"}
	if err := file.Save([]byte(time.Now().Add(-25 * time.Hour).Format(time.RFC3339))); err != nil {
		t.Fatal(err)
	}
	fake.Fail(func(string) (int, http.Header, string) { return 403, nil, "AccessDenied" })
	if a.replace(t.Context(), true); calls() != 2 || !strings.Contains(log.String(), "403 Forbidden AccessDenied") || strings.Contains(log.String(), "c4n4ry") {
		t.Errorf("%d calls: %s", calls(), log.String())
	}
	if err := root.Remove(file.name); err != nil {
		t.Fatal(err)
	}
	if err := root.Mkdir(file.name, 0o700); err != nil {
		t.Fatal(err)
	}
	if a.replace(t.Context(), true); calls() != 2 {
		t.Error("asked without keeping when")
	}
}
