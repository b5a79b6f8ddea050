//go:build e2e

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
)

// needs skips a test where the servers it is about are not installed; .ci/run
// installs them.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip(err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("starting the servers needs root")
	}
}

// proxy is a toxiproxy in this process before one server.
type proxy struct {
	*toxiproxy.Proxy
	t *testing.T
}

func newProxy(t *testing.T, name, upstream string) *proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &proxy{toxiproxy.NewProxy(server, name, freeAddress(t), upstream), t}
	p.up()
	t.Cleanup(p.Stop)
	return p
}

func (p *proxy) up() {
	p.t.Helper()
	if err := p.Start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *proxy) slow(d time.Duration) {
	p.t.Helper()
	if _, err := p.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"name":"slow","type":"latency","stream":"downstream","attributes":{"latency":%d}}`, d.Milliseconds()))); err != nil {
		p.t.Fatal(err)
	}
}

func (p *proxy) quick() { p.Toxics.ResetToxics(context.Background()) }

// listens waits until something does.
func listens(t *testing.T, addr string) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// startNginx serves HTTPS with a certificate of three days, which is returned.
func startNginx(t *testing.T, addr string) (ca string) {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "web"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(72 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"cert.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		"key.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"nginx.conf": fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;\nevents {}\nhttp { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;\n"+
			"server { listen %[2]s ssl; ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem; location / { return 200 \"all is well\"; } } }\n", dir, addr),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(t, exec.Command("nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log")))
	listens(t, addr)
	return filepath.Join(dir, "cert.pem")
}

// postgres is a primary and its replica.
type postgres struct {
	primary, replica string // host:port
	bin              string
}

func startPostgres(t *testing.T) postgres {
	t.Helper()
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(bins) == 0 {
		t.Skip("PostgreSQL is not installed")
	}
	dir, err := os.MkdirTemp("", "firewatch-pg-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	run(t, "chown", "postgres", dir)
	p := postgres{freeAddress(t), freeAddress(t), filepath.Dir(bins[len(bins)-1])}
	as := func(program string, args ...string) []string {
		return append([]string{"-u", "postgres", "--", filepath.Join(p.bin, program)}, args...)
	}
	serve := func(data, addr string) {
		_, port, _ := strings.Cut(addr, ":")
		cmd := exec.Command("runuser", as("postgres", "-D", filepath.Join(dir, data), "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+dir, "-c", "fsync=off")...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGQUIT); _ = cmd.Wait() })
		listens(t, addr)
	}
	run(t, "runuser", as("initdb", "-D", filepath.Join(dir, "a"), "-A", "trust", "-U", "postgres")...)
	hba, err := os.OpenFile(filepath.Join(dir, "a/pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(hba, "host replication all 127.0.0.1/32 trust")
	hba.Close()
	serve("a", p.primary)
	_, port, _ := strings.Cut(p.primary, ":")
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if exec.Command(filepath.Join(p.bin, "pg_isready"), "-h", "127.0.0.1", "-p", port).Run() == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal("PostgreSQL does not start")
		}
	}
	run(t, "runuser", as("pg_basebackup", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "-D", filepath.Join(dir, "b"), "-R", "-X", "stream", "-c", "fast")...)
	serve("b", p.replica)
	p.sql(t, p.primary, "create table t(i int)")
	return p
}

func (p postgres) sql(t *testing.T, addr, query string) string {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	return run(t, filepath.Join(p.bin, "psql"), "-h", host, "-p", port, "-U", "postgres", "-Atc", query)
}

// startRedis starts a primary and a replica, whose address it returns.
func startRedis(t *testing.T) string {
	t.Helper()
	var last string
	for i := range 2 {
		addr := freeAddress(t)
		_, port, _ := strings.Cut(addr, ":")
		args := []string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", t.TempDir()}
		if i == 1 {
			_, master, _ := strings.Cut(last, ":")
			args = append(args, "--replicaof", "127.0.0.1 "+master)
		}
		start(t, exec.Command("redis-server", args...))
		listens(t, addr)
		last = addr
	}
	return last
}

// seen is what these tests read of /v1/status.
type seen struct {
	Rules      []struct{ Rule, State string }  `json:"rules"`
	Collectors []struct{ Name, Reason string } `json:"collectors"`
}

func (a *agentProc) seen() (s seen) {
	a.t.Helper()
	if err := web.NewClient(filepath.Join(a.state, "agent.sock")).Get(a.t.Context(), "/v1/status", &s); err != nil {
		a.t.Fatal(err)
	}
	return s
}

// becomes waits until a rule is firing or quiet. What joins or leaves an
// incident that others keep open need not be a message of its own. It returns
// what the probes complain of.
func (a *agentProc) becomes(rule, state string, limit time.Duration) (reason string) {
	a.t.Helper()
	a.eventually(limit, rule+" is "+state, func() bool {
		s := a.seen()
		for _, c := range s.Collectors {
			if c.Name == "probe" {
				reason = c.Reason
			}
		}
		for _, r := range s.Rules {
			if r.Rule == rule && r.State == state {
				return true
			}
		}
		return false
	})
	return reason
}

func wantSaid(t *testing.T, said, text string) {
	t.Helper()
	if !strings.Contains(said, text) {
		t.Errorf("%q does not say %q", said, text)
	}
}

// rule is one of a config: at most a few seconds long.
func rule(name, metric, target, statistic, comparison string, threshold float64, period int) string {
	return fmt.Sprintf("\n[[rule]]\nname = %q\nmetric = %q\ntarget = %q\nstatistic = %q\nperiod = \"%ds\"\ncomparison = %q\nthreshold = %g\nevaluation_periods = 1\nsummary = %q\n", name, metric, target, statistic, period, comparison, threshold, name)
}

// metricLines reads /metrics.
func metricLines(t *testing.T, addr string) []string {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return strings.Split(string(b), "\n")
}

// named reports whether a line is of that metric, with its unit at the end.
func named(line, metric string) bool {
	rest, ok := strings.CutPrefix(line, "firewatch_"+metric)
	for _, unit := range []string{"_milliseconds", "_seconds", "_per_second", "_bytes"} {
		rest = strings.TrimPrefix(rest, unit)
	}
	return ok && rest != "" && (rest[0] == '{' || rest[0] == ' ')
}

// series reads one value of a target; ok is false where it is missing.
func series(t *testing.T, addr, metric, target string) (v float64, ok bool) {
	t.Helper()
	for _, line := range metricLines(t, addr) {
		if named(line, metric) && strings.Contains(line, `target="`+target+`"`) {
			f := strings.Fields(line)
			v, err := strconv.ParseFloat(f[len(f)-1], 64)
			return v, err == nil
		}
	}
	return 0, false
}

// TestRealServers: nginx with TLS, dnsmasq, a PostgreSQL replica and a Redis
// replica are slowed, stopped and resumed; each gives the series and the alerts
// that follow, and the certificate of three days is told at once.
func TestRealServers(t *testing.T) {
	needs(t, "nginx", "dnsmasq", "redis-server", "runuser")
	pg := startPostgres(t)
	nginxAddr, dnsAddr := freeAddress(t), freeAddress(t)
	ca := startNginx(t, nginxAddr)
	_, dnsPort, _ := strings.Cut(dnsAddr, ":")
	dns := start(t, exec.Command("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=127.0.0.1", "--port="+dnsPort, "--address=/web.test/192.0.2.7", "--pid-file="))
	proxies := map[string]*proxy{"web": newProxy(t, "web", nginxAddr), "pg": newProxy(t, "pg", pg.replica), "redis": newProxy(t, "redis", startRedis(t))}

	config := "[agent]\ndefault_rules = false\n"
	probe := func(name, kind, target, more string) {
		config += fmt.Sprintf("\n[[probe]]\nname = %q\ntype = %q\ntarget = %q\ninterval = \"500ms\"\ntimeout = \"2s\"\n%s\n", name, kind, target, more)
		config += rule(name+"-slow", "probe_duration", name, "min", ">", 200, 2) + rule(name+"-down", "probe_success", name, "max", "<", 1, 2)
	}
	probe("web", "http", "https://"+proxies["web"].Listen+"/", fmt.Sprintf("ca_file = %q\nexpect = { status = 200, body = \"well\" }", ca))
	probe("pg", "postgres", "postgres://"+proxies["pg"].Listen+"/postgres?sslmode=disable", "user = \"postgres\"\nexpect = { role = \"replica\" }")
	probe("redis", "redis", proxies["redis"].Listen, "expect = { role = \"replica\" }")
	probe("dns", "dns", dnsAddr, "query = \"web.test\"\nexpect = { body = \"192.0.2.7\" }")
	config += rule("certificate", "probe_tls_expiry", "web", "min", "<", 7*86400, 2) + rule("lag", "probe_replication_lag", "pg", "last", ">", 0.5, 1)
	in, listen := newInbox(t), freeAddress(t)
	a := launch(t, config+in.sink(), "--http", listen)

	t.Run("certificate", func(t *testing.T) {
		in.await(a, "certificate", alert.Firing, 30*time.Second)
		if v, ok := series(t, listen, "probe_tls_expiry", "web"); !ok || v < 71*3600 || v > 72*3600 {
			t.Errorf("the certificate expires in %g s, %v", v, ok)
		}
	})
	for _, s := range []struct{ metric, probe string }{{"probe_tls_duration", "web"}, {"probe_first_byte_duration", "web"}, {"probe_query_duration", "pg"}, {"probe_replica", "redis"}, {"probe_duration_p99", "dns"}} {
		a.eventually(20*time.Second, s.probe+" gives "+s.metric, func() bool { v, ok := series(t, listen, s.metric, s.probe); return ok && v > 0 })
	}
	t.Run("slow", func(t *testing.T) {
		for _, p := range proxies {
			p.slow(150 * time.Millisecond) // each probe goes there and back at least twice
		}
		for name := range proxies {
			a.becomes(name+"-slow", "firing", 40*time.Second)
		}
		for _, p := range proxies {
			p.quick()
		}
		for name := range proxies {
			a.becomes(name+"-slow", "quiet", 60*time.Second)
		}
	})
	t.Run("stopped", func(t *testing.T) {
		for _, p := range proxies {
			p.Stop()
		}
		if err := dns.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		for name := range proxies {
			wantSaid(t, a.becomes(name+"-down", "firing", 40*time.Second), name+": ")
		}
		wantSaid(t, a.becomes("dns-down", "firing", 40*time.Second), "dns: no answer within 2s")
		for _, p := range proxies {
			p.up()
		}
		if err := dns.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"web", "pg", "redis", "dns"} {
			a.becomes(name+"-down", "quiet", 60*time.Second)
		}
	})
	t.Run("lag", func(t *testing.T) {
		if v, ok := series(t, listen, "probe_replication_lag", "pg"); !ok || v > 0.5 {
			t.Errorf("lag before: %g, %v", v, ok)
		}
		pg.sql(t, pg.replica, "select pg_wal_replay_pause()")
		pg.sql(t, pg.primary, "insert into t select generate_series(1,1000)")
		began := time.Now()
		a.eventually(20*time.Second, "the lag is seen", func() bool { v, _ := series(t, listen, "probe_replication_lag", "pg"); return v > 0 })
		t.Logf("lag seen after %.2f s", time.Since(began).Seconds())
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("lag seen after %s, want 2 s", d)
		}
		a.becomes("lag", "firing", 20*time.Second)
		pg.sql(t, pg.replica, "select pg_wal_replay_resume()")
		a.becomes("lag", "quiet", 40*time.Second)
	})
}

// TestPingPermission: in a network namespace, as a user without capabilities,
// with ping_group_range set and unset.
func TestPingPermission(t *testing.T) {
	needs(t, "unshare", "setpriv", "ip")
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "firewatch-ping-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	run(t, "cp", path, filepath.Join(dir, "firewatch"))
	if err := os.WriteFile(filepath.Join(dir, "c.toml"), []byte("[[probe]]\nname = \"lo\"\ntype = \"icmp\"\ntarget = \"127.0.0.1\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "chmod", "-R", "a+rX", dir)
	for _, c := range []struct {
		allowed, want string
		ok            bool
	}{{"0 2147483647", "ok      probe lo", true}, {"1 0", "set net.ipv4.ping_group_range", false}} {
		out, err := exec.Command("unshare", "-n", "sh", "-c", fmt.Sprintf("ip link set lo up && echo %q > /proc/sys/net/ipv4/ping_group_range && exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all %s/firewatch check --live --config %s/c.toml", c.allowed, dir, dir)).CombinedOutput()
		if (err == nil) != c.ok || !strings.Contains(string(out), c.want) {
			t.Errorf("ping_group_range %q: %v\n%s", c.allowed, err, out)
		}
	}
}
