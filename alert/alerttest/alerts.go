package alerttest

import (
	"math"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

const incident = "0123456789abcdef0123456789abcdef"

// Alert returns a complete alert as the outbox gives it to a sink. phase is
// firing, update-N, resolved or digest.
func Alert(phase string) alert.Alert {
	began := time.Now().UTC().Truncate(time.Second).Add(-time.Minute)
	threshold := alert.Number(90)
	a := alert.Alert{
		Schema: alert.Schema, Key: incident + "." + phase, Incident: incident, Phase: phase,
		Severity: alert.Critical, State: alert.Firing, Host: "web-1", Labels: map[string]string{"env": "prod", "team": "web"},
		Rule: "disk-full", Target: "/var/lib/data", Metric: "disk_used_percent", Unit: "Percent", Value: 97.5, Threshold: &threshold,
		Summary:  "The disk /var/lib/data is 97.5 % full",
		Causes:   []alert.Cause{{Metric: "disk_used_percent", Target: "/var/lib/data", Unit: "Percent", Value: 97.5, Usual: &alert.Range{Low: 40, High: 60}, Share: 1}},
		Culprits: []alert.Culprit{{PID: 4711, Command: "dd if=/dev/zero", User: "root", What: "diskio_write_bytes Bytes/Second", Value: 1e8}},
		Members:  []alert.Member{{Rule: "disk-full", Target: "/var/lib/data", Severity: alert.Critical, State: alert.Firing, Summary: "97.5 % full"}},

		StartedAt: began, ChangedAt: began, SilenceCommand: "firewatch silence add --rule disk-full --target /var/lib/data --for 2h",
		Agent: alert.Agent{Version: "1.2.3", InstallID: "fedcba9876543210fedcba9876543210"},
	}
	if phase == alert.PhaseResolved {
		a.State, a.ResolvedAt, a.ChangedAt = alert.Resolved, began.Add(30*time.Second), began.Add(30*time.Second)
		a.Summary = "The disk /var/lib/data has room again after 30 s"
	}
	return a
}

// monster is an alert at the bounds of what the outbox accepts: text in every
// field that breaks naive quoting, numbers that JSON does not have.
func monster() alert.Alert {
	a := Alert(alert.PhaseFiring)
	nasty := "<!channel> & \"quotes\" \x00\x1b[31m \u202e \xff\xfe `code` ${HOME} \U0001f525\n"
	a.Rule, a.Target = "disk full/"+nasty, "/mnt/"+nasty+strings.Repeat("ä", 600)
	a.Summary = nasty + strings.Repeat("a long line ", 1000)
	a.Value, a.Threshold = alert.Number(math.NaN()), nil
	a.Host = nasty
	a.Labels = map[string]string{nasty: nasty, "": "", "k": strings.Repeat("v", 2000)}
	for range 63 {
		a.Causes = append(a.Causes, alert.Cause{Metric: nasty, Value: alert.Number(math.Inf(1)), Share: alert.Number(math.NaN())})
		a.Culprits = append(a.Culprits, alert.Culprit{PID: 1, Command: nasty, What: nasty, Value: alert.Number(math.Inf(-1))})
		a.Members = append(a.Members, alert.Member{Rule: nasty, Severity: alert.Info, State: alert.Firing})
	}
	return a
}
