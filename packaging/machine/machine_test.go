//go:build e2e

package machine

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

func TestMain(m *testing.M) {
	if mb, _ := strconv.Atoi(os.Getenv("FIREWATCH_HOG")); mb > 0 {
		hog(mb)
	}
	if os.Getenv("FIREWATCH_MACHINE") == "" {
		fmt.Println("these tests install and purge packages: packaging/machine/run runs them in a machine of their own")
		return
	}
	os.Exit(m.Run())
}

// sh runs a shell command and returns what it printed; one that fails fails
// the test.
func sh(t *testing.T, command string) string {
	t.Helper()
	out, err := try(command)
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", command, err, out, journal())
	}
	return out
}

func try(command string) (string, error) {
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func journal() string {
	out, _ := try("systemctl status firewatch.service --no-pager -n 0; journalctl -u firewatch.service --no-pager -n 40")
	return out
}

// eventually polls until ok, and fails the test after the limit.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			t.Fatalf("not within %s: %s\n%s", limit, what, journal())
		}
		time.Sleep(limit / 500)
	}
	t.Logf("%s after %d ms", what, time.Since(began).Milliseconds())
}

func active() bool { _, err := try("systemctl is-active firewatch.service"); return err == nil }

func answers() bool { _, err := try("firewatch status"); return err == nil }

func mainPID(t *testing.T) string {
	return sh(t, "systemctl show -p MainPID --value firewatch.service")
}

// receiver takes alerts, or refuses them while down.
type receiver struct {
	*httptest.Server
	down atomic.Bool
	mu   sync.Mutex
	got  map[string]int // key to deliveries
	by   map[string]int // target and phase to deliveries
	all  []string       // rule, target and phase, as they came
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{got: map[string]int{}, by: map[string]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var a alert.Alert
		b, _ := io.ReadAll(q.Body)
		if r.down.Load() || json.Unmarshal(b, &a) != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got[a.Key]++
		r.all = append(r.all, a.Rule+" "+a.Target+" "+a.Phase)
		r.by[a.Target+" "+a.Phase]++
		for _, m := range a.Members { // a digest after an outage
			r.by[m.Target+" member"]++
		}
	}))
	t.Cleanup(r.Close)
	sh(t, fmt.Sprintf(`printf '[[sink.webhook]]\nname = "inbox"\nurl = "%s"\n' > /etc/firewatch/firewatch.toml && systemctl reload firewatch`, r.URL))
	return r
}

// told is how often the firing of a target arrived.
func (r *receiver) told(target string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.by[target+" firing"]
}

// list returns what arrived after the first n.
func (r *receiver) list(n int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all[n:])
}

// repeats lists keys that came more than once.
func (r *receiver) repeats() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for k, n := range r.got {
		if n > 1 {
			out = append(out, fmt.Sprintf("%s: %d times", k, n))
		}
	}
	return out
}

func send(key string) error {
	out, err := try("firewatch send --severity critical --summary 'test " + key + "' --key " + key)
	if err != nil {
		return fmt.Errorf("send %s: %w\n%s", key, err, out)
	}
	return nil
}

// TestLifeOfAPackage is one story: install, alert, watchdog, kill, reload,
// upgrade, remove, purge. Each step stands on those before it.
func TestLifeOfAPackage(t *testing.T) {
	before := sh(t, "find /etc /usr /var/lib /var/spool /run/systemd/system -xdev \\( -path /var/lib/dpkg -o -path /var/lib/systemd \\) -prune -o -print | grep -vE '^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$' | sort")
	t.Run("install", install)
	if t.Failed() {
		return
	}
	t.Run("send by the group", sendByGroup)
	t.Run("sandbox", sandbox)
	t.Run("drop-ins", dropIns)
	in := newReceiver(t)
	t.Run("alert", func(t *testing.T) { alertArrives(t, in) })
	t.Run("watchdog", func(t *testing.T) { watchdog(t, in) })
	t.Run("kill -9", func(t *testing.T) { kills(t, in) })
	t.Run("reload", reload)
	t.Run("upgrade", func(t *testing.T) { upgrade(t, in) })
	t.Run("remove and purge", func(t *testing.T) { purge(t, before) })
}

