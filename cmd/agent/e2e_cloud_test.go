//go:build e2e

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
)

// aws runs a command that talks to AWS itself, with the agent's environment.
func (a *agentProc) aws(args ...string) (string, int) {
	a.t.Helper()
	path, err := binary()
	if err != nil {
		a.t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = a.cmd.Env
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

// metadataMock starts ec2-metadata-mock, IMDSv2 only, with a notice.
func metadataMock(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("ec2-metadata-mock")
	if err != nil {
		t.Skip("ec2-metadata-mock is not there: go install github.com/aws/amazon-ec2-metadata-mock/cmd/ec2-metadata-mock@v1.13.0")
	}
	_, port, _ := net.SplitHostPort(freeAddress(t))
	cmd := exec.Command(path, append(args, "--imdsv2", "--hostname", "127.0.0.1", "--port", port)...)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "HOME="+t.TempDir())
	start(t, cmd)
	return "http://127.0.0.1:" + port
}

// trafficWord is the answer of /health/host.
func trafficWord(addr string) string {
	resp, err := http.Get("http://" + addr + "/health/host")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(b)))
}

// TestTerminationNotices: of a spot interruption and of an Auto Scaling group's
// decision the open incident tells, load balancers are told, the metrics go out and
// the alarms of the host with it; a rebalance recommendation takes nothing away.
func TestTerminationNotices(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		kind string
		want string
		gone bool
	}{
		"spot terminate":     {[]string{"spot", "--action", "terminate", "--mock-delay-sec", "12"}, "terminating", "503 terminating", true},
		"spot stop":          {[]string{"spot", "--action", "stop", "--mock-delay-sec", "12"}, "stopping", "503 stopping", false},
		"group terminates":   {[]string{"asglifecycle", "--asg-termination-delay-sec", "12"}, "terminating", "503 terminating", true},
		"rebalance and none": {[]string{"spot", "--mock-delay-sec", "3600", "--rebalance-delay-sec", "3"}, `"at risk"`, "200 ok", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := binary(); err != nil { // its build is no part of the mock's delay
				t.Fatal(err)
			}
			fake, in := awsfake.New(), newInbox(t)
			t.Cleanup(fake.Close)
			health := freeAddress(t)
			file := filepath.Join(t.TempDir(), "flag")
			config := flagRule(t, file) + in.sink() + fmt.Sprintf("\n[health]\nlisten = %q\n[[sink.cloudwatch]]\nname = \"cw\"\nregion = \"eu-west-1\"\nendpoint = %q\n", health, fake.URL)
			a := prepare(t, config)
			a.env = []string{"AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + metadataMock(t, c.args...)}
			a.start()
			in.await(a, "flag-down", alert.Firing, 30*time.Second)
			if out, code := a.aws("alarms", "apply", "--config", a.config); code != 0 || len(fake.Alarms()) != 1 {
				t.Fatalf("alarms apply: %d %s %v", code, out, fake.Alarms())
			}
			a.eventually(60*time.Second, "the notice", func() bool { return strings.Contains(a.log.String(), "host="+c.kind) })
			a.eventually(10*time.Second, "/health/host says "+c.want, func() bool { return trafficWord(health) == c.want })
			a.eventually(10*time.Second, "the metrics of the minute", func() bool { return len(fake.Data()) > 0 })
			if c.want != "200 ok" {
				a.eventually(10*time.Second, "the incident tells", func() bool {
					all := in.all("flag-down")
					return strings.HasPrefix(all[len(all)-1].Summary, "host "+strings.Fields(c.want)[1])
				})
			}
			if c.gone {
				a.eventually(10*time.Second, "the host's alarm is deleted", func() bool { return len(fake.Alarms()) == 0 })
			} else if len(fake.Alarms()) != 1 {
				t.Error("the alarm of a host that stays is gone")
			}
		})
	}
}

