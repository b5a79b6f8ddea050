package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/cloudwatch"
	"github.com/firewatch-agent/firewatch/alert/slack"
	"github.com/firewatch-agent/firewatch/alert/sns"
	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/collect/probe"
)

// livePatience bounds each thing that `check --live` tries.
const livePatience = 10 * time.Second

// checkLive tries what the config names, without telling anyone anything: each
// probe once, and credentials, channels and topics of the sinks. It returns how
// many failed.
func checkLive(ctx context.Context, e env, cfg *config.Config) int {
	failed := 0
	try := func(what, cure string, f func(context.Context) error) {
		ctx, cancel := context.WithTimeout(ctx, livePatience)
		defer cancel()
		err := f(ctx)
		if err == nil {
			fmt.Fprintf(e.out, "ok      %s\n", what)
			return
		}
		failed++
		fmt.Fprintf(e.err, "FAILED  %s: %v\n", what, err)
		if cure != "" && errors.Is(err, alert.ErrCredentials) {
			fmt.Fprintf(e.err, "        %s\n", cure)
		}
	}
	for _, p := range cfg.Probes {
		try("probe "+p.Name, "", func(ctx context.Context) error { return probe.Try(ctx, p) })
	}
	for _, c := range cfg.Sinks.Slack {
		try("sink "+c.Name+" (slack)", "the bot needs the scope chat:write and must be a member of the channel", func(ctx context.Context) error {
			s, err := slack.New(c, nil)
			if err != nil {
				return err
			}
			return s.Check(ctx)
		})
	}
	for _, c := range cfg.Sinks.SNS {
		cure := fmt.Sprintf(`IAM: {"Effect":"Allow","Action":["sns:Publish","sns:GetTopicAttributes"],"Resource":%q}`, c.Topic)
		try("sink "+c.Name+" (sns)", cure, func(ctx context.Context) error {
			s, err := sns.New(c)
			if err != nil {
				return err
			}
			return s.Check(ctx)
		})
	}
	for _, c := range cfg.Sinks.CloudWatch {
		namespace := c.Namespace
		if namespace == "" {
			namespace = "CWAgent"
		}
		cure := fmt.Sprintf(`IAM: {"Effect":"Allow","Action":"cloudwatch:PutMetricData","Resource":"*","Condition":{"StringEquals":{"cloudwatch:namespace":%q}}}`, namespace)
		try("sink "+c.Name+" (cloudwatch)", cure, cloudwatch.NewSink(c).Check)
		if len(mirrors(cfg.Rules)) > 0 {
			// Reading is tried; PutMetricAlarm and DeleteAlarms cannot be without changing something.
			cure := `IAM: {"Effect":"Allow","Action":["cloudwatch:DescribeAlarms","cloudwatch:ListTagsForResource"],"Resource":"*"}, and packaging/iam/alarms-apply.json for alarms apply`
			try("alarms of sink "+c.Name, cure, func(ctx context.Context) error {
				_, err := cloudwatch.NewAlarms(c, hostName(), nil, nil).PlanEnd(ctx, true)
				return err
			})
		}
	}
	untried := func(name, kind string) {
		fmt.Fprintf(e.out, "not tried  sink %s (%s): a request would be an alert; use firewatch test-alert --sink %s\n", name, kind, name)
	}
	for _, c := range cfg.Sinks.Webhook {
		untried(c.Name, "webhook")
	}
	for _, c := range cfg.Sinks.Alertmanager {
		untried(c.Name, "alertmanager")
	}
	for _, c := range cfg.Sinks.PagerDuty {
		untried(c.Name, "pagerduty")
	}
	return failed
}
