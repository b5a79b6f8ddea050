package main

import (
	"bytes"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/firewatch-agent/firewatch/alert/cloudwatch"
	"github.com/firewatch-agent/firewatch/alert/slack"
	"github.com/firewatch-agent/firewatch/alert/sns"
	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/collect/probe"
	"github.com/firewatch-agent/firewatch/detect"
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
	cfg.Sinks.Slack = []slack.Config{{Name: "good", Token: conf.NewSecret("xoxb-good"), Channel: "#ops", APIURL: chat.API()}, {Name: "bad", Token: conf.NewSecret("xoxb-bad"), Channel: "#ops", APIURL: chat.API()}, {Name: "hook", Webhook: conf.NewSecret(chat.Webhook())}}
	cfg.Sinks.CloudWatch = []cloudwatch.Config{{Name: "cw", Region: "eu-west-1", Endpoint: aws.URL}}
	var out, errs bytes.Buffer
	if n := printLive(env{out: &out, err: &errs}, checkLive(t.Context(), cfg)); n != 2 {
		t.Errorf("%d failed, want 2:\n%s%s", n, out.String(), errs.String())
	}
	for _, text := range []string{"ok      probe open", "ok      sink good (slack): token", "not tried  sink good (slack): channel #ops", "not tried  sink hook (slack): webhook", "ok      sink cw (cloudwatch): cloudwatch:PutMetricData"} {
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
	chat.Grant("channels:read")
	chat.Revoke("chat:write")
	errs.Reset()
	if n := printLive(env{out: &out, err: &errs}, checkLive(t.Context(), cfg)); n != 3 || !strings.Contains(errs.String(), "lacks the scope chat:write") {
		t.Errorf("%d failed, want 3:\n%s", n, errs.String())
	}
}

// TestCheckLivePermissions: each permission by itself, with the statement that
// lacks; what cannot be tried without changing something is said to be untried,
// and nothing is changed.
func TestCheckLivePermissions(t *testing.T) {
	for k, v := range map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CA_BUNDLE": ""} {
		t.Setenv(k, v)
	}
	aws := awsfake.New()
	t.Cleanup(aws.Close)
	cfg := config.Default()
	most := 90.0
	cfg.Rules = []detect.RuleConfig{{Name: "cpu-high", Metric: "cpu_usage_active", Comparison: ">", Threshold: &most, Mirror: true}}
	cfg.Sinks.CloudWatch = []cloudwatch.Config{{Name: "cw", Region: "eu-west-1", Endpoint: aws.URL, Namespace: "own"}}
	cfg.Sinks.SNS = []sns.Config{{Name: "oncall", Topic: "arn:aws:sns:eu-west-1:123456789012:alerts", Endpoint: aws.URL}}
	cfg.Health.Unhealthy = web.UnhealthyOn
	states := func() (string, map[string]liveTry) {
		list, by := "", map[string]liveTry{}
		for _, try := range checkLive(t.Context(), cfg) {
			action := try.What[strings.LastIndexByte(try.What, ':')+1:]
			by[action] = try
			list += action + " " + try.State + ", "
		}
		return list, by
	}
	const untried = "PutMetricAlarm not tried, SetInstanceHealth not tried, "
	if got, _ := states(); got != "GetTopicAttributes ok, Publish not tried, PutMetricData ok, DescribeAlarms ok, DeleteAlarms ok, "+untried {
		t.Error(got)
	}
	denied := map[string]string{"PutMetricData": `"cloudwatch:namespace":"own"`, "DescribeAlarms": "cloudwatch:ListTagsForResource", "DeleteAlarms": "alarm:firewatch/*"}
	for action, statement := range denied {
		aws.Fail(func(operation string) (int, http.Header, string) {
			if operation == action {
				return 403, nil, "AccessDeniedException"
			}
			return 0, nil, ""
		})
		got, by := states()
		if strings.Count(got, "failed") != 1 || by[action].State != liveFailed || !strings.Contains(by[action].Cure, statement) || !strings.Contains(by[action].Cure, `"cloudwatch:`+action+`"`) {
			t.Errorf("without %s: %s %+v", action, got, by[action])
		}
	}
	if calls := aws.Calls(); len(aws.Alarms()) != 0 || calls["PutMetricAlarm"]+calls["SetInstanceHealth"] != 0 || len(aws.Messages()) != 0 {
		t.Errorf("something was changed: %v", calls)
	}
}
