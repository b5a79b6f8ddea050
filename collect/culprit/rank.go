package culprit

import (
	"bytes"
	"cmp"
	"math"
	"slices"
)

// Kind is a kind of trouble, by which processes are ranked.
type Kind int

// The kinds of trouble.
const (
	None     Kind = iota // nothing that a process can be blamed for
	CPU                  // who ran
	Memory               // whose resident memory grew, or is greatest
	IO                   // who read and wrote storage
	Files                // who opened files
	Sockets              // who opened sockets
	Children             // who forked
	Threads              // who has more threads and children than before, or most threads
)

// Process is one that probably caused the trouble.
type Process struct {
	PID       int
	Command   string // name of the program; of an interpreter with its script; no other arguments
	User      string // name, or the number where it has none; "" = unknown
	Unit      string // systemd unit
	Cgroup    string // path in the cgroup tree
	Container string // id, 12 letters
	Pod       string // uid of the Kubernetes pod
	What      string // what Value counts and its unit, for example "cpu_usage Percent"
	Value     float64
}

// Report is an answer to "who did it": the worst process first, at most three.
// Unseen says, for people, what could not be seen and would have mattered; "" is
// the usual case. No process at all is an answer too: nobody stands out.
type Report struct {
	Processes []Process
	Unseen    string
}

const (
	maxNamed   = 3
	alsoFrom   = 0.3 // others are named from this share of the first one's value on
	leastCPU   = 5   // percent of one core
	leastGrown = 16 << 20
	leastIO    = 256 << 10 // bytes a second
	leastFiles = 64
	leastForks = 2 // a second
)

// candidate is a process with its figure.
type candidate struct {
	p     *process
	value float64
}

// Blame ranks the processes by what the newest pass saw. It reads a few small
// files for each of those it names.
func (w *Watch) Blame(k Kind) Report {
	var r Report
	var top []candidate
	what := ""
	switch k {
	case CPU:
		top, what = w.top(w.cpu, leastCPU), "cpu_usage Percent"
	case Memory:
		top, what = w.memory()
	case IO:
		top, what, r.Unseen = w.storage()
	case Files:
		top, what = w.opened(), "open_files Count"
	case Sockets:
		top, what, r.Unseen = w.sockets()
	case Children:
		top, what = w.top(w.forking(), leastForks), "forks (estimated) Count/Second"
	case Threads:
		top, what = w.started()
	}
	for i, c := range top {
		if i == maxNamed || c.value < alsoFrom*top[0].value {
			break
		}
		if p := w.who.of(c.p.pid, w); p.Command != "" { // else it has ended
			p.What, p.Value = what, c.value
			r.Processes = append(r.Processes, p)
		}
	}
	if w.beyond {
		r.Unseen = joinWords(r.Unseen, "processes beyond the first 20000")
	}
	return r
}

func joinWords(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

// top ranks by figure, greatest first, and leaves out what is below least. Of
// equals the older process comes first. Threads of the kernel are no culprits:
// they work for others.
func (w *Watch) top(figure func(p *process) float64, least float64) []candidate {
	var out []candidate
	for _, p := range w.all {
		if p.now.kernel {
			continue
		}
		if v := figure(p); v >= least {
			out = append(out, candidate{p, v})
		}
	}
	slices.SortFunc(out, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.p.now.start, b.p.now.start), cmp.Compare(a.p.pid, b.p.pid))
	})
	return out[:min(len(out), 8)]
}

// perSecond divides a difference by the time that the newest pass covers.
func (w *Watch) perSecond(now, base uint64) float64 {
	if now <= base || w.over <= 0 || w.turn < 2 {
		return 0
	}
	return float64(now-base) / w.over.Seconds()
}

// cpu is the share of one core, in percent, that a process used by itself and
// by children that came and went within the pass.
func (w *Watch) cpu(p *process) float64 {
	if !p.known {
		return 0
	}
	return w.perSecond(p.now.cpu, p.base.cpu) + w.perSecond(p.now.childCPU, p.base.childCPU)
}

// memory ranks by growth over the last five to ten minutes where somebody grew
// by much, else by what is resident. Memory that is shared counts for nobody.
func (w *Watch) memory() ([]candidate, string) {
	grown := w.top(func(p *process) float64 { return float64(p.now.pages*w.page) - float64(p.anchor[0]) }, leastGrown)
	for i := range grown {
		grown[i].value = min(grown[i].value, w.private(grown[i].p))
	}
	largest := w.top(func(p *process) float64 { return float64(p.now.pages * w.page) }, 1)
	for i := range largest {
		largest[i].value = w.private(largest[i].p)
	}
	resort(grown)
	resort(largest)
	if len(grown) > 0 && grown[0].value >= leastGrown && grown[0].value >= 0.1*largest[0].value {
		return grown, "memory_growth Bytes"
	}
	return largest, "memory_rss Bytes"
}

func resort(list []candidate) {
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(b.value, a.value) })
}

// private is the resident memory of a process without what it shares
// (/proc/PID/statm, proc_pid_statm(5)).
func (w *Watch) private(p *process) float64 {
	resident := p.now.pages * w.page
	b, err := w.read(w.path(p.pid, "statm"))
	if err != nil {
		return float64(resident)
	}
	var v [3]uint64
	for i, at := 0, 0; i < len(v); i++ {
		var ok bool
		if v[i], at, ok = field(b, at); !ok {
			return float64(resident)
		}
	}
	if v[2] > v[1] {
		return 0
	}
	return float64((v[1] - v[2]) * w.page)
}

