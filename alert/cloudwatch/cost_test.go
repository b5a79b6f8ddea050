package cloudwatch

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
)

// TestCost: the default is 12 series for one request a minute, and high
// resolution six more.
func TestCost(t *testing.T) {
	var seen []collect.Sample
	for _, name := range DefaultMetrics() {
		if metric, target, _ := strings.Cut(name, ":"); metric != UpMetric && metric != ScoreMetric {
			seen = append(seen, collect.Sample{Metric: metric, Target: target}, collect.Sample{Metric: metric, Target: "other"})
		}
	}
	c := CostOf(Config{}, "h1", nil, seen)
	if c.Series != 12 || c.Calls != 43200 || math.Abs(c.Dollars-(12*0.30+0.432)) > 1e-9 {
		t.Errorf("%+v", c)
	}
	c = CostOf(Config{HighResolution: []string{"cpu_usage_active"}, AggregationDimensions: [][]string{{"InstanceType"}}}, "h1", map[string]string{"InstanceType": "m7g.large", "InstanceId": "i-1"}, seen)
	if c.Series != 24 || c.Calls != 43200*7 {
		t.Errorf("%+v", c)
	}
}

// TestCostNamesWhatIsNothing: a name without a target is the host's own series,
// and a file system has one for each mount: who writes it is told.
func TestCostNamesWhatIsNothing(t *testing.T) {
	seen := []collect.Sample{{Metric: "cpu_usage_active"}, {Metric: "disk_used_percent", Target: "/"}, {Metric: "net_bytes_recv", Target: "eth0"}}
	c := CostOf(Config{Metrics: []string{"cpu_usage_active", "disk_used_percent", "net_bytes_recv", UpMetric}}, "h1", nil, seen)
	if c.Series != 3 || len(c.Nothing) != 1 || !strings.Contains(c.String(), "no series for disk_used_percent (NAME:*") {
		t.Errorf("%s", c)
	}
	if c := CostOf(Config{}, "h1", nil, seen); c.Nothing != nil {
		t.Errorf("of the default: %s", c)
	}
}

// TestDashboardOfTheCloudWatchAgent: its default metrics, each under its name, unit
// and dimensions (docs/cloud.md has the table).
func TestDashboardOfTheCloudWatchAgent(t *testing.T) {
	label := func(name, value string) []collect.Label { return []collect.Label{{Name: name, Value: value}} }
	disk := []collect.Label{{Name: "device", Value: "nvme0n1p1"}, {Name: "fstype", Value: "ext4"}, {Name: "path", Value: "/"}}
	rows := []struct {
		metric, target string
		dims           []collect.Label
		from, unit     string // the agent's own metric and unit, where they differ
		own            string
	}{
		{"cpu_usage_active", "", label("cpu", "cpu-total"), "", "Percent", "Percent"}, {"cpu_usage_idle", "", label("cpu", "cpu-total"), "", "Percent", "Percent"},
		{"cpu_usage_iowait", "", label("cpu", "cpu-total"), "", "Percent", "Percent"}, {"cpu_usage_user", "", label("cpu", "cpu-total"), "", "Percent", "Percent"},
		{"cpu_usage_system", "", label("cpu", "cpu-total"), "", "Percent", "Percent"}, {"mem_used_percent", "", nil, "", "Percent", "Percent"},
		{"swap_used_percent", "", nil, "", "Percent", "Percent"}, {"disk_used_percent", "/", disk, "", "Percent", "Percent"}, {"disk_inodes_free", "/", disk, "", "Count", "Count"},
		{"diskio_io_time", "nvme0n1", label("name", "nvme0n1"), "diskio_util", "Milliseconds", "Percent"}, {"diskio_read_bytes", "nvme0n1", label("name", "nvme0n1"), "", "Bytes", "Bytes/Second"},
		{"diskio_write_bytes", "nvme0n1", label("name", "nvme0n1"), "", "Bytes", "Bytes/Second"}, {"diskio_reads", "nvme0n1", label("name", "nvme0n1"), "", "Count", "Count/Second"},
		{"diskio_writes", "nvme0n1", label("name", "nvme0n1"), "", "Count", "Count/Second"}, {"net_bytes_recv", "eth0", label("interface", "eth0"), "", "Bytes", "Bytes/Second"},
		{"net_bytes_sent", "eth0", label("interface", "eth0"), "", "Bytes", "Bytes/Second"}, {"netstat_tcp_established", "", nil, "", "Count", "Count"}, {"netstat_tcp_time_wait", "", nil, "", "Count", "Count"},
	}
	ids := map[string]string{"InstanceId": "i-1", "ImageId": "ami-1", "InstanceType": "m7g.large", "AutoScalingGroupName": "web"}
	var names []string
	var metrics []collect.Metric
	frame := collect.Frame{Time: minute(5), Elapsed: 1e9}
	for _, r := range rows {
		from := r.from
		if from == "" {
			from = r.metric
		}
		names = append(names, r.metric+":*")
		metrics = append(metrics, collect.Metric{Name: from, Unit: r.own})
		frame.Samples = append(frame.Samples, collect.Sample{Metric: from, Target: r.target, Dims: r.dims, Value: 50})
	}
	p, fake := publisher(t, Config{Metrics: names}, Options{Metrics: metrics, Identity: func() (map[string]string, bool) { return ids, true }})
	p.Record(frame)
	p.Flush(t.Context())
	got := map[string]awsfake.Datum{}
	for _, d := range fake.Data() {
		got[d.Metric] = d
	}
	for _, r := range rows {
		d := got[r.metric]
		want := map[string]string{}
		for k, v := range ids {
			want[k] = v
		}
		for _, l := range r.dims {
			want[l.Name] = l.Value
		}
		same := len(want) == len(d.Dimensions)
		for k, v := range want {
			same = same && d.Dimensions[k] == v
		}
		if d.Namespace != "CWAgent" || d.Unit != r.unit || !same {
			t.Errorf("%s: %+v, want unit %s and dimensions %v", r.metric, d, r.unit, want)
		}
	}
	if io := got["diskio_io_time"]; io.Value != 500 {
		t.Errorf("half a second of I/O is %g ms", io.Value)
	}
}

// TestSums: what is published as the sum of a minute is every rate of disk I/O and
// network, and nothing else: a link that is up is 1, and not 60.
func TestSums(t *testing.T) {
	for _, m := range collect.NewSet(collect.All(collect.Host{}, collect.Config{}), collect.SetOptions{}).Metrics() {
		rate := strings.HasSuffix(m.Unit, "/Second") && m.Name != "net_speed" && (strings.HasPrefix(m.Name, "diskio_") || strings.HasPrefix(m.Name, "net_"))
		if summed(m.Name) != rate {
			t.Errorf("%s in %s: as a sum %v, want %v", m.Name, m.Unit, summed(m.Name), rate)
		}
	}
	p, fake := publisher(t, Config{Metrics: []string{"net_link_up:*"}}, Options{Metrics: []collect.Metric{{Name: "net_link_up", Unit: "None"}}})
	for i := range 60 {
		p.Record(collect.Frame{Time: minute(5).Add(time.Duration(i) * time.Second), Elapsed: time.Second, Samples: []collect.Sample{{Metric: "net_link_up", Target: "eth0", Value: 1}}})
	}
	p.Flush(t.Context())
	if d := fake.Data(); len(d) != 1 || d[0].Single || len(d[0].Values) != 1 || d[0].Values[0] != 1 || d[0].Counts[0] != 60 {
		t.Errorf("%+v", d)
	}
}
