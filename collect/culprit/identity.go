package culprit

import (
	"bytes"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/firewatch-agent/firewatch/collect"
)

// maxNames bounds the user names that are remembered, maxLinks the open files
// of one process that are looked at.
const maxNames, maxLinks = 1000, 4096

// identities turns pids into what people know. User names are those of the
// host where its root is mounted, else of /etc/passwd or NSS.
type identities struct {
	root  string
	names map[uint32]string
}

func newIdentities(h collect.Host) identities {
	return identities{root: h.Root, names: map[uint32]string{}}
}

// of reads what a process is called and where it belongs; what cannot be read
// stays empty.
func (n *identities) of(pid int32, w *Watch) Process {
	p := Process{PID: int(pid)}
	comm := ""
	if b, err := w.read(w.path(pid, "comm")); err == nil {
		comm = string(bytes.TrimSuffix(b, []byte("\n")))
	}
	p.Command = comm
	if b, err := w.read(w.path(pid, "cmdline")); err == nil && len(b) > 0 {
		p.Command = command(b, comm)
	}
	if b, err := w.read(w.path(pid, "cgroup")); err == nil {
		p.Unit, p.Cgroup, p.Container, p.Pod = parseCgroup(b)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(w.path(pid, ""), &st); err == nil {
		p.User = n.user(st.Uid)
	}
	return p
}

func (n *identities) user(uid uint32) string {
	if name, ok := n.names[uid]; ok {
		return name
	}
	number := strconv.FormatUint(uint64(uid), 10)
	name := number
	if b, err := os.ReadFile(filepath.Join(n.root, "etc/passwd")); err == nil && len(b) < 1<<20 {
		name = passwdName(b, number)
	}
	if n.root == "/" && name == number {
		if u, err := user.LookupId(number); err == nil {
			name = u.Username
		}
	}
	if len(n.names) < maxNames {
		n.names[uid] = name
	}
	return name
}

// passwdName finds the name of a uid in passwd(5), or returns the uid.
func passwdName(b []byte, uid string) string {
	for line := range strings.Lines(string(b)) {
		if f := strings.SplitN(line, ":", 4); len(f) == 4 && f[2] == uid {
			return f[0]
		}
	}
	return uid
}

// interpreters are programs that say little without the name of their script.
var interpreters = []string{"python", "java", "node", "ruby", "perl", "php", "sh", "bash", "dash", "lua", "dotnet", "deno", "bun"}

// command is the name of a program without its arguments, which may hold
// secrets; an interpreter's is followed by the name of its script, jar or
// module.
func command(cmdline []byte, comm string) string {
	args := strings.Split(string(bytes.TrimRight(cmdline, "\x00")), "\x00")
	name := path.Base(args[0])
	if strings.ContainsAny(args[0], " ") || name == "." || name == "/" {
		return comm // setproctitle(3) writes over the arguments
	}
	bare := strings.TrimLeft(strings.TrimRight(name, "0123456789."), "-")
	if !slices.Contains(interpreters, bare) {
		return name
	}
	for i := 1; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-c" || a == "-e" || a == "-r" || a == "--eval":
			return name // the program itself stands there
		case (a == "-jar" || a == "-m") && i+1 < len(args):
			return name + " " + path.Base(args[i+1])
		case strings.HasPrefix(a, "-") || a == "":
		case bare == "java" && !strings.ContainsAny(a, "./"):
			return name
		default:
			return name + " " + path.Base(a)
		}
	}
	return name
}

// parseCgroup reads /proc/PID/cgroup (cgroups(7)): the path of the unified
// hierarchy or, where that is bare, of the longest other one, and what systemd,
// container runtimes and kubelet write into it.
func parseCgroup(b []byte) (unit, cgroup, container, pod string) {
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) == 3 && (f[0] == "0" && f[2] != "/" || len(f[2]) > len(cgroup)) {
			cgroup = f[2]
			if f[0] == "0" && f[2] != "/" {
				break
			}
		}
	}
	for part := range strings.SplitSeq(cgroup, "/") {
		if p := podOf(part); p != "" {
			pod = p
		}
		if c := containerOf(part); c != "" {
			container = c
		}
		if (strings.HasSuffix(part, ".service") || strings.HasSuffix(part, ".scope")) && containerOf(part) == "" && !strings.HasPrefix(part, "user@") {
			unit = part
		}
	}
	if cgroup == "/" {
		cgroup = ""
	}
	return unit, cgroup, container, pod
}

// podOf finds a pod's uid in "kubepods-burstable-pod0a1b_….slice" (kubelet's
// systemd driver) or "pod0a1b-…" (its cgroupfs driver).
func podOf(part string) string {
	part = strings.TrimSuffix(part, ".slice")
	i := strings.LastIndex(part, "pod")
	if i < 0 || i > 0 && part[i-1] != '-' {
		return ""
	}
	uid := strings.ReplaceAll(part[i+3:], "_", "-")
	if len(uid) < 32 || strings.Trim(uid, "0123456789abcdef-") != "" {
		return ""
	}
	return uid
}

// containerOf finds the 64 hex digits of a container's id: "docker-….scope",
// "cri-containerd-….scope", "libpod-….scope" or bare.
func containerOf(part string) string {
	part = strings.TrimSuffix(part, ".scope")
	if i := strings.LastIndexAny(part, "-:"); i >= 0 {
		part = part[i+1:]
	}
	if len(part) != 64 || strings.Trim(part, "0123456789abcdef") != "" {
		return ""
	}
	return part[:12]
}

// countSockets counts the sockets among the first open files of a process.
func (w *Watch) countSockets(pid int32) (int, error) {
	dir, err := os.Open(w.path(pid, "fd"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(maxLinks)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, name := range names {
		if to, err := os.Readlink(w.path(pid, "fd/"+name)); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n, nil
}
