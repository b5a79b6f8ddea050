package cloudwatch

import (
	"slices"
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

// sums are the rates of disk I/O and network that are published as what came in
// the minute, as the CloudWatch agent does. What is no rate of events, as
// net_link_up and net_speed, is published as it is.
var sums = []string{"diskio_reads", "diskio_writes", "diskio_read_bytes", "diskio_write_bytes", "diskio_errors", "net_bytes_recv", "net_bytes_sent", "net_packets_recv",
	"net_packets_sent", "net_err_in", "net_err_out", "net_drop_in", "net_drop_out", "net_link_changes", "net_softnet_dropped", "net_softnet_squeezed"}

func summed(metric string) bool { return slices.Contains(sums, metric) }

// choice says which series are published, by patterns "metric" or
// "metric:target". Without a target a pattern means the host's own series, and all
// series of what is published as a sum (disk I/O, network).
type choice struct {
	include, exclude, fast []string
}

func (c Config) choice() choice {
	return choice{include: c.published(), exclude: c.Exclude, fast: c.HighResolution}
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
		if has && conf.Glob(want, target) || !has && (target == "" || summed(metric) || derived[metric].from != "") {
			return true
		}
	}
	return false
}
