package main

import (
	"context"
	"os"
	"testing"

	"github.com/firewatch-agent/firewatch/alert"
)

// runBox is an outbox on a directory that delivers to sinks until stop is called,
// which a synctest bubble must see before it ends.
func runBox(t *testing.T, dir string, routes []alert.RouteConfig, sinks ...alert.Sink) (box *alert.Outbox, stop func()) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	if box, err = alert.Open(root, alert.Options{Seed: 1}); err != nil {
		t.Fatal(err)
	}
	box.SetSinks(sinks, routes)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { box.Run(ctx); close(done) }()
	return box, func() {
		cancel()
		<-done
		_ = root.Close()
	}
}
