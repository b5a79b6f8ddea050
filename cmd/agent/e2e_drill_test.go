//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/internal/slackfake"
)

var drillKinds = []string{"sink", "probe", "memory", "disk", "cpu"}

// TestDrills: every drill passes on a quiet host, with a fake Slack, and SNS and
// SQS of code that is not ours; killed half-way nothing of it is left; with one
// sink cut off it fails and names that one. Run by .ci/fauxqs.
func TestDrills(t *testing.T) {
	endpoint := os.Getenv("FIREWATCH_FAUXQS")
	if endpoint == "" {
		t.Skip("FIREWATCH_FAUXQS is not set: .ci/run has a stage for this")
	}
	d := newDrillHost(t, endpoint)
	d.eventually(30*time.Second, "the CPU is measured", func() bool {
		out, _ := d.command("status", "--json")
		return strings.Contains(out, "cpu_usage_active")
	})
	for _, kind := range drillKinds {
		t.Run(kind+" passes", func(t *testing.T) { d.passes(t, kind) })
	}
	for _, kind := range drillKinds {
		t.Run(kind+" is killed", func(t *testing.T) { d.killed(t, kind) })
	}
	for _, kind := range drillKinds {
		t.Run(kind+" with a sink cut off", func(t *testing.T) { d.cutOff(t, kind) })
	}
}

// drillHost is an agent between a fake Slack and fauxqs.
type drillHost struct {
	*agentProc
	chat  *slackfake.Server
	cut   atomic.Bool // SNS does not answer
	fauxq string
	queue string
}

