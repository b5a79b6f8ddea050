package statsd

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Config is [statsd]. Without listen and socket nothing listens.
type Config struct {
	Listen    string `toml:"listen"`     // host:port for UDP, loopback only
	Socket    string `toml:"socket"`     // path of a unix datagram socket
	MaxSeries int    `toml:"max_series"` // names with their tags; default 1000
}

const defaultSeries, mostSeries = 1000, 2000

// Validate reports what is wrong. StatsD has no authentication: an address
// beyond loopback is a fault.
func (c Config) Validate() []conf.Fault {
	var faults []conf.Fault
	if c.Listen != "" {
		host, port, err := net.SplitHostPort(c.Listen)
		addr, addrErr := netip.ParseAddr(host)
		n, portErr := strconv.ParseUint(port, 10, 16)
		if err != nil || host != "localhost" && (addrErr != nil || !addr.IsLoopback()) || portErr != nil || n == 0 {
			faults = append(faults, conf.Fault{Path: "listen", Problem: fmt.Sprintf("listen %q is not a loopback address and a port", c.Listen), Hint: `StatsD has no authentication: write for example "127.0.0.1:8125"`})
		}
	}
	if c.Socket != "" && !filepath.IsAbs(c.Socket) {
		faults = append(faults, conf.Fault{Path: "socket", Problem: fmt.Sprintf("socket %q is not an absolute path", c.Socket), Hint: `write for example "/run/firewatch/statsd.sock"`})
	}
	if c.MaxSeries < 0 || c.MaxSeries > mostSeries {
		faults = append(faults, conf.Fault{Path: "max_series", Problem: fmt.Sprintf("max_series %d is out of range", c.MaxSeries), Hint: "1 to 2000"})
	}
	return faults
}

// Enabled reports whether anything listens.
func (c Config) Enabled() bool { return c.Listen != "" || c.Socket != "" }
