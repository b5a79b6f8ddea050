package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// hogVariable makes the test binary play a memory hog of so many bytes, for
// the end-to-end tests.
const hogVariable = "FIREWATCH_E2E_HOG"

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(hogVariable)); err == nil {
		playHog(n)
		return
	}
	presentConfig = "/nonexistent/firewatch.toml"
	testscript.Main(m, map[string]func(){"firewatch": main})
}

// playHog holds n bytes of memory for a minute at most.
func playHog(n int) {
	hog := make([]byte, n)
	for i := 0; i < n; i += 4096 {
		hog[i] = 1
	}
	fmt.Println("ready")
	<-time.After(time.Minute)
	runtime.KeepAlive(hog)
}

// TestScripts runs the command line as a user does: one file per topic, one
// comment per scenario.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("STATE_DIRECTORY", e.Getenv("WORK")+"/state")
			e.Setenv("NO_COLOR", "1")
			return nil
		},
	})
}
