package collect

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Config is [collect].
type Config struct {
	Enable  []string     `toml:"enable"`  // only these collectors; default all
	Disable []string     `toml:"disable"` // not these
	Disk    DiskConfig   `toml:"disk"`
	DiskIO  DiskIOConfig `toml:"diskio"`
	Net     NetConfig    `toml:"net"`
	Cgroup  CgroupConfig `toml:"cgroup"`
}

// Enabled is All without what cfg turns off.
func Enabled(h Host, cfg Config) []Collector {
	return slices.DeleteFunc(All(h, cfg), func(c Collector) bool {
		return len(cfg.Enable) > 0 && !slices.Contains(cfg.Enable, c.Name()) || slices.Contains(cfg.Disable, c.Name())
	})
}

// Names lists the collectors that enable and disable may name.
func Names() []string {
	var out []string
	for _, c := range All(Host{}, Config{}) {
		out = append(out, c.Name())
	}
	return out
}

// Validate reports names of collectors that do not exist and patterns that are
// none.
func (c Config) Validate() []conf.Fault {
	var faults []conf.Fault
	names := Names()
	for _, list := range []struct {
		key    string
		values []string
	}{{"enable", c.Enable}, {"disable", c.Disable}} {
		for i, v := range list.values {
			if slices.Contains(names, v) {
				continue
			}
			f := conf.Fault{Path: list.key + "." + strconv.Itoa(i), Problem: `unknown collector "` + v + `"`, Hint: "one of " + strings.Join(names, ", ")}
			if near := conf.Nearest(v, names); near != "" {
				f.Hint = `did you mean "` + near + `"?`
			}
			faults = append(faults, f)
		}
	}
	for _, list := range []struct {
		key    string
		values []string
	}{{"disk.ignore_mounts", c.Disk.IgnoreMounts}, {"net.ignore", c.Net.Ignore}} {
		for i, v := range list.values {
			if _, err := filepath.Match(v, ""); err != nil {
				faults = append(faults, conf.Fault{Path: list.key + "." + strconv.Itoa(i), Problem: `pattern "` + v + `" is not complete`, Hint: "* stands for any text, ? for one letter, [a-z] for one of them"})
			}
		}
	}
	return faults
}
