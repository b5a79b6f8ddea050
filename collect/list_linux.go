package collect

// All is the list of collectors, in the order in which they run.
func All(h Host, cfg Config) []Collector {
	return []Collector{
		NewCPU(h), NewLoad(h), NewMem(h), NewPSI(h), NewRunQueue(h), NewDiskIO(h, cfg.DiskIO), NewNet(h, cfg.Net), NewNetstat(h),
		NewLimits(h), NewProcesses(h), NewResolver(h), NewTCPPorts(h), NewSoftnet(h), NewLink(h), NewCgroup(h, cfg.Cgroup), NewDrives(h), NewEDAC(h), NewCPUFreq(h),
		NewTemp(h), NewClock(h), NewKmsg(h), NewSystemd(h), NewGPU(h), NewDisk(h, cfg.Disk),
	}
}
