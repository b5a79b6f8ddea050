package probe

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// attempt makes one, and returns what it measured, its class and its error.
func attempt(t *testing.T, c Config) (map[string]float64, int, error) {
	t.Helper()
	c.Name = "x"
	if f := c.Validate(); len(f) > 0 {
		t.Fatal(f)
	}
	if c.Timeout == 0 {
		c.Timeout = conf.Duration(10 * time.Second)
	}
	s := New([]Config{c})
	_, out, err := s.once(t.Context(), s.probes[0])
	got := map[string]float64{}
	for _, v := range out.values {
		got[v.metric] = v.v
	}
	return got, classOf(err), err
}

func want(t *testing.T, c Config, class int, text string) map[string]float64 {
	t.Helper()
	got, is, err := attempt(t, c)
	if is != class || (text != "") != (err != nil) || err != nil && !strings.Contains(err.Error(), text) {
		t.Errorf("%s %s: class %d, %v; want class %d, %q", c.Type, c.Target, is, err, class, text)
	}
	return got
}

// certificate makes one that is its own root, for 127.0.0.1 and the name web.
func certificate(t *testing.T, life time.Duration) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "web"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(life),
		DNSNames: []string{"web"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// TestTLS: the expiry is measured of a chain that is trusted, of one that is
// not, and of one that has expired; only the first is a success.
func TestTLS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		life    time.Duration
		trusted bool
		name    string
		text    string
	}{
		{72 * time.Hour, true, "", ""}, {72 * time.Hour, true, "web", ""}, {72 * time.Hour, true, "other", "valid for web, not other"},
		{72 * time.Hour, false, "", "unknown authority"}, {-time.Hour, true, "", "expired"},
	} {
		cert, ca := certificate(t, c.life)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
		server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		server.Config.ErrorLog = quiet()
		server.StartTLS()
		t.Cleanup(server.Close)
		if !c.trusted {
			ca = ""
		}
		class := success
		if c.text != "" {
			class = tlsFailed
		}
		for _, probe := range []Config{
			{Type: "http", Target: server.URL, CAFile: ca, ServerName: c.name}, {Type: "tls", Target: server.Listener.Addr().String(), CAFile: ca, ServerName: c.name},
		} {
			got := want(t, probe, class, c.text)
			if math.Abs(got["probe_tls_expiry"]-c.life.Seconds()) > 60 || got["probe_tls_trusted"] != map[bool]float64{true: 1}[class == success] {
				t.Errorf("%s %+v: %v", probe.Type, c, got)
			}
			if class == success && (got["probe_tls_duration"] <= 0 || got["probe_connect_duration"] <= 0 || probe.Type == "http" && got["probe_first_byte_duration"] <= 0) {
				t.Errorf("phases: %v", got)
			}
		}
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/a", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/b", http.StatusFound) })
	mux.HandleFunc("/b", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/c", http.StatusFound) })
	mux.HandleFunc("/c", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "end") })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for follow, status := range []float64{302, 302, 200} {
		if got := want(t, Config{Type: "http", Target: server.URL + "/a", Redirects: follow}, success, ""); got["probe_status_code"] != status {
			t.Errorf("%d followed: %v", follow, got)
		}
	}
	want(t, Config{Type: "http", Target: server.URL + "/a", Redirects: 2, Expect: Expect{Body: "end"}}, success, "")
}

// packets answers each datagram with what reply makes of it.
func packets(t *testing.T, reply func(b []byte) [][]byte) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, b := range reply(buf[:n]) {
				_, _ = conn.WriteTo(b, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

func TestDNS(t *testing.T) {
	t.Parallel()
	server := packets(t, func(b []byte) [][]byte {
		var m dnsmessage.Message
		if m.Unpack(b) != nil {
			return nil
		}
		m.Response = true
		switch name := m.Questions[0].Name.String(); name {
		case "silent.":
			return nil
		case "none.":
			m.RCode = dnsmessage.RCodeNameError
		case "empty.":
		default:
			m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET}, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}}}}
		}
		out, err := m.Pack()
		if err != nil {
			t.Error(err)
		}
		foreign := append([]byte{b[0] + 1}, out[1:]...)
		foreign[3] = 5 // refused
		return [][]byte{{1, 2, 3}, foreign, out}
	})
	want(t, Config{Type: "dns", Target: server, Query: "web"}, success, "")
	want(t, Config{Type: "dns", Target: server, Query: "web", Expect: Expect{Body: "192.0.2.7"}}, success, "")
	want(t, Config{Type: "dns", Target: server, Query: "web", Expect: Expect{Body: "192.0.2.8"}}, textMismatch, "expected text")
	want(t, Config{Type: "dns", Target: server, Query: "none"}, noSuchName, "NameError")
	want(t, Config{Type: "dns", Target: server, Query: "empty"}, noSuchName, "no such record")
	want(t, Config{Type: "dns", Target: server, Query: "silent", Timeout: conf.Duration(50 * time.Millisecond)}, timedOut, "no answer")
}

