package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the release build: -ldflags "-X main.version=1.2.3".
var version = ""

// versionString is version, or "dev" and the commit that the toolchain
// recorded.
func versionString() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "dev-" + s.Value[:12]
			}
		}
	}
	return "dev"
}

func cmdVersion(_ context.Context, e env, args []string) int {
	fs := newFlags(e, "version")
	asJSON := fs.Bool("json", false, "print one JSON document")
	if code, ok := parse(e, fs, args); !ok {
		return code
	}
	if *asJSON {
		_ = json.NewEncoder(e.out).Encode(map[string]string{
			"version": versionString(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
		return exitDone
	}
	fmt.Fprintf(e.out, "firewatch %s %s/%s %s\n", versionString(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	return exitDone
}
