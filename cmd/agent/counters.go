package main

import (
	"strconv"
	"strings"

	"github.com/firewatch-agent/firewatch/cmd/agent/web"
)

// ownMetrics lists what the agent says of itself in /metrics: docs/metrics.md
// is made of it, and a test holds that there are no others.
func ownMetrics() [][3]string {
	return [][3]string{
		{"firewatch_ticks_total", "counter", "ticks that ran: one reading of the whole host each"},
		{"firewatch_ticks_late_total", "counter", "ticks that began more than half an interval late"},
		{"firewatch_ticks_dropped_total", "counter", "ticks that never ran because an earlier one overran"},
		{"firewatch_gaps_total", "counter", "times the host or the agent was stopped: suspend, SIGSTOP"},
		{"firewatch_reloads_total", "counter", "configurations put in force since the start"},
		{"firewatch_series", "gauge", "series in the newest tick"},
		{"firewatch_process_resident_memory_bytes", "gauge", "resident memory of the agent"},
		{"firewatch_process_cpu_percent", "gauge", "CPU time of the agent, in percent of one core"},
		{"firewatch_incidents_open", "gauge", "incidents that are open: firing, or with something owed"},
		{"firewatch_outbox_durable", "gauge", "1 while what is accepted is on disk, 0 while it is only in memory"},
		{"firewatch_outbox_accepted_total", "counter", "changes of incidents accepted"},
		{"firewatch_outbox_cancelled_total", "counter", "incidents that began and ended before a sink was told, and were not told"},
		{"firewatch_outbox_quarantined_total", "counter", "damaged files put aside"},
		{"firewatch_outbox_dead_total", "counter", "alerts given up: dead letters"},
		{"firewatch_history_bytes", "gauge", "size of the history on disk"},
		{"firewatch_history_up", "gauge", "1 while the history is written, 0 while it is paused"},
		{"firewatch_history_rows_lost_total", "counter", "rows of the history that were not written"},
		{"firewatch_collector_up", "gauge", "by collector: 1 while it works, 0 while it fails or is skipped"},
		{"firewatch_collector_duration_seconds", "gauge", "by collector: how long its newest reading took"},
		{"firewatch_collector_errors_total", "counter", "by collector: ticks in which it failed, hung or was not reached"},
		{"firewatch_collector_dropped_total", "counter", "by collector: samples left out, as not possible or too many"},
		{"firewatch_anomaly_score", "gauge", "by rule and target: how rare the newest row is, as the logarithm of blocks of two minutes; missing while the rule learns"},
		{"firewatch_anomaly_bound", "gauge", "by rule and target: the rank beyond which it fires"},
		{"firewatch_sink_sent_total", "counter", "by sink: alerts that the service promised to have"},
		{"firewatch_sink_failed_total", "counter", "by sink: attempts that failed, throttling not counted"},
		{"firewatch_sink_throttled_total", "counter", "by sink: times the service asked to wait"},
		{"firewatch_sink_dead_total", "counter", "by sink: dead letters"},
		{"firewatch_sink_owed", "gauge", "by sink: incidents with something still to deliver"},
		{"firewatch_sink_up", "gauge", "by sink: 1 in order, 0 while it backs off, is throttled, parked or behind its breaker"},
		{"firewatch_sink_breaker_open", "gauge", "by sink: 1 while its breaker is open"},
		{"firewatch_sink_parked", "gauge", "by sink: 1 while its credentials are refused"},
	}
}

