package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/cmd/agent/web"
)

// TestDrillGrows: a fault is taken at once, then grows each second while it is
// not told, and never beyond what the plan allows.
func TestDrillGrows(t *testing.T) {
	t.Parallel()
	type step struct {
		at    time.Duration
		bytes int64
	}
	s := time.Second
	full := errors.New("full")
	for name, c := range map[string]struct {
		plan   web.Drill
		told   time.Duration // after so long ctx ends
		failed int           // this call of take fails, from 1
		want   []step
	}{
		"told before it grows": {web.Drill{Bytes: 800, Most: 2000}, 5*s - 1, 0, []step{{0, 800}}},
		"told while it grows":  {web.Drill{Bytes: 800, Most: 2000}, 7*s + 1, 0, []step{{0, 800}, {5 * s, 100}, {6 * s, 100}, {7 * s, 100}}},
		"never told":           {web.Drill{Bytes: 800, Most: 1050}, drillTime, 0, []step{{0, 800}, {5 * s, 100}, {6 * s, 100}, {7 * s, 50}}},
		"no room to grow":      {web.Drill{Bytes: 800, Most: 800}, drillTime, 0, []step{{0, 800}}},
		"of an older agent":    {web.Drill{Bytes: 800}, drillTime, 0, []step{{0, 800}}},
		"smaller than a step":  {web.Drill{Bytes: 4, Most: 6}, drillTime, 0, []step{{0, 4}, {5 * s, 1}, {6 * s, 1}}},
		"fails at once":        {web.Drill{Bytes: 800, Most: 2000}, drillTime, 1, []step{{0, 800}}},
		"fails as it grows":    {web.Drill{Bytes: 800, Most: 2000}, drillTime, 2, []step{{0, 800}, {5 * s, 100}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.told)
				defer cancel()
				start := time.Now()
				var got []step
				err := grow(ctx, c.plan, func(n int64) error {
					if got = append(got, step{time.Since(start), n}); len(got) == c.failed {
						return full
					}
					return nil
				})
				if !slices.Equal(got, c.want) {
					t.Errorf("took %v, want %v", got, c.want)
				}
				if (c.failed > 0) != errors.Is(err, full) {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// TestDrillFills: not a byte more than asked for, and none once it is told.
func TestDrillFills(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	from := strings.NewReader(strings.Repeat("x", 4<<20))
	if err := fill(ctx, &out, from, 2<<20+1); err != nil || out.Len() != 2<<20+1 {
		t.Errorf("wrote %d bytes, error %v", out.Len(), err)
	}
	cancel()
	if err := fill(ctx, &out, from, 1); err != nil || out.Len() != 2<<20+1 {
		t.Errorf("wrote %d bytes after the end, error %v", out.Len(), err)
	}
}
