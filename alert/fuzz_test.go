package alert_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// seedIncident is a small incident file: short seeds are minimized quickly.
const seedIncident = `{"schema":1,"id":"0123456789abcdef0123456789abcdef","accepted_at":"2026-01-02T03:04:05Z","worst":"info","updates":1,
"first":{"key":"0123456789abcdef0123456789abcdef.firing","incident":"0123456789abcdef0123456789abcdef","phase":"firing","severity":"info","state":"firing","rule":"r","value":1},
"last":{"key":"0123456789abcdef0123456789abcdef.update-1","incident":"0123456789abcdef0123456789abcdef","phase":"update-1","severity":"info","state":"firing","rule":"r","value":null},
"chains":[["s"]],"sinks":{"s":{"confirmed":"firing","done":"firing","receipt":{"id":"1","memo":"YQ=="}}}}`

// What decodes is safe to act on and keeps its meaning when it is written
// again.
func FuzzDecodeIncident(f *testing.F) {
	f.Add([]byte(seedIncident))
	f.Add([]byte("{}"))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, b []byte) {
		once, err := alert.DecodeIncident(b)
		if err != nil {
			return
		}
		twice, err := alert.DecodeIncident(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("written again it does not read the same: %v", err)
		}
	})
}

// A directory full of damaged incidents is opened and delivers; each file is
// adopted or quarantined, and none is gone.
func TestOpenSurvivesAnyDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(dir+"/incidents/open", 0o700); err != nil {
		t.Fatal(err)
	}
	const files = 500
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range files {
		id := fmt.Sprintf("%032x", i)
		b := []byte(strings.ReplaceAll(seedIncident, "0123456789abcdef0123456789abcdef", id))
		switch at := rng.IntN(len(b)); i % 5 {
		case 0:
			b[at] ^= 1 << rng.IntN(8)
		case 1:
			b = b[:at]
		case 2:
			clear(b[at:])
		case 3:
			b = append(b[:at:at], b[rng.IntN(len(b)):]...)
		}
		if err := os.WriteFile(dir+"/incidents/open/"+id+".json", b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := openHooked(t, dir, (&badDisk{lazy: true}).step, nil, sink)
		adopted, bad := len(r.Incidents()), int(r.Stats().Quarantined)
		if adopted < files/5 || bad < files/5 || adopted+bad != files {
			t.Errorf("%d adopted and %d quarantined of %d", adopted, bad, files)
		}
		r.put(firing("own", alert.Critical))
		settle()
		if !slices.Contains(phases(sink.Taken()), "own:firing") {
			t.Error("the alert of this agent was not delivered")
		}
		if kept, _ := os.ReadDir(dir + "/incidents/quarantine"); len(kept) != bad {
			t.Errorf("%d files in quarantine, want %d", len(kept), bad)
		}
	})
}

func FuzzDecodeIntake(f *testing.F) {
	f.Add([]byte(`{"schema":1,"key":"k","alert":{"rule":"r","severity":"info","state":"firing","summary":"s"}}`))
	f.Fuzz(func(t *testing.T, b []byte) { _ = alert.DecodeIntake(b) })
}