// storage ranks by bytes read and written. Where the I/O of others may not be
// read it falls back to the time that a process spent in the kernel.
func (w *Watch) storage() (top []candidate, what, unseen string) {
	denied := false
	reads, writes := 0.0, 0.0
	top = w.top(func(p *process) float64 {
		denied = denied || p.io.denied
		if fromZero := p.fresh && p.known; !p.io.have || !p.io.haveBase && !fromZero {
			return 0
		}
		return w.perSecond(p.io.read, p.io.baseRead) + w.perSecond(p.io.written, p.io.baseWritten)
	}, leastIO)
	if denied {
		unseen = "disk I/O of other users' processes"
	}
	if denied && len(top) == 0 {
		return w.top(func(p *process) float64 {
			if !p.known {
				return 0
			}
			waits := 0.0 // to wait for a disk is a better sign than to run
			if p.now.state == 'D' || p.base.state == 'D' {
				waits = 10 * leastCPU
			}
			return w.perSecond(p.now.sys, p.base.sys) + waits
		}, leastCPU), "cpu_usage_system Percent", unseen
	}
	if len(top) > 0 {
		reads, writes = w.perSecond(top[0].p.io.read, top[0].p.io.baseRead), w.perSecond(top[0].p.io.written, top[0].p.io.baseWritten)
	}
	if reads > writes {
		return top, "diskio_read_bytes Bytes/Second", unseen
	}
	return top, "diskio_write_bytes Bytes/Second", unseen
}

// opened ranks by open files: by growth since the last full pass where somebody
// opened many, else by their number.
func (w *Watch) opened() []candidate {
	grown := w.top(func(p *process) float64 {
		switch {
		case !p.files.have:
			return 0
		case p.files.haveBase && p.files.read > p.files.baseRead:
			return float64(p.files.read - p.files.baseRead)
		case !p.files.haveBase && p.known && p.fresh:
			return float64(p.files.read)
		}
		return 0
	}, leastFiles)
	most := w.top(func(p *process) float64 { return float64(p.files.read) }, leastFiles)
	// Who grew by much is to blame, unless somebody else holds ten times as many.
	if len(grown) > 0 && grown[0].value >= 0.1*most[0].value {
		for i := range grown {
			grown[i].value = float64(grown[i].p.files.read)
		}
		return grown
	}
	return most
}

// sockets counts, of those with the most open files, how many are sockets. Where
// that may not be read, the open files stand for them.
func (w *Watch) sockets() (top []candidate, what, unseen string) {
	files := w.opened()
	for _, c := range files {
		n, err := w.countSockets(c.p.pid)
		if err != nil {
			unseen = "which open files of other users' processes are sockets"
			continue
		}
		top = append(top, candidate{c.p, float64(n)})
	}
	resort(top)
	top = slices.DeleteFunc(top, func(c candidate) bool { return c.value < leastFiles/2 })
	if unseen != "" && (len(top) == 0 || len(files) > 0 && top[0].p != files[0].p) {
		return files, "open_files Count", unseen
	}
	return top, "open_sockets Count", unseen
}

// forking gives the forks a second that a process made, as far as /proc tells:
// the forks of the host are shared out by the children that are new and by the
// minor faults of those that came and went, of which each makes some hundred.
func (w *Watch) forking() func(p *process) float64 {
	const faultsPerChild = 100
	fresh := map[int32]float64{}
	for _, p := range w.all {
		if p.fresh && p.known {
			fresh[p.now.ppid]++
		}
	}
	weight := func(p *process) float64 {
		if !p.known || p.now.childFaults < p.base.childFaults || w.turn < 2 {
			return fresh[p.pid]
		}
		return fresh[p.pid] + float64(p.now.childFaults-p.base.childFaults)/faultsPerChild
	}
	sum := 0.0
	for _, p := range w.all {
		sum += weight(p)
	}
	forks := w.perSecond(w.forks[1], w.forks[0])
	if w.forks[0] == 0 || sum <= 0 {
		return func(*process) float64 { return 0 }
	}
	return func(p *process) float64 { return math.Round(forks * weight(p) / sum) }
}

// started ranks by the threads that a process has more than at the pass before, and the
// children that are new, where somebody started many; else by the threads it has.
func (w *Watch) started() ([]candidate, string) {
	fresh := map[int32]uint64{}
	for _, p := range w.all {
		if p.fresh && p.known {
			fresh[p.now.ppid]++
		}
	}
	more := w.top(func(p *process) float64 {
		if !p.known {
			return 0
		}
		return w.perSecond(p.now.threads+fresh[p.pid], p.base.threads)
	}, leastForks)
	if len(more) > 0 {
		return more, "threads_started Count/Second"
	}
	return w.top(func(p *process) float64 { return float64(p.now.threads) }, leastFiles), "threads Count"
}

// parseForks finds "processes N" in /proc/stat (proc_stat(5)).
func parseForks(b []byte) uint64 {
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("processes ")); ok {
			v, _, _ := field(rest, 0)
			return v
		}
	}
	return 0
}
