package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// maxFailed bounds the failed units with series of their own.
const maxFailed = 20

// Systemd asks systemd every 10 s, aside from the tick, how many units failed
// and, where some did, which: nothing in a file system says so, since a unit
// that failed has no cgroup. One property over the system bus (D-Bus), which
// any user may read, on one connection that stays open; it needs AF_UNIX.
type Systemd struct {
	socket string
	slow   aside
	mu     sync.Mutex
	conn   *dbus.Conn // of the one turn that runs
}

// NewSystemd makes the collector.
func NewSystemd(h Host) *Systemd {
	c := &Systemd{socket: filepath.Join(h.Root, "run/dbus/system_bus_socket")}
	c.slow.direct = !h.local
	return c
}

// Name implements Collector.
func (c *Systemd) Name() string { return "systemd" }

// Metrics implements Collector.
func (c *Systemd) Metrics() []Metric {
	return []Metric{
		amount("systemd_units_failed", count, "process", "units of systemd that failed"),
		{"systemd_unit_failed", "None", "process", "1 for each of the first 20 units that failed; missing for all others", 0, 1},
	}
}

// Collect implements Collector.
func (c *Systemd) Collect(ctx context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	return c.slow.get(ctx, now, dst, c.ask)
}

func (c *Systemd) ask(ctx context.Context) ([]Sample, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil || !c.conn.Connected() {
		if err := c.connect(); err != nil {
			return nil, err
		}
	}
	out, err := failedUnits(ctx, c.conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1"))
	if err != nil {
		_ = c.conn.Close()
		c.conn = nil
		return nil, fmt.Errorf("ask systemd: %w", err)
	}
	return out, nil
}

func (c *Systemd) connect() error {
	if _, err := os.Stat(c.socket); errors.Is(err, fs.ErrNotExist) {
		return &SkippedError{c.socket + " is absent: no systemd, or none that is visible here"}
	}
	conn, err := dbus.Dial("unix:path=" + c.socket)
	if err != nil {
		return fmt.Errorf("connect to the system bus: %w", err)
	}
	if err := errors.Join(conn.Auth(nil), conn.Hello()); err != nil {
		_ = conn.Close()
		return fmt.Errorf("connect to the system bus: %w", err)
	}
	c.conn = conn
	return nil
}

func failedUnits(ctx context.Context, systemd dbus.BusObject) ([]Sample, error) {
	const manager = "org.freedesktop.systemd1.Manager"
	var value dbus.Variant
	if err := systemd.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, manager, "NFailedUnits").Store(&value); err != nil {
		return nil, err
	}
	n, ok := value.Value().(uint32)
	if !ok {
		return nil, errors.New("NFailedUnits has an unexpected form")
	}
	out := []Sample{{Metric: "systemd_units_failed", Value: float64(n)}}
	if n == 0 {
		return out, nil
	}
	var units []struct {
		Name, Description, Load, Active, Sub, Following string
		Path                                            dbus.ObjectPath
		Job                                             uint32
		JobType                                         string
		JobPath                                         dbus.ObjectPath
	}
	if err := systemd.CallWithContext(ctx, manager+".ListUnitsFiltered", 0, []string{"failed"}).Store(&units); err != nil {
		return out, err
	}
	for i, u := range units {
		if i == maxFailed {
			break
		}
		out = append(out, Sample{"systemd_unit_failed", u.Name, []Label{{"unit", u.Name}}, 1})
	}
	return out, nil
}