func TestNTP(t *testing.T) {
	t.Parallel()
	var stratum atomic.Uint32
	stratum.Store(2)
	server := packets(t, func(b []byte) [][]byte {
		out := make([]byte, 48)
		out[0], out[1] = 4<<3|4, byte(stratum.Load())
		copy(out[24:], b[40:48])
		ahead := ntpTime(time.Now().Add(3 * time.Second))
		binary.BigEndian.PutUint64(out[32:], ahead)
		binary.BigEndian.PutUint64(out[40:], ahead)
		foreign := append([]byte(nil), out...)
		foreign[30]++
		return [][]byte{foreign, out}
	})
	if got := want(t, Config{Type: "ntp", Target: server}, success, ""); math.Abs(got["probe_clock_offset"]-3000) > 500 {
		t.Errorf("the server is 3 s ahead: %v", got)
	}
	if got, _, ours, err := parseNTP(append([]byte{4<<3 | 4, 1}, make([]byte, 46)...), 0); !ours || err != nil || got.Year() != 2036 {
		t.Errorf("the era after 2036 begins at zero: %s %v %v", got, ours, err)
	}
	stratum.Store(16)
	want(t, Config{Type: "ntp", Target: server}, other, "not synchronised")
}

// talk serves one line-based conversation at a time.
func talk(t *testing.T, answer func(words []string) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for {
					var n int
					if _, err := fmt.Fscanf(r, "*%d\r\n", &n); err != nil {
						return
					}
					var words []string
					for range n {
						w, err := readRESP(r)
						if err != nil {
							return
						}
						words = append(words, w)
					}
					_, _ = io.WriteString(conn, answer(words))
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestRedis(t *testing.T) {
	t.Parallel()
	bulk := func(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }
	server := func(info, password string) string {
		return talk(t, func(words []string) string {
			switch words[0] {
			case "AUTH":
				if words[len(words)-1] != password {
					return "-WRONGPASS invalid canary\r\n"
				}
				return "+OK\r\n"
			case "PING":
				return "+PONG\r\n"
			}
			return bulk(info)
		})
	}
	got := want(t, Config{Type: "redis", Target: server("# Replication\r\nrole:slave\r\nmaster_link_status:up\r\nmaster_last_io_seconds_ago:3\r\n", "")}, success, "")
	if got["probe_replica"] != 1 || got["probe_replication_lag"] != 3 {
		t.Errorf("replica: %v", got)
	}
	got = want(t, Config{Type: "redis", Target: server("role:slave\r\nmaster_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\nmaster_link_down_since_seconds:40\r\n", "")}, success, "")
	if got["probe_replication_lag"] != 40 {
		t.Errorf("replica without its primary: %v", got)
	}
	primary := server("role:master\r\n", "secret")
	want(t, Config{Type: "redis", Target: primary, Expect: Expect{Role: "replica"}}, roleMismatch, "it is a primary")
	want(t, Config{Type: "redis", Target: primary, Password: conf.NewSecret("secret"), User: "me"}, success, "")
	_, class, err := attempt(t, Config{Type: "redis", Target: primary, Password: conf.NewSecret("canary")})
	if class != refused || strings.Contains(err.Error(), "canary") {
		t.Errorf("a wrong password: class %d, %v", class, err)
	}
	want(t, Config{Type: "redis", Target: talk(t, func([]string) string { return "HTTP/1.1 400\r\n" })}, other, "not an answer of Redis")
}

func TestExec(t *testing.T) {
	t.Parallel()
	sh := func(script string) Config { return Config{Type: "exec", Command: []string{"/bin/sh", "-c", script}} }
	if got := want(t, sh("echo 42.5 widgets"), success, ""); got["probe_value"] != 42.5 || got["probe_exit_code"] != 0 {
		t.Errorf("%v", got)
	}
	if got := want(t, sh("echo CRITICAL; exit 2"), statusMismatch, "exit status 2"); got["probe_exit_code"] != 2 {
		t.Errorf("%v", got)
	}
	c := sh("yes | head -c 1000000; echo") // more than is kept
	c.Expect.Body = "y"
	want(t, c, success, "")
	c = sh("echo x")
	c.Expect.Body = "y"
	want(t, c, textMismatch, "expected text")
	want(t, Config{Type: "exec", Command: []string{"/does/not/exist"}}, notConnected, "no such file")
	c = sh("sleep 600 & sleep 600")
	c.Timeout = conf.Duration(100 * time.Millisecond)
	want(t, c, timedOut, "no answer")
}

func TestPostgresWithoutAServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.77:0") // an address that no other test listens on once it is closed
	if err != nil {
		t.Fatal(err)
	}
	target := "postgres://" + l.Addr().String() + "/db?sslmode=disable"
	want(t, Config{Type: "postgres", Target: target, User: "x", Timeout: conf.Duration(100 * time.Millisecond)}, timedOut, "no answer")
	_ = l.Close()
	want(t, Config{Type: "postgres", Target: target, User: "x", Password: conf.NewSecret("canary")}, notConnected, "refused")
}

func TestPing(t *testing.T) {
	t.Parallel()
	_, class, err := attempt(t, Config{Type: "icmp", Target: "127.0.0.1"})
	if class == refused && strings.Contains(err.Error(), "ping_group_range") {
		t.Skip("the host allows no ping; the end-to-end stage tries both ways in a namespace")
	}
	if err != nil {
		t.Error(err)
	}
}

// TestQuantilesAreExact: by nearest rank, over five minutes and 1024 attempts.
func TestQuantilesAreExact(t *testing.T) {
	t.Parallel()
	var w window
	now := time.Unix(1_790_000_000, 0)
	for i := range 2000 {
		now = now.Add(100 * time.Millisecond)
		w.add(now, time.Duration(i+1)*time.Millisecond)
	}
	// The newest 1024 are 977 … 2000 ms.
	if w.quantiles != [3]float64{976 + 512, 976 + 973, 976 + 1014} || len(w.took) != windowMost {
		t.Errorf("%v of %d", w.quantiles, len(w.took))
	}
	w.add(now.Add(windowTime-50*time.Millisecond), time.Second)
	if len(w.took) != 2 || w.quantiles != [3]float64{1000, 2000, 2000} {
		t.Errorf("after five minutes: %v %v", w.took, w.quantiles)
	}
}

// TestClasses: what wraps an error keeps its class.
func TestClasses(t *testing.T) {
	t.Parallel()
	if got := classOf(fmt.Errorf("x: %w", context.DeadlineExceeded)); got != timedOut {
		t.Errorf("deadline: %d", got)
	}
	if got := classOf(&net.DNSError{IsTimeout: true}); got != noSuchName {
		t.Errorf("DNS: %d", got)
	}
	if got := classOf(io.ErrUnexpectedEOF); got != other {
		t.Errorf("other: %d", got)
	}
}

// FuzzAnswers gives one hostile answer to every parser of answers.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("$5\r\nhello\r\n"))
	f.Add([]byte("$99999999999\r\n"))
	f.Add([]byte("role:slave\r\nmaster_link_status:up\r\nmaster_last_io_seconds_ago:NaN\r\n"))
	f.Add(append([]byte{0x24, 2}, make([]byte, 46)...))
	f.Add([]byte{0, 0, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := readRESP(bufio.NewReader(strings.NewReader(string(b)))); err == nil && len(s) > len(b) {
			t.Errorf("longer than the answer: %q", s)
		}
		var out outcome
		_ = redisRole(string(b), &out, "")
		for _, v := range out.values {
			if !(v.v >= 0) {
				t.Errorf("%s = %g", v.metric, v.v)
			}
		}
		_, _, _ = parseDNS(b, 0)
		_, _, _, _ = parseNTP(b, 0)
		_ = echoes(b, 0, 0)
	})
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
