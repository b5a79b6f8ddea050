package collect

import (
	"os"
	"runtime"
	"strings"
)

// Identity describes the host in one line for people, such as
// "debian 12, kernel 6.1.0-18-amd64, x86_64"; parts that are not known are
// left out. The distribution is that of os-release(5). gopsutil's
// host.PlatformInformation runs lsb_release, a shell script, which costs 40 ms
// of a start.
func Identity() string {
	return identity([]string{"/etc/os-release", "/usr/lib/os-release"}, "/proc/sys/kernel/osrelease")
}

// machines are the names that uname(1) gives architectures.
var machines = map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i686"}

func identity(releases []string, kernel string) string {
	var parts []string
	for _, path := range releases {
		if b, err := os.ReadFile(path); err == nil {
			if name := distribution(string(b)); name != "" {
				parts = append(parts, name)
			}
			break
		}
	}
	if b, err := os.ReadFile(kernel); err == nil {
		if v := strings.TrimSpace(string(b)); v != "" {
			parts = append(parts, "kernel "+v)
		}
	}
	arch := machines[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	return strings.Join(append(parts, arch), ", ")
}

// distribution is ID and VERSION_ID of an os-release file; "" where it has
// neither. Quotes are those of a shell, of which only plain ones occur.
func distribution(text string) string {
	var id, version string
	for line := range strings.Lines(text) {
		k, v, ok := strings.Cut(strings.TrimSpace(line), "=")
		if v = strings.Trim(v, `"'`); !ok || len(v) > 64 {
			continue
		}
		switch k {
		case "ID":
			id = v
		case "VERSION_ID":
			version = v
		}
	}
	return strings.TrimSpace(id + " " + version)
}
