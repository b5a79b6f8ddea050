package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// program is one of those compared: how to start it afresh, and how it is
// scraped, if it is.
type program struct {
	name   string
	binary string
	args   func() ([]string, error)
	scrape func() string // URL of the newest start, "" = it is not scraped
	wrote  func() string // file that has content once there was a sample, "" = scrape tells
}

const (
	nodeExporter = "github.com/prometheus/node_exporter@v1.12.1"
	telegraf     = "github.com/influxdata/telegraf/cmd/telegraf@v1.37.2"
	telegrafTags = "custom,inputs.cpu,inputs.disk,inputs.diskio,inputs.mem,inputs.net,inputs.processes,inputs.system,outputs.file,serializers.influx"
)

// nodeCollectors are those that read what the agent reads.
var nodeCollectors = strings.Fields(`bonding conntrack cpu cpufreq diskstats edac entropy filefd filesystem hwmon loadavg mdadm meminfo netclass netdev
	netstat nvme pressure schedstat sockstat softnet stat thermal_zone timex udp_queues vmstat`)

const telegrafConfig = `[agent]
interval = "1s"
flush_interval = "10s"
[[inputs.cpu]]
percpu = true
totalcpu = true
[[inputs.disk]]
ignore_fs = ["tmpfs", "devtmpfs", "devfs", "iso9660", "overlay", "aufs", "squashfs"]
[[inputs.diskio]]
[[inputs.mem]]
[[inputs.net]]
[[inputs.processes]]
interval = "10s"
[[inputs.system]]
[[outputs.file]]
files = ["%s"]
data_format = "influx"
`

// install builds the agent and, where they are not there yet, the peers.
func install(c config, dir string) ([]program, error) {
	bin, err := filepath.Abs(c.bin)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return nil, err
	}
	build := func(args ...string) error {
		cmd := exec.Command("go", append(args[:1:1], append([]string{"-trimpath", "-ldflags", "-s -w"}, args[1:]...)...)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+bin)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	if err := build("build", "-o", filepath.Join(bin, "firewatch"), "./cmd/agent"); err != nil {
		return nil, err
	}
	for _, p := range [][]string{{"node_exporter", "install", nodeExporter}, {"telegraf", "install", "-tags", telegrafTags, telegraf}} {
		if _, err := os.Stat(filepath.Join(bin, p[0])); err == nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "installing %s …\n", p[len(p)-1])
		if err := build(p[1:]...); err != nil {
			return nil, err
		}
	}
	return []program{agent(bin, dir), node(bin), tele(bin, dir)}, nil
}

func agent(bin, dir string) program {
	state, n := "", 0
	return program{
		name: "firewatch", binary: filepath.Join(bin, "firewatch"),
		args: func() ([]string, error) {
			n++
			state = filepath.Join(dir, fmt.Sprintf("state%d", n))
			return []string{"run", "--state-dir", state, "--socket", filepath.Join(dir, fmt.Sprintf("s%d", n))}, os.Mkdir(state, 0o700)
		},
	}
}

func node(bin string) program {
	url := ""
	return program{
		name: "node_exporter", binary: filepath.Join(bin, "node_exporter"),
		args: func() ([]string, error) {
			addr, err := freePort()
			url = "http://" + addr + "/metrics"
			args := []string{"--web.listen-address=" + addr, "--collector.disable-defaults", "--web.disable-exporter-metrics"}
			for _, name := range nodeCollectors {
				args = append(args, "--collector."+name)
			}
			return args, err
		},
		scrape: func() string { return url },
	}
}

func tele(bin, dir string) program {
	out, n := "", 0
	return program{
		name: "telegraf", binary: filepath.Join(bin, "telegraf"),
		args: func() ([]string, error) {
			n++
			out = filepath.Join(dir, fmt.Sprintf("telegraf%d.out", n))
			conf := filepath.Join(dir, "telegraf.conf")
			return []string{"--config", conf, "--quiet"}, os.WriteFile(conf, fmt.Appendf(nil, telegrafConfig, out), 0o600)
		},
		wrote: func() string { return out },
	}
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
