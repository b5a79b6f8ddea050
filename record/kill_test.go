package record

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
)

const childEnv = "FIREWATCH_RECORD_CHILD"

// TestChildThatIsKilled records for its parent, TestRealKills, until that kills
// it; by itself it does nothing.
func TestChildThatIsKilled(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		return
	}
	h := Open(openRoot(t, dir), Config{}, silent())
	go h.Run(t.Context())
	host := newHost(21, 30)
	from, _ := strconv.Atoi(os.Getenv(childEnv + "_FROM"))
	host.frames(from)
	for i := from; i < from+killFrames; i++ {
		h.Record(host.next())
		for h.Stats().Recorded < uint64(i-from+1) {
			runtime.Gosched()
		}
		fmt.Println("recorded", i+1)
	}
	select {}
}

const killFrames = 3000 // that a child records at most; it is to be killed within 900

// A real SIGKILL in the middle of writing costs at most a minute, and nothing
// of what was on disk. bench/record does this 5 000 times.
func TestRealKills(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	all := newHost(21, 30).frames(8 * killFrames)
	rng := rand.New(rand.NewPCG(21, 21))
	from := 0
	for range 8 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildThatIsKilled$")
		cmd.Env = append(os.Environ(), childEnv+"="+dir, childEnv+"_FROM="+strconv.Itoa(from))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop, recorded, killed := from+1+rng.IntN(900), from, false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			n, err := strconv.Atoi(lines.Text()[min(len("recorded "), len(lines.Text())):])
			if err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			if recorded = n; n >= stop && !killed {
				killed = true
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
		if !killed {
			t.Fatal("the child ended by itself")
		}
		a := OpenArchive(openRoot(t, dir), silent())
		got := replayed(t, a, all[from].Time)
		if lost := recorded - from - len(got); lost > 60 {
			t.Fatalf("killed at frame %d: %d are lost", recorded, lost)
		}
		same(t, got, all[from:from+len(got)])
		if d := a.Damage(); len(d) > 0 {
			t.Fatal(d)
		}
		from = recorded + 1 // that frame may be on disk although the child had no time to say so
	}
}
