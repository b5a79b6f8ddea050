package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/firewatch-agent/firewatch/cmd/agent/term"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
)

func cmdDrill(ctx context.Context, e env, args []string) int {
	var c clientFlags
	fs := newFlags(e, "drill")
	c.add(fs)
	within := fs.Duration("within", testPatience, "`time` that the alert may take to each sink")
	kind, rest := word(args, "")
	if code, ok := parse(e, fs, rest); !ok {
		return code
	}
	if kind == "" {
		fmt.Fprintln(e.err, "firewatch drill: say cpu, memory, disk, probe or sink")
		return exitUsage
	}
	if *within <= 0 || *within > testPatience {
		fmt.Fprintf(e.err, "firewatch drill: --within is more than 0 and at most %s\n", testPatience)
		return exitUsage
	}
	client, _, err := c.client()
	if err != nil {
		return fail(e, "drill", err)
	}
	d, err := runDrill(ctx, client, kind, *within)
	if err != nil {
		return fail(e, "drill", err)
	}
	code := exitDone
	for _, r := range d.Results {
		if !r.OK {
			code = exitWrong
		}
	}
	switch {
	case c.json && printJSON(e.out, d) != exitDone:
		return exitWrong
	case !c.json:
		fmt.Fprintf(e.out, "%s fired after %.1f s\n%s", d.Rule, d.Fired/1000, term.StyleOf(e.out).TestAlert(d.Results))
	}
	if code != exitDone || len(d.Results) == 0 {
		fmt.Fprintln(e.err, "firewatch drill: FAILED: not every sink has the alert")
		return exitWrong
	}
	return code
}

// runDrill makes the fault for as long as the alert needs to reach the sinks,
// a minute at most.
func runDrill(ctx context.Context, client *web.Client, kind string, within time.Duration) (web.Drill, error) {
	ctx, cancel := context.WithTimeout(ctx, drillTime)
	defer cancel()
	ask := web.DrillStep{Within: within}
	var server *slowServer
	if kind == "probe" {
		var err error
		if server, err = newSlowServer(); err != nil {
			return web.Drill{}, err
		}
		defer server.close()
		ask.Address = server.address()
	}
	step := func(ctx context.Context, name string, d *web.Drill) error {
		return client.Post(ctx, "/v1/drill/"+kind+"/"+name, ask, "", d)
	}
	var plan, fired, over web.Drill
	if err := step(ctx, "begin", &plan); err != nil {
		return plan, err
	}
	faulty, mend := context.WithCancel(ctx)
	mended := make(chan error, 1)
	go func() { mended <- fault(faulty, kind, plan, server) }()
	err := step(ctx, "wait", &fired)
	mend()
	if faultErr := <-mended; faultErr != nil {
		err = faultErr
	}
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), drillTime)
	defer stop()
	if endErr := step(end, "end", &over); err == nil {
		err = endErr
	}
	over.Fired = fired.Fired
	return over, err
}

// fault makes trouble until ctx ends. All of it belongs to this process alone,
// so that nothing is left however that ends: the file has no name.
func fault(ctx context.Context, kind string, plan web.Drill, server *slowServer) error {
	switch kind {
	case "probe":
		server.slow(ctx)
	case "cpu":
		for range runtime.NumCPU() {
			go func() {
				for ctx.Err() == nil { // the burning is the point
				}
			}()
		}
	case "memory":
		var hogs [][]byte
		defer func() { runtime.KeepAlive(hogs) }()
		err := grow(ctx, plan, func(n int64) error {
			hog := make([]byte, n)
			hogs = append(hogs, hog)
			for i := 0; i < len(hog) && ctx.Err() == nil; i += os.Getpagesize() {
				hog[i] = 1
			}
			return nil
		})
		if err != nil {
			return err
		}
	case "disk":
		f, err := openNameless(plan.Dir)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		noise := rand.NewChaCha8([32]byte{1}) // does not compress
		if err := grow(ctx, plan, func(n int64) error { return fill(ctx, f, noise, n) }); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// grow takes what the plan says at once. While that is not told (other programs
// may have freed as much meanwhile) it takes an eighth more each second, until
// ctx ends or it has the most that the plan allows. An error of take ends it.
func grow(ctx context.Context, plan web.Drill, take func(n int64) error) error {
	if err := take(plan.Bytes); err != nil {
		return err
	}
	next := time.NewTimer(growAfter)
	defer next.Stop()
	for taken := plan.Bytes; taken < plan.Most; {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		n := min(max(plan.Bytes/8, 1), plan.Most-taken)
		if err := take(n); err != nil {
			return err
		}
		taken += n
		next.Reset(time.Second)
	}
	return nil
}

// openNameless makes a file without a name.
func openNameless(dir string) (*os.File, error) {
	path := filepath.Join(dir, "drill.tmp")
	_ = os.Remove(path) // empty, of a drill that was killed before the next line but one
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take disk space: %w", err)
	}
	if err := os.Remove(path); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("take disk space: %w", err)
	}
	return f, nil
}

// fill writes n bytes, fewer where ctx ends.
func fill(ctx context.Context, w io.Writer, from io.Reader, n int64) error {
	for n > 0 && ctx.Err() == nil {
		wrote, err := io.CopyN(w, from, min(n, 1<<20))
		if err != nil {
			return fmt.Errorf("take disk space: %w", err)
		}
		n -= wrote
	}
	return nil
}
