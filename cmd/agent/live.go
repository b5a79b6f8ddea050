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
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/collect/probe"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
)

// livePatience bounds each thing that `check --live` tries.
const livePatience = 10 * time.Second

// The states of what `check --live` looked at.
const (
	liveOK       = "ok"
	liveFailed   = "failed"
	liveNotTried = "not tried" // trying it would change or tell something
)

// liveTry is one thing that the config needs, and whether it is there.
type liveTry struct {
	What  string `json:"what"`
	State string `json:"state"`
	Error string `json:"error,omitempty"`
	Cure  string `json:"cure,omitempty"` // a statement or a scope that would mend it; where not tried, how to be sure
}

// liveTries collects them.
type liveTries struct {
	ctx context.Context
	out []liveTry
}

func (l *liveTries) try(what, cure string, f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(l.ctx, livePatience)
	defer cancel()
	t := liveTry{What: what, State: liveOK}
	if err := f(ctx); err != nil {
		t.State, t.Error, t.Cure = liveFailed, err.Error(), awsclient.Hint(err)
		if t.Cure == "" && errors.Is(err, alert.ErrCredentials) {
			t.Cure = cure
		}
	}
	l.out = append(l.out, t)
}

func (l *liveTries) untried(what, cure string) {
	l.out = append(l.out, liveTry{What: what, State: liveNotTried, Cure: cure})
}

// checkLive tries what the config names, without telling or changing anything:
// each probe once, and credentials, channels, topics and permissions of the sinks.
func checkLive(ctx context.Context, cfg *config.Config) []liveTry {
	l := &liveTries{ctx: ctx, out: []liveTry{}}
	for _, p := range cfg.Probes {
		l.try("probe "+p.Name, "", func(ctx context.Context) error { return probe.Try(ctx, p) })
	}
	for _, c := range cfg.Sinks.Slack {
		l.slack(c)
	}
	for _, c := range cfg.Sinks.SNS {
		l.try("sink "+c.Name+" (sns): sns:GetTopicAttributes", allow(c.Topic, "", "sns:Publish", "sns:GetTopicAttributes"), func(ctx context.Context) error {
			s, err := sns.New(c)
			if err != nil {
				return err
			}
			return s.Check(ctx)
		})
		l.untried("sink "+c.Name+" (sns): sns:Publish", wouldTell(c.Name)+"; it needs "+allow(c.Topic, "", "sns:Publish"))
	}
	for _, c := range cfg.Sinks.CloudWatch {
		l.cloudwatch(c, len(mirrors(cfg.Rules)) > 0)
	}
	if mode := cfg.Health.Unhealthy; mode == web.UnhealthyOn {
		l.untried("autoscaling:SetInstanceHealth", "a request would have this host replaced; it needs packaging/iam/unhealthy.json")
	}
	for _, c := range cfg.Sinks.Webhook {
		l.untried("sink "+c.Name+" (webhook)", wouldTell(c.Name))
	}
	for _, c := range cfg.Sinks.Alertmanager {
		l.untried("sink "+c.Name+" (alertmanager)", wouldTell(c.Name))
	}
	for _, c := range cfg.Sinks.PagerDuty {
		l.untried("sink "+c.Name+" (pagerduty)", wouldTell(c.Name))
	}
	return l.out
}

func wouldTell(sink string) string {
	return "a request would be an alert; use firewatch test-alert --sink " + sink
}

// slack tries the token and its scopes. Only a message shows that a channel or a
// webhook takes one.
func (l *liveTries) slack(c slack.Config) {
	name := "sink " + c.Name + " (slack)"
	if !c.Webhook.IsZero() || c.WebhookFile != "" {
		l.untried(name+": webhook", wouldTell(c.Name))
		return
	}
	l.try(name+": token", "take the bot token (xoxb-…) of an app that has the scope chat:write and is installed: docs/slack.md", func(ctx context.Context) error {
		s, err := slack.New(c, nil)
		if err != nil {
			return err
		}
		return s.Check(ctx)
	})
	l.untried(name+": channel "+c.Channel, wouldTell(c.Name)+"; the bot must be a member: /invite it")
}

// cloudwatch tries each permission of one sink by itself, and where rules are
// mirrored those of its alarms.
func (l *liveTries) cloudwatch(c cloudwatch.Config, mirrored bool) {
	namespace := c.Namespace
	if namespace == "" {
		namespace = "CWAgent"
	}
	name := "sink " + c.Name + " (cloudwatch): cloudwatch:"
	l.try(name+"PutMetricData", allow("*", fmt.Sprintf(`{"StringEquals":{"cloudwatch:namespace":%q}}`, namespace), "cloudwatch:PutMetricData"), cloudwatch.NewSink(c).Check)
	if !mirrored {
		return
	}
	const ours = "arn:aws:cloudwatch:*:*:alarm:firewatch/*"
	a := cloudwatch.NewAlarms(c, hostName(), nil)
	l.try(name+"DescribeAlarms", allow("*", "", "cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"), func(ctx context.Context) error {
		_, err := a.PlanEnd(ctx, true) // it reads the tags of those that are there
		return err
	})
	l.try(name+"DeleteAlarms", allow(ours, "", "cloudwatch:DeleteAlarms"), a.CheckDelete)
	l.untried(name+"PutMetricAlarm", "a request would make an alarm; firewatch alarms plan shows which, and apply needs "+allow(ours, "", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"))
}

// allow is an IAM statement.
func allow(resource, condition string, actions ...string) string {
	list := fmt.Sprintf("%q", actions[0])
	for _, a := range actions[1:] {
		list += fmt.Sprintf(",%q", a)
	}
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return fmt.Sprintf(`IAM: {"Effect":"Allow","Action":[%s],"Resource":%q%s}`, list, resource, condition)
}

// failures counts what failed.
func failures(tries []liveTry) (n int) {
	for _, t := range tries {
		if t.State == liveFailed {
			n++
		}
	}
	return n
}

// printLive says it in lines and returns how many failed.
func printLive(e env, tries []liveTry) int {
	for _, t := range tries {
		switch t.State {
		case liveOK:
			fmt.Fprintf(e.out, "ok      %s\n", t.What)
		case liveNotTried:
			fmt.Fprintf(e.out, "not tried  %s: %s\n", t.What, t.Cure)
		default:
			fmt.Fprintf(e.err, "FAILED  %s: %s\n", t.What, t.Error)
			if t.Cure != "" {
				fmt.Fprintf(e.err, "        %s\n", t.Cure)
			}
		}
	}
	return failures(tries)
}
