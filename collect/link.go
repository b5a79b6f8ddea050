package collect

import (
	"context"
	"os"
	"strings"
	"time"
)

// Link reads every 10 s whether network links are up, how fast they are, and
// bonds (Documentation/ABI/testing/sysfs-class-net). Only interfaces of real or
// paravirtual hardware and bonds count: a bridge without containers is down by
// right. It reads operstate and not carrier, and the speed once a minute: both
// of those take the kernel's one network lock. Readable by all.
type Link struct {
	host  Host
	file  fileReader
	slow  held
	rates *tracker
	speed map[string]uint64 // Mbit/s
	asked time.Time
}

// NewLink makes the collector.
func NewLink(h Host) *Link {
	return &Link{host: h, rates: newTracker(slowGap), speed: map[string]uint64{}}
}

// Name implements Collector.
func (c *Link) Name() string { return "link" }

// Metrics implements Collector.
func (c *Link) Metrics() []Metric {
	return []Metric{
		{"net_link_up", "None", "network", "1 while the link of an interface that is switched on is up, else 0", 0, 1},
		amount("net_link_changes", countRate, "network", "times that the link went up or down"),
		amount("net_speed", "Megabits/Second", "network", "speed of the link; missing where it has none, as in most virtual machines"),
		amount("net_bond_links_down", count, "network", "links of the bond that are down"),
	}
}

// Collect implements Collector.
func (c *Link) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	return c.slow.get(now, dst, func(dst []Sample) ([]Sample, error) { return c.pass(now, dst) })
}

func (c *Link) pass(now time.Time, dst []Sample) ([]Sample, error) {
	base := c.host.sys("class/net")
	ask := c.asked.IsZero() || now.Sub(c.asked) >= time.Minute || now.Before(c.asked)
	if ask {
		c.asked = now
		clear(c.speed)
	}
	names, err := folder(base, "", 2*maxInterfaces)
	if err != nil {
		return dst, err
	}
	n := 0
	for _, name := range names {
		dir := base + "/" + name
		slaves := c.file.text(dir + "/bonding/slaves")
		if _, err := os.Stat(dir + "/device"); err != nil && slaves == "" || n >= maxDevices {
			continue
		}
		n++
		dims := []Label{{"interface", name}}
		up, on := c.state(dir)
		if !on {
			continue
		}
		dst = append(dst, Sample{"net_link_up", name, dims, flag(up)})
		if v, ok := c.file.number(dir + "/carrier_changes"); ok {
			dst = rateOf(c.rates, now, "net_link_changes", name, dims, v, dst)
		}
		if ask && up { // the file gives an error while the link is down, and -1 where there is no speed
			if v, ok := c.file.number(dir + "/speed"); ok && v > 0 && v < 10_000_000 {
				c.speed[name] = v
			}
		}
		if v := c.speed[name]; v > 0 && up {
			dst = append(dst, Sample{"net_speed", name, dims, float64(v)})
		}
		dst = c.bond(base, name, slaves, dims, dst)
	}
	c.rates.sweep()
	if n == 0 {
		return dst, &SkippedError{"no network device of its own: usual for a container"}
	}
	return dst, nil
}

// state reads whether an interface is switched on (IFF_UP) and its link is up
// (RFC 2863; "unknown" is what drivers without link detection say).
func (c *Link) state(dir string) (up, on bool) {
	hex, ok := strings.CutPrefix(c.file.word(dir+"/flags"), "0x")
	if !ok || hex == "" || !strings.ContainsRune("13579bdf", rune(hex[len(hex)-1])) {
		return false, false
	}
	switch c.file.word(dir + "/operstate") {
	case "up", "unknown":
		return true, true
	case "down", "lowerlayerdown", "dormant":
		return false, true
	}
	return false, false
}

// bond counts the links of a bond that are down.
func (c *Link) bond(base, name, slaves string, dims []Label, dst []Sample) []Sample {
	known, down := 0, 0
	for _, s := range strings.Fields(slaves) {
		switch c.file.word(base + "/" + s + "/bonding_slave/mii_status") {
		case "up", "going up", "going back":
			known++
		case "down", "going down":
			known, down = known+1, down+1
		}
	}
	if known > 0 && known == len(strings.Fields(slaves)) {
		dst = append(dst, Sample{"net_bond_links_down", name, dims, float64(down)})
	}
	return dst
}
