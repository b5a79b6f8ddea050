package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/record"
)

// capture records this host for a while, as `run --record` does.
func capture(path string, span time.Duration, command string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	set := collect.NewSet(collect.All(collect.LocalHost(time.Second), collect.Config{}), collect.SetOptions{})
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	w, err := record.NewWriter(file, record.Header{Host: "a-virtual-machine", Kernel: kernel(), Command: command, Interval: time.Second, Metrics: set.Metrics()})
	if err != nil {
		return err
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for n := 0; n < int(span/time.Second) && ctx.Err() == nil; n++ {
		now := <-ticker.C
		if err := w.WriteFrame(set.Collect(ctx, now, boot())); err != nil {
			return err
		}
	}
	return w.Close()
}

func boot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

// kernel is the release, without what a distribution adds, and the
// architecture.
func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	release, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-")
	return release + " " + unix.ByteSliceToString(u.Machine[:])
}
