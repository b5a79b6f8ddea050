package collect

import (
	"context"

	"github.com/shirou/gopsutil/v3/host"
)

// Identity describes the host in one line for people, such as
// "debian 12.5, kernel 6.1.0-18-amd64, x86_64"; parts that are not known are
// left out. It is read once at start: the call is too slow for a tick.
func Identity(ctx context.Context) string {
	out := ""
	add := func(s string) {
		if s == "" {
			return
		}
		if out != "" {
			out += ", "
		}
		out += s
	}
	if platform, _, version, err := host.PlatformInformationWithContext(ctx); err == nil && platform != "" {
		if version != "" {
			platform += " " + version
		}
		add(platform)
	}
	if kernel, err := host.KernelVersionWithContext(ctx); err == nil && kernel != "" {
		add("kernel " + kernel)
	}
	if arch, err := host.KernelArch(); err == nil {
		add(arch)
	}
	return out
}
