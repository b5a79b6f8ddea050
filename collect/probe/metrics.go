package probe

import (
	"math"

	"github.com/firewatch-agent/firewatch/collect"
)

// Metrics lists what a Set gives, for checking rules without one.
func Metrics() []collect.Metric {
	m := func(name, unit, help string, low, high float64) collect.Metric {
		return collect.Metric{Name: name, Unit: unit, Subsystem: "latency", Help: help, Min: low, Max: high}
	}
	none := math.NaN()
	time := func(name, help string) collect.Metric { return m(name, "Milliseconds", help, 0, none) }
	return []collect.Metric{
		time("probe_duration", "time of the newest attempt that succeeded; missing while the probe fails"),
		m("probe_success", "None", "1 where the newest attempt succeeded, 0 where it and its repeat failed", 0, 1),
		m("probe_result_code", "None", "what became of the newest attempt: 0 success, 1 text mismatch, 2 answer cut short, 3 connection failed, 4 timeout, 5 DNS error, 6 status mismatch (these as Telegraf's), 7 TLS, 8 credentials refused, 9 other, 10 role mismatch", 0, 10),
		m("probe_status_code", "None", "HTTP status of the newest answer", 0, 999),
		time("probe_duration_p50", "median of the attempts of the last 5 minutes, exact; one that ran into its timeout counts with it"),
		time("probe_duration_p95", "95th percentile of the same"),
		time("probe_duration_p99", "99th percentile of the same"),
		time("probe_dns_duration", "name resolution, of the newest attempt that succeeded"),
		time("probe_connect_duration", "connection without TLS; of PostgreSQL with TLS and log-in"),
		time("probe_tls_duration", "TLS handshake"),
		time("probe_first_byte_duration", "from the request to the first byte of the answer"),
		time("probe_query_duration", "one small query: SELECT of PostgreSQL, PING of Redis"),
		m("probe_tls_expiry", "Seconds", "time until the first certificate of the chain expires; negative once it has", none, none),
		m("probe_tls_trusted", "None", "1 where the chain leads to a root that is trusted, the name fits and no certificate has expired", 0, 1),
		m("probe_replica", "None", "1 where the database is a replica, 0 where it is a primary", 0, 1),
		m("probe_replication_lag", "Seconds", "of a replica: age of the newest transaction replayed, 0 where all that was received is replayed; of Redis the time since its primary was last heard", 0, none),
		m("probe_replication_lag_bytes", "Bytes", "of a replica what it received and has not replayed; of a primary the most that a replica lacks, where the user may see it", 0, none),
		m("probe_clock_offset", "Milliseconds", "NTP: time of the server less time of this host", none, none),
		m("probe_exit_code", "None", "exit status of the command", 0, 255),
		m("probe_value", "None", "the number that the command printed as its first word", none, none),
	}
}