// TestHAProxy: a real haproxy takes the weight under a critical and gives it back;
// a kill of the agent leaves the host its traffic.
func TestHAProxy(t *testing.T) {
	path, err := exec.LookPath("haproxy")
	if err != nil {
		path = "/usr/sbin/haproxy"
		if _, err := os.Stat(path); err != nil {
			t.Skip("haproxy is not there: apt-get install haproxy")
		}
	}
	t.Parallel()
	check, backend := freeAddress(t), freeAddress(t)
	startWeb(t, backend)
	file := filepath.Join(t.TempDir(), "flag")
	a := launch(t, strings.Replace(flagRule(t, file), "severity = \"warning\"", "severity = \"critical\"", 1)+fmt.Sprintf("\n[health]\nagent_check = %q\nrules = [\"flag-*\"]\n", check))
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(check)
	cfg := fmt.Sprintf("global\n stats socket %s/ctl level admin\ndefaults\n mode http\n timeout connect 1s\n timeout client 5s\n timeout server 5s\nfrontend f\n bind %s\n default_backend b\nbackend b\n server s %s weight 100 agent-check agent-addr 127.0.0.1 agent-port %s agent-inter 1s\n",
		dir, freeAddress(t), backend, port)
	if err := os.WriteFile(dir+"/haproxy.cfg", []byte(cfg), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, exec.Command(path, "-db", "-f", dir+"/haproxy.cfg"))
	server := func() (weight, status string) {
		c, err := net.Dial("unix", dir+"/ctl")
		if err != nil {
			return "", ""
		}
		defer c.Close()
		fmt.Fprintln(c, "show stat")
		b, _ := io.ReadAll(c)
		for line := range strings.SplitSeq(string(b), "\n") {
			if f := strings.Split(line, ","); len(f) > 18 && f[0] == "b" && f[1] == "s" {
				return f[18], f[17]
			}
		}
		return "", ""
	}
	is := func(weight string) func() bool {
		return func() bool {
			w, s := server()
			return w == weight && strings.HasPrefix(s, "UP") || w == weight && strings.HasPrefix(s, "no check")
		}
	}
	addr := strings.TrimSpace(readFile(t, file))
	a.eventually(90*time.Second, "the weight is 40 under the critical", is("40"))
	web := startWeb(t, addr)
	a.eventually(120*time.Second, "the weight is back", is("100"))
	_ = web.Close()
	a.kill(syscall.SIGKILL)
	before := time.Now()
	a.eventually(20*time.Second, "ten checks without an agent", func() bool { return time.Since(before) > 10*time.Second })
	if w, s := server(); w != "100" || strings.HasPrefix(s, "DOWN") {
		t.Errorf("after kill -9 of the agent: weight %s, %s", w, s)
	}
}

// TestDeadManAlarm: the agent is killed, its alarm goes off, and back when it runs
// again. The fake's clock is turned on between; the agent's is the real one.
func TestDeadManAlarm(t *testing.T) {
	t.Parallel()
	fake := awsfake.New()
	t.Cleanup(fake.Close)
	a := launch(t, fmt.Sprintf("\n[[sink.cloudwatch]]\nname = \"cw\"\nregion = \"eu-west-1\"\nendpoint = %q\nmetrics = [\"firewatch_up\"]\n", fake.URL))
	if out, code := a.aws("alarms", "apply", "--config", a.config); code != 0 || !strings.Contains(out, "1 calls") {
		t.Fatal(out)
	}
	before := fake.Calls()["PutMetricAlarm"]
	if out, code := a.aws("alarms", "apply", "--config", a.config); code != 0 || fake.Calls()["PutMetricAlarm"] != before {
		t.Errorf("a second apply: %s", out)
	}
	state := func(after time.Duration) string {
		fake.Evaluate(time.Now().Add(after))
		for _, s := range fake.Alarms() {
			return s
		}
		return ""
	}
	signs := func() (n int) { // of life; the state of an alert of this host is none
		for _, d := range fake.Data() {
			if d.Metric == "firewatch_up" {
				n++
			}
		}
		return n
	}
	a.eventually(80*time.Second, "the first sign of life", func() bool { return signs() > 0 })
	alive := state(0)
	a.kill(syscall.SIGKILL)
	dead, n := state(5*time.Minute), signs()
	a.start()
	a.eventually(80*time.Second, "a sign of life again", func() bool { return signs() > n })
	if back := state(0); alive != awsfake.StateOK || dead != awsfake.StateAlarm || back != awsfake.StateOK {
		t.Errorf("alive %s, killed %s, back %s", alive, dead, back)
	}
}
