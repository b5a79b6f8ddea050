package cloudid

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// metadata is a service that answers paths with a token only, as IMDSv2 does.
func metadata(t *testing.T, answers map[string]string, v1Only bool, delay time.Duration) *atomic.Int64 {
	t.Helper()
	var unsigned atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		}
		if r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" {
			if v1Only {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			_, _ = w.Write([]byte("t0ken"))
			return
		}
		if r.Header.Get("X-Aws-Ec2-Metadata-Token") != "t0ken" {
			unsigned.Add(1)
		}
		text, ok := answers[strings.TrimPrefix(r.URL.Path, "/latest/meta-data/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", s.URL)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	t.Setenv("ECS_CONTAINER_METADATA_URI_V4", "")
	return &unsigned
}

var instance = map[string]string{"instance-id": "i-0123", "ami-id": "ami-9", "instance-type": "m7g.large", "placement/region": "eu-west-1",
	"tags/instance/aws:autoscaling:groupName": "web"}

// watch runs a watcher until ok, at most 10 s.
func watch(t *testing.T, ok func(w *Watcher, n *Notice) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got := make(chan Notice, 3)
	w := New(slog.New(slog.DiscardHandler), func(n Notice) { got <- n })
	go w.Run(ctx)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var n *Notice
		select {
		case x := <-got:
			n = &x
		case <-tick.C:
		case <-ctx.Done():
			id, settled := w.Identity()
			t.Fatalf("it does not come: %+v, settled %v", id, settled)
		}
		if ok(w, n) {
			return
		}
	}
}

func TestIdentity(t *testing.T) {
	unsigned := metadata(t, instance, false, 0)
	watch(t, func(w *Watcher, _ *Notice) bool {
		id, settled := w.Identity()
		if settled && id != (Identity{Region: "eu-west-1", InstanceID: "i-0123", ImageID: "ami-9", InstanceType: "m7g.large", Group: "web"}) {
			t.Fatalf("%+v", id)
		}
		return settled
	})
	if n := unsigned.Load(); n > 0 {
		t.Errorf("%d requests without a token", n)
	}
}

// TestVersion1Only: an instance that offers version 1 alone is asked for nothing
// without a token, and counts as none.
func TestVersion1Only(t *testing.T) {
	unsigned := metadata(t, instance, true, 0)
	watch(t, func(w *Watcher, _ *Notice) bool {
		id, settled := w.Identity()
		if settled && id.InstanceID != "" {
			t.Fatalf("%+v was read by version 1", id)
		}
		return settled
	})
	if n := unsigned.Load(); n > 0 {
		t.Errorf("%d requests by version 1", n)
	}
}

// TestSlow: nobody waits for an answer that takes its time.
func TestSlow(t *testing.T) {
	metadata(t, instance, false, time.Minute)
	began := time.Now()
	watch(t, func(w *Watcher, _ *Notice) bool {
		_, settled := w.Identity()
		return !settled
	})
	if took := time.Since(began); took > time.Second {
		t.Errorf("Identity took %s", took)
	}
}

func TestNotices(t *testing.T) {
	for _, c := range []struct {
		path, text string
		want       Kind
	}{
		{"spot/instance-action", `{"action":"terminate","time":"2026-11-25T01:03:47Z"}`, Terminating},
		{"spot/instance-action", `{"action":"stop","time":"2026-11-25T01:03:47Z"}`, Stopping},
		{"spot/instance-action", `{"action":"hibernate","time":"2026-11-25T01:03:47Z"}`, Stopping},
		{"autoscaling/target-lifecycle-state", "Terminated", Terminating},
		{"events/recommendations/rebalance", `{"noticeTime":"2026-11-25T01:03:47Z"}`, Risk},
	} {
		answers := map[string]string{c.path: c.text}
		for k, v := range instance {
			answers[k] = v
		}
		metadata(t, answers, false, 0)
		watch(t, func(_ *Watcher, n *Notice) bool {
			if n != nil && n.Kind != c.want {
				t.Errorf("%s: %+v, want %s", c.text, n, c.want)
			}
			return n != nil
		})
	}
}

func FuzzNotice(f *testing.F) {
	f.Add(`{"action":"terminate"}`)
	f.Add(`{"noticeTime":"x"}`)
	f.Add("InService")
	f.Fuzz(func(t *testing.T, text string) {
		for _, n := range []Notice{readSpot(text), readLifecycle(text), readRebalance(text)} {
			if n.Kind != "" && (n.Kind.rank() == 0 || n.Cause == "") {
				t.Errorf("%q: %+v", text, n)
			}
		}
		if id, ok := readTask(strings.NewReader(text)); ok && id.Task == "" {
			t.Errorf("%q: a task without a name", text)
		}
	})
}
