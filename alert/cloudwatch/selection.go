package cloudwatch

import (
	"strings"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// derived are metrics of the CloudWatch agent that are made of one that the
// agent reads: its value × scale, summed over the minute.
var derived = map[string]struct {
	from  string
	scale float64
	unit  string
}{
	"diskio_io_time": {"diskio_util", 10, "Milliseconds"}, // one percent of a second is 10 ms
}

// summed reports whether a metric is published as a sum over the minute, as the
// CloudWatch agent does with disk I/O and network counters. unit is the metric's,
// "" where it is not known.
func summed(metric, unit string) bool {
	return strings.HasPrefix(metric, "diskio_") && strings.HasSuffix(unit, "/Second") || strings.HasPrefix(metric, "net_")
}

// choice says which series are published, by patterns "metric" or
// "metric:target". Without a target a pattern means the host's own series, and all
// series of what is published as a sum (disk I/O, network).
type choice struct {
	include, exclude, fast []string
	units                  map[string]string
}

func (c *choice) wanted(metric, target string) bool {
	return c.any(c.include, metric, target) && !c.any(c.exclude, metric, target)
}

// high reports whether a series that is wanted is of high resolution.
func (c *choice) high(metric, target string) bool { return c.any(c.fast, metric, target) }

func (c *choice) any(patterns []string, metric, target string) bool {
	for _, p := range patterns {
		name, want, has := strings.Cut(p, ":")
		if !conf.Glob(name, metric) {
			continue
		}
		if has && conf.Glob(want, target) || !has && (target == "" || summed(metric, c.units[metric]) || derived[metric].from != "") {
			return true
		}
	}
	return false
}
