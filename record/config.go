package record

import (
	"time"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Config is the table [history].
type Config struct {
	Keep   conf.Duration `toml:"keep"`    // 10 s rows; default 14d, 1d to 400d
	Keep1s conf.Duration `toml:"keep_1s"` // frames as they were; default 6h, 10m to 7d
	Size   conf.Size     `toml:"size"`    // of all files together; default 256MiB, 8MiB to 64GiB
}

// Validate returns what is wrong, with paths relative to [history].
func (c Config) Validate() []conf.Fault {
	var faults []conf.Fault
	fault := func(path, hint string) {
		faults = append(faults, conf.Fault{Path: path, Problem: "is out of range", Hint: hint})
	}
	d := c.withDefaults()
	if keep := d.Keep.D(); keep < 24*time.Hour || keep > 400*24*time.Hour {
		fault("keep", "write 1d to 400d")
	}
	if keep := d.Keep1s.D(); keep < 10*time.Minute || keep > 7*24*time.Hour {
		fault("keep_1s", "write 10m to 7d")
	}
	if d.Size < 8<<20 || d.Size > 64<<30 {
		fault("size", "write 8MiB to 64GiB")
	}
	return faults
}

func (c Config) withDefaults() Config {
	if c.Keep == 0 {
		c.Keep = conf.Duration(14 * 24 * time.Hour)
	}
	if c.Keep1s == 0 {
		c.Keep1s = conf.Duration(6 * time.Hour)
	}
	if c.Size == 0 {
		c.Size = 256 << 20
	}
	return c
}
