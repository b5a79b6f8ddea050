package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// GPU asks nvidia-smi every 10 s, aside from the tick and for at most 5 s, as
// Telegraf does: NVML would cost the static binary. The program needs the
// devices /dev/nvidia*, which systemd's PrivateDevices= hides.
type GPU struct {
	program string // found in PATH
	local   bool
	slow    aside
}

// NewGPU makes the collector.
func NewGPU(h Host) *GPU { return &GPU{program: "nvidia-smi", local: h.local} }

// Name implements Collector.
func (c *GPU) Name() string { return "gpu" }

// gpuColumns are the fields asked for after index and name, in order
// (nvidia-smi --help-query-gpu); MiB is turned into bytes.
var gpuColumns = []struct {
	field, metric string
	scale         float64
}{
	{"utilization.gpu", "nvidia_smi_utilization_gpu", 1},
	{"utilization.memory", "nvidia_smi_utilization_memory", 1},
	{"memory.used", "nvidia_smi_memory_used", 1 << 20},
	{"memory.total", "nvidia_smi_memory_total", 1 << 20},
	{"temperature.gpu", "nvidia_smi_temperature_gpu", 1},
	{"power.draw", "nvidia_smi_power_draw", 1},
	{"ecc.errors.uncorrected.volatile.total", "nvidia_smi_ecc_uncorrected", 1},
}

// Metrics implements Collector.
func (c *GPU) Metrics() []Metric {
	return []Metric{
		share("nvidia_smi_utilization_gpu", "gpu", "share of time that the GPU computed"),
		share("nvidia_smi_utilization_memory", "gpu", "share of time that the GPU's memory was read or written"),
		amount("nvidia_smi_memory_used", bytesUnit, "gpu", "memory of the GPU in use"),
		amount("nvidia_smi_memory_total", bytesUnit, "gpu", "memory of the GPU in all"),
		amount("nvidia_smi_temperature_gpu", "None", "gpu", "temperature of the GPU in degrees Celsius"),
		amount("nvidia_smi_power_draw", "None", "gpu", "power that the GPU draws, in watts"),
		amount("nvidia_smi_ecc_uncorrected", count, "gpu", "memory errors since the driver was loaded that could not be corrected"),
	}
}

// Collect implements Collector.
func (c *GPU) Collect(ctx context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	if !c.local {
		return dst, &SkippedError{"the GPUs of another host"}
	}
	return c.slow.get(ctx, now, dst, c.ask)
}

func (c *GPU) ask(ctx context.Context) ([]Sample, error) {
	path, err := exec.LookPath(c.program)
	if err != nil {
		return nil, &SkippedError{"no " + c.program}
	}
	fields := "index,name"
	for _, g := range gpuColumns {
		fields += "," + g.field
	}
	cmd := exec.CommandContext(ctx, path, "--query-gpu="+fields, "--format=csv,noheader,nounits")
	out := bounded{limit: 64 << 10}
	cmd.Stdout, cmd.WaitDelay = &out, time.Second // a child that keeps the pipe open is not waited for
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("run %s: %w", c.program, err)
	}
	return gpuTable(out.b.Bytes())
}

// gpuTable reads the lines of nvidia-smi; "[N/A]" and "[Not Supported]" are missing.
func gpuTable(b []byte) ([]Sample, error) {
	var out []Sample
	seen := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(line, ",")
		index := strings.TrimSpace(f[0])
		if _, err := strconv.ParseUint(index, 10, 16); err != nil || len(f) != len(gpuColumns)+2 || seen[index] || len(seen) == 64 {
			continue
		}
		seen[index] = true
		dims := []Label{{"index", index}, {"name", strings.TrimSpace(f[1])}}
		for i, g := range gpuColumns {
			if v, ok := decimal([]byte(strings.TrimSpace(f[i+2]))); ok {
				out = append(out, Sample{g.metric, index, dims, v * g.scale})
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("nvidia-smi lists no GPU")
	}
	return out, nil
}

// bounded keeps the first bytes of what is written.
type bounded struct {
	b     bytes.Buffer
	limit int
}

func (w *bounded) Write(p []byte) (int, error) {
	w.b.Write(p[:min(len(p), max(0, w.limit-w.b.Len()))])
	return len(p), nil
}
