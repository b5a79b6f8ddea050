package detect

import "slices"

// Dependency says that trouble in one subsystem makes trouble in others.
type Dependency struct {
	Cause   string   // subsystem, as in collect.Metric
	Effects []string // subsystems that suffer from it, directly or through others
	Why     string
}

// Dependencies is the table by which troubles become one incident, and by which
// the one that is named first is chosen. It has no cycles. A subsystem that is
// not in it has to do with itself only.
func Dependencies() []Dependency { return slices.Clone(dependencies) }

var dependencies = []Dependency{
	{"process", []string{"memory", "cpu", "disk", "latency"}, "processes that multiply, leak or do not end take what all others need"},
	{"memory", []string{"disk", "cpu", "latency"}, "reclaim and swapping read and write, and whoever waits for memory answers late"},
	{"disk", []string{"cpu", "latency"}, "whoever waits for a disk answers late, and counts as waiting CPU time"},
	{"cpu", []string{"latency"}, "whoever waits for a CPU answers late"},
	{"network", []string{"latency"}, "what is lost on the way is sent again, or never comes"},
}

// makes is whether trouble in cause makes trouble in effect.
func makes(cause, effect string) bool {
	for _, d := range dependencies {
		if d.Cause == cause {
			return slices.Contains(d.Effects, effect)
		}
	}
	return false
}

// related is whether troubles in two subsystems may be one.
func related(a, b string) bool { return a == b || makes(a, b) || makes(b, a) }