func install(t *testing.T) {
	began := time.Now()
	out := sh(t, "dpkg -i /opt/old.deb")
	if !active() {
		t.Fatalf("not active after dpkg -i\n%s\n%s", out, journal())
	}
	t.Logf("active %d ms after the start of dpkg -i\n%s", time.Since(began).Milliseconds(), out)
	start := sh(t, `echo $(( ($(systemctl show -p ActiveEnterTimestampMonotonic --value firewatch) - $(systemctl show -p InactiveExitTimestampMonotonic --value firewatch)) / 1000 ))`)
	t.Logf("from the start of the unit to READY=1: %s ms", start)
	if len(start) > 4 || len(start) == 4 && start >= "2000" {
		t.Errorf("active after %s ms, want at most 2000", start)
	}
	eventually(t, 5*time.Second, "firewatch status is fine", answers)
	t.Log(sh(t, "firewatch status"))
	for path, want := range map[string]string{
		"/etc/firewatch/firewatch.toml": "640 root firewatch", "/etc/firewatch": "750 root firewatch", "/var/lib/firewatch": "700 firewatch firewatch",
		"/var/spool/firewatch": "3770 firewatch firewatch", "/run/firewatch/agent.sock": "660 firewatch firewatch"} {
		if got := sh(t, "stat -c '%a %U %G' "+path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if got := sh(t, "systemctl is-enabled firewatch.service"); got != "enabled" {
		t.Errorf("the unit is %s", got)
	}
	if out := sh(t, "systemd-analyze verify --man=no /usr/lib/systemd/system/firewatch.service"); out != "" {
		t.Errorf("verify: %s", out)
	}
	t.Log(sh(t, "systemd-analyze security --no-pager firewatch.service | tail -1"))
	if n := sh(t, "systemctl show -p OOMScoreAdjust --value firewatch.service"); n != "-900" {
		t.Errorf("oom_score_adj is %s", n)
	}
	if n := sh(t, "grep -i 'core file size' /proc/"+mainPID(t)+"/limits"); !strings.Contains(n, " 0 ") {
		t.Errorf("core dumps: %s", n)
	}
}

// sendByGroup: a member of the group tells without an agent, and the agent
// takes it at its start.
func sendByGroup(t *testing.T) {
	sh(t, "useradd --system --groups firewatch cronjob && systemctl stop firewatch.service")
	sh(t, `runuser -u cronjob -- firewatch send --severity warning --summary "backup failed" --key by-group`)
	sh(t, `firewatch send --severity warning --summary "backup failed" --key by-root`)
	sh(t, "systemctl start firewatch.service")
	eventually(t, 10*time.Second, "both alerts are taken in", func() bool {
		out, _ := try("firewatch incidents --json")
		return strings.Contains(out, "by-group") && strings.Contains(out, "by-root")
	})
	if _, err := try("runuser -u nobody -- firewatch send --severity warning --summary x --key by-nobody"); err == nil {
		t.Error("nobody may send")
	}
	sh(t, "firewatch send --key by-group --resolve && firewatch send --key by-root --resolve && userdel cronjob")
}

func alertArrives(t *testing.T, in *receiver) {
	if err := send("first"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the alert is delivered", func() bool { return in.told("first") == 1 })
	t.Log(sh(t, "firewatch test-alert"))
}

// watchdog: an agent that stands still is restarted, and what it had accepted
// is delivered.
func watchdog(t *testing.T, in *receiver) {
	in.down.Store(true)
	if err := send("before-the-stop"); err != nil {
		t.Fatal(err)
	}
	pid := mainPID(t)
	sh(t, "kill -STOP "+pid)
	in.down.Store(false)
	eventually(t, 45*time.Second, "the watchdog starts another", func() bool { return mainPID(t) != pid && answers() })
	eventually(t, 70*time.Second, "nothing is lost", func() bool { return in.told("before-the-stop") == 1 })
	if core, _ := try("find / -xdev -name 'core*' -newer /etc/firewatch/firewatch.toml -size +100k -not -path '/proc/*'"); core != "" {
		t.Errorf("a core dump: %s", core)
	}
}

// kills: what send accepted between ten kills arrives.
func kills(t *testing.T, in *receiver) {
	const times = 10
	for i := range times {
		pid := mainPID(t)
		if err := send(fmt.Sprintf("kill-%d", i)); err != nil {
			t.Fatal(err)
		}
		sh(t, "kill -KILL "+pid)
		eventually(t, 10*time.Second, "another is up", func() bool { return mainPID(t) != pid && answers() })
	}
	eventually(t, 70*time.Second, "every alert arrived", func() bool {
		for i := range times {
			if in.told(fmt.Sprintf("kill-%d", i)) == 0 {
				return false
			}
		}
		return true
	})
	t.Logf("keys that came twice: %v", in.repeats())
	if n := sh(t, "systemctl show -p NRestarts --value firewatch.service"); n < "1" {
		t.Errorf("%s restarts", n)
	}
}

func reload(t *testing.T) {
	pid := mainPID(t)
	sh(t, "cp -p /etc/firewatch/firewatch.toml /root/good.toml")
	sh(t, `printf '[agent]\nlabels = { by = "reload" }\n' >> /etc/firewatch/firewatch.toml && systemctl reload firewatch.service`)
	sh(t, `echo 'no_such_key = 1' >> /etc/firewatch/firewatch.toml`)
	if out, err := try("systemctl reload firewatch.service"); err == nil {
		t.Errorf("a config with a fault was taken: %s", out)
	}
	if out := journal(); !strings.Contains(out, "the old config goes on") {
		t.Errorf("the journal does not say why:\n%s", out)
	}
	sh(t, "cp -p /root/good.toml /etc/firewatch/firewatch.toml && systemctl reload firewatch.service")
	if !active() || mainPID(t) != pid {
		t.Errorf("the agent did not live through it\n%s", journal())
	}
}

// upgrade: under load, with 20 alerts that nobody has taken yet.
func upgrade(t *testing.T, in *receiver) {
	in.down.Store(true)
	const queued = 20
	for i := range queued {
		if err := send(fmt.Sprintf("queued-%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	version := sh(t, "firewatch version")
	began := time.Now()
	sh(t, `for i in 1 2 3 4; do timeout 60 sh -c 'while :; do :; done' & done; dpkg -i --force-confold /opt/new.deb; kill %1 %2 %3 %4`)
	t.Logf("upgrade under load in %d ms", time.Since(began).Milliseconds())
	eventually(t, 10*time.Second, "the new one answers", answers)
	if now := sh(t, "firewatch version"); now == version {
		t.Errorf("still %s", now)
	}
	if !strings.Contains(sh(t, "cat /etc/firewatch/firewatch.toml"), in.URL) {
		t.Error("the config was not kept")
	}
	in.down.Store(false)
	eventually(t, 120*time.Second, "all 20 are told", func() bool {
		for i := range queued {
			if in.told(fmt.Sprintf("queued-%d", i)) == 0 {
				return false
			}
		}
		return true
	})
	for i := range queued {
		if n := in.told(fmt.Sprintf("queued-%d", i)); n != 1 {
			t.Errorf("queued-%d came %d times", i, n)
		}
	}
}

func purge(t *testing.T, before string) {
	sh(t, "dpkg -r firewatch")
	if active() {
		t.Error("still active after remove")
	}
	if _, err := os.Stat("/var/lib/firewatch"); err != nil {
		t.Error("remove took the state away")
	}
	sh(t, "dpkg -P firewatch")
	after := sh(t, "find /etc /usr /var/lib /var/spool /run/systemd/system -xdev \\( -path /var/lib/dpkg -o -path /var/lib/systemd \\) -prune -o -print | grep -vE '^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$' | sort")
	had := map[string]bool{}
	for line := range strings.Lines(before) {
		had[strings.TrimSpace(line)] = true
	}
	for line := range strings.Lines(after) {
		if path := strings.TrimSpace(line); !had[path] {
			t.Errorf("left behind: %s", path)
		}
	}
	if out, err := try("getent passwd firewatch || getent group firewatch || systemctl cat firewatch.service || pgrep firewatch || ls -d /run/firewatch"); err == nil {
		t.Errorf("left behind: %s", out)
	}
	if out, _ := try("find /var/lib/systemd -name '*firewatch*'"); out != "" {
		t.Errorf("left behind: %s", out)
	}
}
