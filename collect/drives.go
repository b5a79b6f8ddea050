package collect

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Drives reads every 10 s how the storage is: arrays (Documentation/admin-guide/md.rst),
// device mapper, NVMe controllers and their PCIe errors, requests that failed
// on ATA and SCSI disks (libata is below SCSI), and errors that ext4 found.
// All of it is in sysfs and readable by all; SMART would need CAP_SYS_ADMIN.
type Drives struct {
	host  Host
	file  fileReader
	slow  held
	rates *tracker
}

// NewDrives makes the collector.
func NewDrives(h Host) *Drives { return &Drives{host: h, rates: newTracker(slowGap)} }

// Name implements Collector.
func (c *Drives) Name() string { return "drives" }

// Metrics implements Collector.
func (c *Drives) Metrics() []Metric {
	return []Metric{
		{"md_active", "None", "disk", "1 while the RAID array can be used, 0 where it is inactive or broken", 0, 1},
		amount("md_degraded", count, "disk", "drives that the RAID array lacks"),
		share("md_sync_percent", "disk", "how far the RAID array's check, repair or rebuild is; missing while none runs"),
		{"dm_suspended", "None", "disk", "1 while the device mapper volume is suspended: its requests wait", 0, 1},
		{"nvme_live", "None", "disk", "1 while the NVMe controller works, 0 while it resets or is dead", 0, 1},
		amount("nvme_pcie_errors", countRate, "disk", "PCIe errors of the NVMe drive, corrected or not"),
		amount("diskio_errors", countRate, "disk", "requests that failed on the ATA or SCSI disk"),
		{"disk_online", "None", "disk", "1 while the ATA or SCSI disk runs, 0 where the kernel took it offline", 0, 1},
		amount("ext4_errors", countRate, "disk", "errors that ext4 found in the file system"),
	}
}

// Collect implements Collector.
func (c *Drives) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	return c.slow.get(now, dst, func(dst []Sample) ([]Sample, error) {
		from := len(dst)
		devices, err := folder(c.host.sys("block"), "", maxDevices)
		for _, name := range devices {
			dir := c.host.sys("block/" + name)
			dims := []Label{{"name", name}}
			switch {
			case strings.HasPrefix(name, "md"):
				dst = c.array(dir+"/md/", name, dims, dst)
			case strings.HasPrefix(name, "dm-"):
				if v, ok := c.file.number(dir + "/dm/suspended"); ok && v <= 1 {
					dst = append(dst, Sample{"dm_suspended", name, dims, float64(v)})
				}
			case strings.HasPrefix(name, "sd"):
				dst = c.scsi(now, dir+"/device/", name, dims, dst)
			}
		}
		dst, errNVMe := c.nvme(now, dst)
		dst, errExt4 := c.ext4(now, dst)
		c.rates.sweep()
		if err = errors.Join(err, errNVMe, errExt4); err != nil {
			return dst, err
		}
		if len(dst) == from && len(c.rates.prev) == 0 {
			return dst, &SkippedError{"no RAID, device mapper, NVMe, ATA or SCSI drive, and no ext4"}
		}
		return dst, nil
	})
}

// array reads one md device.
func (c *Drives) array(dir, name string, dims []Label, dst []Sample) []Sample {
	switch state := c.file.word(dir + "array_state"); state {
	case "clear", "inactive", "suspended", "readonly", "read-auto", "clean", "active", "write-pending", "active-idle", "broken":
		dst = append(dst, Sample{"md_active", name, dims, flag(state != "clear" && state != "inactive" && state != "broken")})
	}
	if v, ok := c.file.number(dir + "degraded"); ok && v < 10_000 {
		dst = append(dst, Sample{"md_degraded", name, dims, float64(v)})
	}
	// "sectors done / sectors", or "none" and "delayed"
	if b, err := c.file.read(dir + "sync_completed"); err == nil {
		done, all, _ := bytes.Cut(b, []byte("/"))
		d, ok1 := number(bytes.TrimSpace(done))
		n, ok2 := number(bytes.TrimSpace(all))
		if ok1 && ok2 && n > 0 && d <= n {
			dst = append(dst, Sample{"md_sync_percent", name, dims, 100 * float64(d) / float64(n)})
		}
	}
	return dst
}

// scsi reads one disk of the SCSI layer; its counts are hexadecimal.
func (c *Drives) scsi(now time.Time, dir, name string, dims []Label, dst []Sample) []Sample {
	if hex, ok := strings.CutPrefix(c.file.word(dir+"ioerr_cnt"), "0x"); ok {
		if v, err := strconv.ParseUint(hex, 16, 64); err == nil {
			dst = rateOf(c.rates, now, "diskio_errors", name, dims, v, dst)
		}
	}
	switch state := c.file.word(dir + "state"); state {
	case "running", "created", "quiesce", "blocked", "created-blocked", "offline", "transport-offline", "cancel", "deleted":
		dst = append(dst, Sample{"disk_online", name, dims, flag(!strings.Contains(state, "offline") && state != "deleted" && state != "cancel")})
	}
	return dst
}

// nvme reads the controllers.
func (c *Drives) nvme(now time.Time, dst []Sample) ([]Sample, error) {
	base := c.host.sys("class/nvme")
	names, err := folder(base, "nvme", maxDevices)
	for _, name := range names {
		dims := []Label{{"name", name}}
		dir := base + "/" + name + "/"
		switch state := c.file.word(dir + "state"); state {
		case "new", "live", "resetting", "connecting", "deleting", "deleting (no IO)", "dead":
			dst = append(dst, Sample{"nvme_live", name, dims, flag(state == "live" || state == "new")})
		}
		var failed uint64
		found := 0
		for _, kind := range []struct{ file, total string }{{"aer_dev_correctable", "TOTAL_ERR_COR"}, {"aer_dev_nonfatal", "TOTAL_ERR_NONFATAL"}, {"aer_dev_fatal", "TOTAL_ERR_FATAL"}} {
			b, err := c.file.read(dir + "device/" + kind.file)
			if err != nil {
				continue
			}
			_, rest, ok := bytes.Cut(b, []byte(kind.total+" "))
			line, _, _ := bytes.Cut(rest, []byte("\n"))
			if v, isNumber := number(bytes.TrimSpace(line)); ok && isNumber && v < 1<<40 {
				failed += v
				found++
			}
		}
		if found == 3 {
			dst = rateOf(c.rates, now, "nvme_pcie_errors", name, dims, failed, dst)
		}
	}
	return dst, err
}

// ext4 reads the errors that each ext4 file system counts in its superblock.
func (c *Drives) ext4(now time.Time, dst []Sample) ([]Sample, error) {
	base := c.host.sys("fs/ext4")
	names, err := folder(base, "", maxDevices)
	for _, name := range names {
		if v, ok := c.file.number(base + "/" + name + "/errors_count"); ok {
			dst = rateOf(c.rates, now, "ext4_errors", name, []Label{{"device", name}}, v, dst)
		}
	}
	return dst, err
}