// Counters implements web.Agent: the agent's own metrics.
func (a *agent) Counters() []web.Counter {
	s := a.Status()
	flag := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	out := []web.Counter{
		{Name: "firewatch_ticks_total", Value: float64(s.Ticks)}, {Name: "firewatch_ticks_late_total", Value: float64(s.Late)},
		{Name: "firewatch_ticks_dropped_total", Value: float64(s.Dropped)}, {Name: "firewatch_gaps_total", Value: float64(s.Gaps)},
		{Name: "firewatch_reloads_total", Value: float64(s.Reloads)},
		{Name: "firewatch_series", Value: float64(s.Series), Gauge: true},
		{Name: "firewatch_process_resident_memory_bytes", Value: float64(s.Self.RSSBytes), Gauge: true},
		{Name: "firewatch_process_cpu_percent", Value: s.Self.CPUPercent, Gauge: true},
		{Name: "firewatch_incidents_open", Value: float64(s.Outbox.Stats.Open), Gauge: true},
		{Name: "firewatch_outbox_durable", Value: flag(s.Outbox.Durable), Gauge: true},
		{Name: "firewatch_outbox_accepted_total", Value: float64(s.Outbox.Stats.Accepted)},
		{Name: "firewatch_outbox_cancelled_total", Value: float64(s.Outbox.Stats.Cancelled)},
		{Name: "firewatch_outbox_quarantined_total", Value: float64(s.Outbox.Stats.Quarantined)},
		{Name: "firewatch_history_bytes", Value: float64(s.History.Bytes), Gauge: true},
		{Name: "firewatch_history_up", Value: flag(s.History.Paused == ""), Gauge: true},
		{Name: "firewatch_history_rows_lost_total", Value: float64(s.History.Dropped + s.History.Lost)},
		{Name: "firewatch_outbox_dead_total", Value: float64(s.Outbox.Stats.Dead)},
	}
	for _, c := range s.Collectors {
		label := "{collector=" + strconv.Quote(c.Name) + "}"
		out = append(out, web.Counter{Name: "firewatch_collector_up" + label, Value: flag(c.State == "ok"), Gauge: true},
			web.Counter{Name: "firewatch_collector_duration_seconds" + label, Value: c.Duration / 1000, Gauge: true},
			web.Counter{Name: "firewatch_collector_errors_total" + label, Value: float64(c.Errors)}, web.Counter{Name: "firewatch_collector_dropped_total" + label, Value: float64(c.Dropped)})
	}
	a.mu.Lock()
	unusual := a.detector.Unusual()
	a.mu.Unlock()
	for _, r := range unusual {
		label := "{rule=" + strconv.Quote(r.Rule)
		if r.Target != "" {
			label += ",target=" + strconv.Quote(r.Target)
		}
		out = append(out, web.Counter{Name: "firewatch_anomaly_score" + label + "}", Value: float64(*r.Value), Gauge: true})
		if r.Threshold != nil {
			out = append(out, web.Counter{Name: "firewatch_anomaly_bound" + label + "}", Value: float64(*r.Threshold), Gauge: true})
		}
	}
	for _, k := range s.Sinks {
		label := "{sink=" + strconv.Quote(k.Name) + "}"
		out = append(out, web.Counter{Name: "firewatch_sink_sent_total" + label, Value: float64(k.Sent)}, web.Counter{Name: "firewatch_sink_failed_total" + label, Value: float64(k.Failed)},
			web.Counter{Name: "firewatch_sink_throttled_total" + label, Value: float64(k.Throttled)}, web.Counter{Name: "firewatch_sink_dead_total" + label, Value: float64(k.Dead)},
			web.Counter{Name: "firewatch_sink_breaker_open" + label, Value: flag(k.State == "breaker open"), Gauge: true}, web.Counter{Name: "firewatch_sink_parked" + label, Value: flag(k.State == "parked"), Gauge: true},
			web.Counter{Name: "firewatch_sink_owed" + label, Value: float64(k.Owed), Gauge: true}, web.Counter{Name: "firewatch_sink_up" + label, Value: flag(k.State == "ok"), Gauge: true})
	}
	help := map[string]string{}
	for _, m := range ownMetrics() {
		help[m[0]] = m[2]
	}
	for i := range out {
		name, _, _ := strings.Cut(out[i].Name, "{")
		out[i].Help = help[name]
	}
	return out
}
