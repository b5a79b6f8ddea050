package collect

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Temp reads temperatures every 10 s, aside from the tick: a sensor behind a
// slow bus may take its time. Sources are hwmon (CPUs, boards, NVMe; drivetemp
// for ATA) and, where there is none, the thermal zones of ARM boards
// (Documentation/hwmon/sysfs-interface.rst, driver-api/thermal). Readable by all.
type Temp struct {
	host Host
	slow aside
	file fileReader // of the one turn that runs
}

// NewTemp makes the collector.
func NewTemp(h Host) *Temp {
	c := &Temp{host: h}
	c.slow.direct = !h.local
	return c
}

// Name implements Collector.
func (c *Temp) Name() string { return "temp" }

// Metrics implements Collector.
func (c *Temp) Metrics() []Metric {
	return []Metric{
		{"temp_celsius", "None", "cpu", "temperature in degrees Celsius", -100, 300},
		amount("temp_critical_percent", percent, "cpu", "temperature as a share of the sensor's own critical one, where it names it"),
	}
}

// Collect implements Collector.
func (c *Temp) Collect(ctx context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	return c.slow.get(ctx, now, dst, func(ctx context.Context) ([]Sample, error) { return c.pass(ctx) })
}

func (c *Temp) pass(ctx context.Context) ([]Sample, error) {
	var out []Sample
	seen := map[string]bool{}
	base := c.host.sys("class/hwmon")
	chips, err := folder(base, "hwmon", maxParts)
	for _, chip := range chips {
		dir := base + "/" + chip
		name := c.file.word(dir + "/name")
		if name == "" {
			name = chip
		}
		files, errFiles := folder(dir, "temp", maxParts)
		err = errors.Join(err, errFiles)
		for _, f := range files {
			sensor, ok := strings.CutSuffix(f, "_input")
			if !ok || len(out) >= maxParts || ctx.Err() != nil {
				continue
			}
			label := c.file.word(dir + "/" + sensor + "_label")
			if label == "" {
				label = sensor
			}
			target := name + "/" + label
			if seen[target] { // two chips of one kind
				target = name + "/" + chip + "/" + label
			}
			seen[target] = true
			out = c.sensor(dir+"/"+f, dir+"/"+sensor+"_crit", target, out)
		}
	}
	if len(out) == 0 {
		base = c.host.sys("class/thermal")
		zones, errZones := folder(base, "thermal_zone", maxParts)
		err = errors.Join(err, errZones)
		for _, zone := range zones {
			if kind := c.file.word(base + "/" + zone + "/type"); kind != "" {
				out = c.sensor(base+"/"+zone+"/temp", "", zone+"/"+kind, out)
			}
		}
	}
	if err = errors.Join(err, ctx.Err()); len(out) == 0 && err == nil {
		return nil, &SkippedError{"no sensor: usual for a virtual machine"}
	}
	return out, err
}

// sensor adds one temperature, in millidegrees in the file.
func (c *Temp) sensor(input, critical, target string, out []Sample) []Sample {
	v, err := strconv.Atoi(c.file.word(input))
	if err != nil || v <= -100_000 || v >= 300_000 {
		return out // a sensor that is not wired reads -128 °C or the like
	}
	dims := []Label{{"sensor", target}}
	out = append(out, Sample{"temp_celsius", target, dims, float64(v) / 1000})
	if critical == "" {
		return out
	}
	if crit, ok := c.file.number(critical); ok && crit >= 30_000 && crit < 300_000 && v > 0 {
		out = append(out, Sample{"temp_critical_percent", target, dims, 100 * float64(v) / float64(crit)})
	}
	return out
}
