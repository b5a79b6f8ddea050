package main

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"github.com/firewatch-agent/firewatch/alert/cloudwatch"
	"github.com/firewatch-agent/firewatch/alert/slack"
	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/collect/probe"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/internal/slackfake"
)

// TestCheckLive: what answers is ok, what does not is named with its cure, and
// nobody is told anything.
func TestCheckLive(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CA_BUNDLE", "")
	chat, aws := slackfake.New("xoxb-good"), awsfake.New()
	t.Cleanup(chat.Close)
	t.Cleanup(aws.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := l.Addr().String()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shut := closed.Addr().String()
	_ = closed.Close()
	t.Cleanup(func() { _ = l.Close() })
	cfg := config.Default()
	cfg.Probes = []probe.Config{{Name: "open", Type: "tcp", Target: open}, {Name: "shut", Type: "tcp", Target: shut}}
	cfg.Sinks.Slack = []slack.Config{{Name: "good", Token: conf.NewSecret("xoxb-good"), Channel: "#ops", APIURL: chat.API()}, {Name: "bad", Token: conf.NewSecret("xoxb-bad"), Channel: "#ops", APIURL: chat.API()}}
	cfg.Sinks.CloudWatch = []cloudwatch.Config{{Name: "cw", Region: "eu-west-1", Endpoint: aws.URL}}
	var out, errs bytes.Buffer
	if n := checkLive(t.Context(), env{out: &out, err: &errs}, cfg); n != 2 {
		t.Errorf("%d failed, want 2:\n%s%s", n, out.String(), errs.String())
	}
	for _, text := range []string{"ok      probe open", "ok      sink good (slack)", "ok      sink cw (cloudwatch)"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in %s", text, out.String())
		}
	}
	for _, text := range []string{"FAILED  probe shut", "FAILED  sink bad (slack)", "invalid_auth", "chat:write"} {
		if !strings.Contains(errs.String(), text) {
			t.Errorf("no %q in %s", text, errs.String())
		}
	}
	if len(chat.Messages()) != 0 || strings.Contains(errs.String(), "xoxb-bad") {
		t.Error("somebody was told, or the token was printed")
	}
}