func newDrillHost(t *testing.T, endpoint string) *drillHost {
	d := &drillHost{chat: slackfake.New("xoxb-" + canary), fauxq: endpoint}
	t.Cleanup(d.chat.Close)
	at, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(at)
	sns := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.cut.Load() {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(sns.Close)
	topic := d.ask(t, "SNS", "CreateTopic", url.Values{"Name": {"drills"}}, "TopicArn")
	d.queue = d.ask(t, "AmazonSQS", "CreateQueue", url.Values{"QueueName": {"drills"}}, "QueueUrl")
	d.ask(t, "SNS", "Subscribe", url.Values{"TopicArn": {topic}, "Protocol": {"sqs"}, "Endpoint": {strings.Replace(topic, ":sns:", ":sqs:", 1)}}, "SubscriptionArn")
	d.agentProc = launch(t, fmt.Sprintf("[[sink.slack]]\nname = \"chat\"\ntoken = \"xoxb-%s\"\nchannel = \"#ops\"\napi_url = %q\n"+
		"[[sink.sns]]\nname = \"topic\"\ntopic = %q\nendpoint = %q\n", canary, d.chat.API(), topic, sns.URL))
	return d
}

// ask makes a request as the SDKs do, unsigned: SNS by its query protocol, SQS
// by JSON. It returns one value of the answer.
func (d *drillHost) ask(t *testing.T, service, action string, args url.Values, value string) string {
	t.Helper()
	var req *http.Request
	if service == "SNS" {
		args.Set("Action", action)
		args.Set("Version", "2010-03-31")
		req, _ = http.NewRequest(http.MethodPost, d.fauxq, strings.NewReader(args.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		flat := map[string]any{}
		for k, v := range args {
			flat[k] = v[0]
		}
		b, _ := json.Marshal(flat)
		req, _ = http.NewRequest(http.MethodPost, d.fauxq, strings.NewReader(string(b)))
		req.Header.Set("X-Amz-Target", service+"."+action)
		req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261126/us-east-1/"+strings.ToLower(strings.TrimPrefix(service, "Amazon"))+"/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	text := string(b)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", action, resp.Status, text)
	}
	if value == "" {
		return text
	}
	for _, around := range [][2]string{{"<" + value + ">", "<"}, {`"` + value + `":"`, `"`}} {
		if _, after, ok := strings.Cut(text, around[0]); ok {
			found, _, _ := strings.Cut(after, around[1])
			return found
		}
	}
	t.Fatalf("%s: no %s in %s", action, value, text)
	return ""
}

// received is what stands in the queue, which it empties.
func (d *drillHost) received(t *testing.T) string {
	out := d.ask(t, "AmazonSQS", "ReceiveMessage", url.Values{"QueueUrl": {d.queue}}, "")
	for range 9 {
		out += d.ask(t, "AmazonSQS", "ReceiveMessage", url.Values{"QueueUrl": {d.queue}}, "")
	}
	return out
}

// drill runs one, once nothing fires; a host that is loaded, or in trouble of
// its own, is waited for.
func (d *drillHost) drill(t *testing.T, args ...string) (string, int) {
	t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for {
		d.quiet(t)
		out, code := d.command(append([]string{"drill"}, args...)...)
		switch {
		case !strings.Contains(out, "this host is loaded") && !strings.Contains(out, "an incident is open"):
			return out, code
		case code != 1:
			t.Errorf("refused with exit code %d", code)
		case time.Now().After(deadline):
			t.Skipf("refused for 40 s on a host that is not quiet: %s", out)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func (d *drillHost) quiet(t *testing.T) {
	t.Helper()
	d.eventually(90*time.Second, "nothing fires", func() bool {
		out, _ := d.command("incidents", "--json")
		return !strings.Contains(out, `"state": "firing"`)
	})
}

func (d *drillHost) passes(t *testing.T, kind string) {
	before := len(d.chat.Messages())
	out, code := d.drill(t, kind)
	if code != 0 || strings.Count(out, "delivered") != 3 || !strings.Contains(out, "drill-"+kind+" fired after") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if m := d.chat.Messages()[before:]; len(m) != 2 || !strings.Contains(m[0].Text, "drill") || m[1].Method != "chat.update" {
		t.Errorf("Slack got %+v", m)
	}
	queue := d.received(t)
	for _, state := range []string{`firing`, `resolved`} {
		if !strings.Contains(queue, "drill-"+kind) || !strings.Contains(queue, state) {
			t.Errorf("the queue got nothing %s of it: %s", state, queue)
		}
	}
	t.Logf("%s", out)
}

// killed: by the time that the agent has seen the client go, nothing is left.
func (d *drillHost) killed(t *testing.T, kind string) {
	d.quiet(t)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	seen := strings.Count(d.log.String(), "a drill begins")
	c := exec.Command(path, "drill", kind, "--state-dir", d.state)
	var said lockedBuffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	d.eventually(20*time.Second, "the drill begins", func() bool {
		return strings.Count(d.log.String(), "a drill begins") > seen || strings.Contains(said.String(), "loaded")
	})
	if strings.Contains(said.String(), "loaded") {
		<-ended
		t.Skip(said.String())
	}
	_ = c.Process.Signal(syscall.SIGKILL)
	<-ended
	d.eventually(10*time.Second, "the rule of a killed drill goes", func() bool {
		out, _ := d.command("status", "--json")
		return !strings.Contains(out, "drill-"+kind+`"`) || strings.Contains(out, `"state": "resolved"`)
	})
	if left, err := os.Stat(filepath.Join(d.state, "drill.tmp")); err == nil && left.Size() > 0 {
		t.Errorf("a killed drill left %d bytes", left.Size())
	}
	d.quiet(t)
	d.received(t)
}

func (d *drillHost) cutOff(t *testing.T, kind string) {
	d.cut.Store(true)
	defer d.cut.Store(false)
	out, code := d.drill(t, kind, "--within", "2s")
	result := map[string]string{}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 1 {
			result[f[0]] = f[1]
		}
	}
	if code != 1 || result["topic"] != "FAILED" || result["chat"] != "delivered" || result["journal"] != "delivered" || !strings.Contains(out, "EOF") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	t.Logf("%s", out)
}
