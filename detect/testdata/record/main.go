// Command record writes the readings of this host, one row a second, in the
// form that the tests of package detect read: gzip of CSV with the header
// time,metric|target,… and an empty field for a missing reading. Only the
// series that the default rules and the anomaly groups look at are kept, and a
// few beside them; of the file systems only / and /dev/shm.
//
//	python3 detect/testdata/record/load.py 2700 & go run ./detect/testdata/record -for 45m -out detect/testdata/host.csv.gz
package main

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
)

func main() {
	span := flag.Duration("for", 45*time.Minute, "how long to record")
	out := flag.String("out", "host.csv.gz", "file to write")
	flag.Parse()
	if err := record(*span, *out); err != nil {
		log.Fatal(err)
	}
}

func record(span time.Duration, out string) error {
	wanted := map[string]bool{}
	for _, m := range strings.Fields("pressure_cpu_some_avg10 pressure_io_some_avg10 pressure_io_full_avg10 pressure_memory_some_avg10 host_saturation system_load1 netstat_tcp_retrans netstat_tcp_established diskio_util processes_forked") {
		wanted[m] = true
	}
	for _, r := range detect.DefaultRules() {
		wanted[r.Metric] = true
	}
	for _, group := range detect.DefaultGroups() {
		for _, m := range group {
			wanted[m] = true
		}
	}
	// Loopback is recorded too: the traffic of the load is there.
	list := collect.All(collect.LocalHost(time.Second), collect.Config{Net: collect.NetConfig{Ignore: []string{"ifb*"}}})
	set := collect.NewSet(list, collect.SetOptions{Interval: time.Second})
	var columns []string
	place := map[string]int{}
	var rows [][]string
	start := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for now := range tick.C {
		f := set.Collect(context.Background(), now, time.Since(start))
		row := []string{strconv.FormatInt(now.UnixMilli(), 10)}
		for _, s := range f.Samples {
			if !wanted[s.Metric] || strings.HasPrefix(s.Target, "cpu") || strings.HasPrefix(s.Metric, "disk_") && s.Target != "/" && s.Target != "/dev/shm" {
				continue
			}
			name := s.Metric + "|" + s.Target
			i, known := place[name]
			if !known {
				i = len(columns) + 1
				place[name] = i
				columns = append(columns, name)
			}
			for len(row) <= i {
				row = append(row, "")
			}
			row[i] = strconv.FormatFloat(s.Value, 'g', -1, 32)
		}
		rows = append(rows, row)
		if len(rows)%300 == 0 || now.Sub(start) >= span {
			if err := write(out, columns, rows); err != nil {
				return err
			}
		}
		if now.Sub(start) >= span {
			return nil
		}
	}
	return nil
}

func write(out string, columns []string, rows [][]string) error {
	f, err := os.Create(out)
	if err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	w := csv.NewWriter(z)
	_ = w.Write(slices.Concat([]string{"time"}, columns))
	for _, row := range rows {
		row = slices.Clone(row)
		for len(row) <= len(columns) {
			row = append(row, "")
		}
		_ = w.Write(row)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return f.Close()
}
