package config

import (
	"slices"
	"strings"
)

// key documents one key of the file: its path without indices, its default
// (or, where it has none, an example), and what it is for. `check --print` and
// docs/configuration.md show these texts, and a test holds that every key has
// one.
type key struct {
	path    string
	value   string // TOML
	example bool   // value is an example, not the default
	text    string
}

// table documents a [table] or [[table]].
type table struct{ path, text string }

func tables() []table {
	return []table{
		{"agent", "The agent itself."},
		{"collect", "What is read. Every collector is on that finds something to read on the host."},
		{"collect.disk", "Space and inodes of file systems."},
		{"collect.diskio", "Block devices."},
		{"collect.cgroup", "What cgroups use of what they may."},
		{"collect.net", "Network interfaces."},
		{"probe", "A service that this host depends on, tried on a schedule of its own. Gives the metrics that begin with probe_, with the probe's name as target. A first failure is confirmed at once before it counts."},
		{"probe.expect", "What an answer must be to count as a success."},
		{"statsd", "What applications send of themselves, as StatsD or DogStatsD text: counters, gauges, timers, sets, histograms and distributions, with tags. Rules name the metrics statsd_counter, statsd_gauge, statsd_timer_p95, … with name{tag=value} as target. Nothing listens where neither listen nor socket is set."},
		{"scrape", "A Prometheus endpoint of this host, of which a few series are kept: rules name scrape_value, scrape_rate and, of histograms and summaries, scrape_mean, with endpoint:name{label=\"value\"} as target."},
		{"rule", "A threshold in the language of CloudWatch alarms: the statistic over each period is a datapoint, and the rule fires when datapoints_to_alarm of the last evaluation_periods datapoints are beyond the threshold. A rule with the name of a built-in one takes its place as a whole."},
		{"anomaly", "The rule without a threshold: it learns what is usual on this host, says what is not, and is silent while it learns. docs/detection.md says how."},
		{"sink.slack", "Slack, by a bot token (messages are edited as the incident goes on) or by an incoming webhook."},
		{"sink.sns", "An Amazon SNS topic, standard or FIFO. Credentials come from the AWS SDK's default chain: environment, profile, role."},
		{"sink.cloudwatch", "Amazon CloudWatch: metrics once a minute, and a series of 0 and 1 per rule and target that an alarm can watch."},
		{"sink.webhook", "Any HTTP server: alerts as JSON, schema 1, by POST."},
		{"sink.alertmanager", "Prometheus Alertmanager, API v2. For a cluster, one sink for each of its members: they do not pass alerts on to each other."},
		{"sink.pagerduty", "PagerDuty, Events API v2. An incident is one alert there; who is woken when is PagerDuty's to decide."},
		{"route", "Which alerts go to which sinks. Every route that matches applies; without routes, and where none matches, an alert goes to every sink."},
		{"route.match", "Which alerts: all that is set must match, and nothing matches all."},
		{"maintenance", "A window that comes again and again, in which the alerts that match are kept back: what still fires at its end is told then, what ended in it never. Incidents that people know of get their end told."},
		{"maintenance.match", "Which alerts: all that is set must match, and nothing matches all."},
		{"http", "The status page and /metrics, for people and Prometheus. Nothing listens where listen is not set. Beyond loopback it demands TLS and a token."},
		{"history", "What was measured, kept on disk for charts, back-tests and a restart that remembers."},
		{"health", "One word for kubelets and load balancers: /healthz (the agent makes progress) and /health/host (200 while the host should receive traffic). No token, no Host check."},
	}
}

func keys() []key {
	return slices.Concat(agentKeys(), collectKeys(), sourceKeys(), maintenanceKeys(), sinkKeys())
}

func maintenanceKeys() []key {
	return []key{
		{"maintenance.cron", `"0 3 * * sun"`, true, "When it begins, as in crontab: minute, hour, day, month, weekday; or a word such as @daily. Required."},
		{"maintenance.duration", `"2h"`, true, "How long it lasts, 1m to 7d. Required."},
		{"maintenance.zone", `"Europe/Berlin"`, true, "Time zone of cron. Default: the host's."},
		{"maintenance.match.severity", `["warning"]`, true, "One of these severities."},
		{"maintenance.match.rule", `["backup-*"]`, true, "One of these rules; * stands for any text."},
		{"maintenance.match.labels", `{ team = "web*" }`, true, "All of these labels; * stands for any text."},
	}
}

func collectKeys() []key {
	return []key{
		{"collect.enable", `["cpu", "mem", "disk"]`, true, "Only these collectors. Default: all."},
		{"collect.disable", `["processes"]`, true, "Not these collectors. Default: none."},
		{"collect.disk.ignore_fstypes", `["tmpfs"]`, true, "File systems left out, by type, beyond those that have no space of their own."},
		{"collect.disk.ignore_mounts", `["/mnt/backup*"]`, true, "Mount points left out; * stands for any text."},
		{"collect.diskio.partitions", `false`, false, "Series for partitions too, not only for whole devices."},
		{"collect.cgroup.paths", `["system.slice/nginx.service"]`, true, "Cgroups to watch, below /sys/fs/cgroup. Default: only the container that the agent itself is in."},
		{"collect.net.ignore", `["lo", "veth*", "cali*", "cni*"]`, false, "Interfaces left out; * stands for any text."},
	}
}

func agentKeys() []key {
	return []key{
		{"agent.interval", `"1s"`, false, "Time between two ticks, 100ms to 60s."},
		{"agent.labels", `{ team = "web", env = "prod" }`, true, "Names and values that every alert carries; routes can match them. At most 20."},
		{"agent.state_dir", `"/var/lib/firewatch"`, true, "Where incidents, models and history are kept; an absolute path. Default: $STATE_DIRECTORY, else /var/lib/firewatch as root, else $XDG_STATE_HOME/firewatch."},
		{"agent.default_rules", `true`, false, "Keep the built-in rules. With false, only the rules of this file are in force."},

		{"rule.name", `"load-high"`, true, "Name, [a-z0-9-], unique. Required."},
		{"rule.metric", `"system_load1"`, true, "The metric to watch; docs/metrics.md lists them. Required."},
		{"rule.target", `"/var*"`, true, "Which mount points, devices, interfaces or probes; * stands for any text. Default: the host's own series, or all targets of a metric that has some."},
		{"rule.statistic", `"avg"`, false, "avg, min, max, sum, last, p1 to p99, rate (change per second), times (the newest 10 s over the rest of the period; below 10 of the unit counts as 10), or time_to_full (seconds until 100 at the present slope)."},
		{"rule.period", `"60s"`, false, "The time that one datapoint covers, in whole seconds."},
		{"rule.comparison", `">"`, true, `">", ">=", "<" or "<=": datapoint, comparison, threshold. Required.`},
		{"rule.threshold", `20`, true, "The level, in the metric's unit. Required."},
		{"rule.clear", `15`, true, "The alert resolves only beyond this level (hysteresis). Default: the threshold."},
		{"rule.evaluation_periods", `1`, false, "How many datapoints are looked at. Periods together at most 6h."},
		{"rule.datapoints_to_alarm", `1`, true, "How many of them must be beyond the threshold. Default: all."},
		{"rule.for", `"5m"`, true, "Instead of evaluation_periods: that many periods as fill this time."},
		{"rule.missing", `"missing"`, false, "A datapoint without readings: missing (keep looking at what there is), ignore (keep the state), breaching or notBreaching."},
		{"rule.severity", `"warning"`, false, "info, warning or critical."},
		{"rule.summary", `"the load is high"`, true, "One line that says what is wrong, for the alert."},
		{"rule.mirror", `false`, false, "May be mirrored as a CloudWatch alarm; a fault where CloudWatch cannot express the rule."},

		{"anomaly.enable", `true`, false, "Whether anomalies are looked for."},
		{"anomaly.budget", `"1 per week"`, false, "False alarms to put up with: a number per hour, day, week or month. Anomalies must be the rarer, the smaller it is."},
		{"anomaly.series", `["cpu_usage_active", "net_bytes_recv"]`, true, "The metrics that are watched, at most 60, instead of those that explain trouble. Of two to four the ratios are watched, too."},
		{"anomaly.row", `"5s"`, false, "Each reading that is judged is the mean over this time, 1s to 10m."},
		{"anomaly.learn", `"1h"`, false, "How long it is silent at first; at least 100 rows."},
		{"anomaly.seed", `1`, false, "Chance of the forests: the same frames and seed give the same alerts."},

		{"route.match.severity", `["critical"]`, true, "One of these severities."},
		{"route.match.rule", `["disk-*"]`, true, "One of these rules; * stands for any text."},
		{"route.match.labels", `{ team = "web*" }`, true, "All of these labels; * stands for any text."},
		{"route.to", `["ops"]`, true, "Names of sinks that each get the alert. Required without failover."},
		{"route.failover", `["ops", "pager"]`, true, "An ordered list: a critical alert moves on 15 s after its first attempt, or at once where a sink is known to be down."},
		{"route.repeat", `"4h"`, true, "Tell again this often while it fires and nobody has acknowledged it; at least 1m. Default: never."},

		{"http.listen", `"127.0.0.1:9469"`, true, "host:port of the status page and /metrics. Default: no listener."},
		{"http.tls_cert", `"/etc/firewatch/tls.crt"`, true, "Certificate chain (PEM); needed beyond loopback."},
		{"http.tls_key", `"/etc/firewatch/tls.key"`, true, "Its key (PEM)."},
		{"http.token", `"${env:FIREWATCH_TOKEN}"`, true, "Token that requests must carry, as Authorization: Bearer or as the password of basic authentication; needed beyond loopback."},
		{"http.token_file", `"/etc/firewatch/http-token"`, true, "A file that holds the token, instead of token."},
		{"http.hosts", `["web1.example.com"]`, true, "Names that requests may use, beside loopback and the address of listen."},

		{"history.keep", `"14d"`, false, "How long 10 s rows (mean and maximum of each series) are kept, 1d to 400d."},
		{"history.keep_1s", `"6h"`, false, "How long every reading is kept, 10m to 7d."},
		{"history.size", `"256MiB"`, false, "Most that all files of the history take, 8MiB to 64GiB; the oldest go first."},

		{"health.heartbeat_url", `"https://hc.example.com/ping/0123"`, true, "A URL that is fetched every 60 s while ticks and delivery make progress: a dead-man's switch that tells when it stops. It is treated as a secret."},
		{"health.heartbeat_url_file", `"/etc/firewatch/heartbeat-url"`, true, "A file that holds the URL, instead of heartbeat_url."},
		{"health.listen", `":9470"`, true, "host:port of /healthz and /health/host. Default: no listener."},
		{"health.agent_check", `":9471"`, true, "host:port of HAProxy's agent check. Default: no listener."},
		{"health.weight", `40`, false, "Percent of its traffic that the host asks HAProxy for while a critical fires, 20 to 100."},
		{"health.set_instance_health", `"off"`, false, "Replace the host by its Auto Scaling group when a critical of rules lasts 10 min, at most once in 24 h: off, dry-run (the log says what would be done) or on. It needs rules, and packaging/iam/unhealthy.json."},
		{"health.rules", `["memory-*", "disk-*"]`, true, "The critical rules that take traffic away; * stands for any text. Default: all but those on probes and the name server."},
	}
}

// sourceKeys are those of what is read beside the host itself.
func sourceKeys() []key {
	return []key{
		{"probe.name", `"shop"`, true, "Name, [a-z0-9-], unique: the target of the probe's metrics. Required."},
		{"probe.type", `"http"`, true, "http (a GET request), tcp (a connection), tls (a certificate), dns (a question), icmp (a ping), postgres, redis, ntp or exec (a command). Required."},
		{"probe.target", `"http://127.0.0.1:8080/health"`, true, "A URL for http and postgres, host:port for tcp, tls, dns, redis and ntp, a host for icmp, nothing for exec."},
		{"probe.command", `["/usr/lib/nagios/plugins/check_swap", "-w", "20%"]`, true, "exec: the program and its arguments; no shell. Exit status 0 is a success, a number printed first becomes probe_value."},
		{"probe.interval", `"10s"`, false, "Time between two tries, 100ms to 1h, a twentieth more or less."},
		{"probe.timeout", `"5s"`, false, "Time after which a try has failed, 10ms to 1m."},
		{"probe.query", `"example.com"`, true, "dns: the name asked for."},
		{"probe.record", `"A"`, false, "dns: A, AAAA, CNAME, MX, NS, SOA or TXT."},
		{"probe.user", `"firewatch"`, true, "postgres, redis: who logs in. PostgreSQL tells role and lag to anyone; pg_monitor lets a primary tell how far behind its replicas are."},
		{"probe.password", `"${env:PG_PASSWORD}"`, true, "postgres, redis: the password."},
		{"probe.password_file", `"/etc/firewatch/pg-password"`, true, "A file that holds the password, instead of password; read at each try."},
		{"probe.ca_file", `"/etc/firewatch/ca.pem"`, true, "http, tls: root certificates (PEM) instead of the system's. For postgres write sslrootcert=FILE into the target."},
		{"probe.server_name", `"shop.example.com"`, true, "http, tls: the name that the certificate must have. Default: that of the target."},
		{"probe.redirects", `0`, false, "http: how many redirects are followed, up to 10. With 0 a redirect is an answer."},
		{"probe.expect.status", `200`, true, "http: the status. Default: any 2xx or 3xx."},
		{"probe.expect.body", `"ok"`, true, "http, dns, exec: text that the first 64 KiB of the answer contain."},
		{"probe.expect.role", `"primary"`, true, "postgres, redis: primary or replica; anything else is a failure."},

		{"statsd.listen", `"127.0.0.1:8125"`, true, "host:port for UDP, on loopback: StatsD has no authentication. Default: no listener."},
		{"statsd.socket", `"/run/firewatch/statsd.sock"`, true, "Path of a unix datagram socket; anyone who can reach its directory may send. Default: none."},
		{"statsd.max_series", `1000`, false, "Most names, each with its tags, 1 to 2000; what is beyond is dropped and counted in statsd_dropped. One that nobody sends for five minutes makes room."},

		{"scrape.name", `"shop"`, true, "Name, [a-z0-9-], unique: it begins the targets. Required."},
		{"scrape.url", `"http://127.0.0.1:9100/metrics"`, true, "The endpoint: http, on loopback. Required."},
		{"scrape.interval", `"10s"`, false, "Time between two scrapes, 1s to 1h."},
		{"scrape.timeout", `"2s"`, false, "Time after which a scrape has failed, 10ms to 1m."},
		{"scrape.metrics", `["http_requests_total", "http_request_duration_seconds"]`, true, "The series that are kept, by name; * stands for any text. At most 200 of an endpoint. Required."},
	}
}

func sinkKeys() []key {
	const name = "Name, [a-z0-9-], unique over all sinks; routes refer to it. Required."
	return []key{
		{"sink.slack.name", `"ops"`, true, name},
		{"sink.slack.token", `"${env:SLACK_TOKEN}"`, true, "Bot token (xoxb-…) with the scope chat:write. With channels:history too, a message is not posted twice where Slack's answer was lost."},
		{"sink.slack.token_file", `"/etc/firewatch/slack-token"`, true, "A file that holds the token, instead of token."},
		{"sink.slack.channel", `"#ops"`, true, "Channel, id (C…) or #name; the bot must be a member. Required with a token."},
		{"sink.slack.webhook", `"${credential:slack-webhook}"`, true, "URL of an incoming webhook, instead of token and channel."},
		{"sink.slack.webhook_file", `"/etc/firewatch/slack-webhook"`, true, "A file that holds the URL, instead of webhook."},
		{"sink.slack.api_url", `"https://slack.com/api/"`, false, "Where Slack's API is, for a proxy or GovSlack."},

		{"sink.sns.name", `"oncall"`, true, name},
		{"sink.sns.topic", `"arn:aws:sns:eu-west-1:123456789012:alerts"`, true, "ARN of the topic; the region is taken from it. Required."},
		{"sink.sns.endpoint", `"https://vpce-0example.sns.eu-west-1.vpce.amazonaws.com"`, true, "URL of a VPC endpoint. Default: AWS's own."},
		{"sink.sns.max_message", `"256KiB"`, false, "The topic's MaximumMessageSize, 4KiB to 1MiB; a larger alert is cut to it. Over 256KiB a topic has no subscribers by mail, and gets the JSON alone."},
		{"sink.sns.json_only", `false`, false, "Send the JSON alone. Else a standard topic's subscribers by mail and SMS get plain text, by SNS's MessageStructure."},
		{"sink.sns.profile", `"firewatch"`, true, "Profile of the shared AWS config. Default: the SDK's default chain."},

		{"sink.cloudwatch.name", `"metrics"`, true, name},
		{"sink.cloudwatch.region", `"eu-west-1"`, true, "Region. Default: AWS_REGION, the profile's, or the instance's."},
		{"sink.cloudwatch.namespace", `"CWAgent"`, false, "Namespace of the metrics."},
		{"sink.cloudwatch.endpoint", `"https://vpce-0example.monitoring.eu-west-1.vpce.amazonaws.com"`, true, "URL of a VPC endpoint. Default: AWS's own."},
		{"sink.cloudwatch.profile", `"firewatch"`, true, "Profile of the shared AWS config. Default: the SDK's default chain."},
		{"sink.cloudwatch.metrics", `["cpu_usage_active", "disk_used_percent:/"]`, true, "Series to publish, metric or metric:target, * stands for any text; each costs about $0.30 a month. Default: the 12 vital ones. [] publishes none."},
		{"sink.cloudwatch.exclude", `["disk_used_percent:/mnt/*"]`, true, "Series not to publish, in the same form. Default: none."},
		{"sink.cloudwatch.high_resolution", `["cpu_usage_active"]`, true, "Of the series published, those that are sent every 10 s with a resolution of seconds. Default: none."},
		{"sink.cloudwatch.append_dimensions", `{ InstanceId = "${aws:InstanceId}" }`, true, "Dimensions of every series: text, or ${aws:InstanceId}, ${aws:ImageId}, ${aws:InstanceType}, ${aws:AutoScalingGroupName}. Default: these four on EC2, else host."},
		{"sink.cloudwatch.aggregation_dimensions", `[["AutoScalingGroupName"]]`, true, "Each series once more with these of its dimensions only, for all hosts that share them. Default: none."},
		{"sink.cloudwatch.alarm_actions", `["arn:aws:sns:eu-west-1:123456789012:alerts"]`, true, "What the alarms of `firewatch alarms apply` do, by ARN. Default: nothing."},

		{"sink.webhook.name", `"pager"`, true, name},
		{"sink.webhook.url", `"https://alerts.example.com/firewatch"`, true, "Where alerts are posted: https, or http to this host. It is treated as a secret. Required, or url_file."},
		{"sink.webhook.url_file", `"/etc/firewatch/pager-url"`, true, "A file that holds the URL, instead of url."},
		{"sink.webhook.token", `"${env:PAGER_TOKEN}"`, true, "Sent as Authorization: Bearer."},
		{"sink.webhook.token_file", `"/etc/firewatch/pager-token"`, true, "A file that holds the token, instead of token."},
		{"sink.webhook.secret", `"${env:PAGER_SECRET}"`, true, "Signs each body: Firewatch-Signature: t=UNIX,v1=HEX, the HMAC-SHA256 of UNIX.BODY."},
		{"sink.webhook.allow_http", `false`, false, "Allow plain http to other hosts."},
		{"sink.webhook.body", `'{"text": "{{severity}} on {{host}}: {{summary}}", "value": {{value}}}'`, true, "A body of your own, in which fields are filled in: key, incident, phase, severity, state, host, rule, target, metric, unit, value, shown_value, threshold, summary, started_at, changed_at, resolved_at, seconds, silence_command, version, labels.NAME, and json for the whole alert. Text is escaped for the content type; in JSON put it in quotes. Default: the alert as JSON."},
		{"sink.webhook.content_type", `"application/json"`, true, "Of body: application/json, application/x-www-form-urlencoded or a kind of text. Default: application/json."},

		{"sink.alertmanager.name", `"am-1"`, true, name},
		{"sink.alertmanager.url", `"https://alertmanager.example.com:9093"`, true, "Base of one Alertmanager. Required."},
		{"sink.alertmanager.user", `"firewatch"`, true, "User of basic authentication."},
		{"sink.alertmanager.password", `"${env:AM_PASSWORD}"`, true, "Its password; then url is https, or http to this host."},
		{"sink.alertmanager.password_file", `"/etc/firewatch/am-password"`, true, "A file that holds the password, instead of password."},
		{"sink.alertmanager.hold", `"7d"`, false, "How long a firing alert stays there by itself, should nothing follow; at least 10m. A route's repeat moves it on."},
		{"sink.alertmanager.allow_http", `false`, false, "Allow a password over plain http to other hosts."},

		{"sink.pagerduty.name", `"pagerduty"`, true, name},
		{"sink.pagerduty.routing_key", `"${env:PAGERDUTY_KEY}"`, true, "Integration key of an Events API v2 integration. Required, or routing_key_file."},
		{"sink.pagerduty.routing_key_file", `"/etc/firewatch/pagerduty-key"`, true, "A file that holds the key, instead of routing_key."},
		{"sink.pagerduty.endpoint", `"https://events.eu.pagerduty.com"`, true, "Base of the Events API. Default: https://events.pagerduty.com."},
	}
}

// homes names the tables that have a key of this name, for one that is in the
// wrong place: "[agent] or [[probe]]", or "" where there are none or many.
func homes(name string) string {
	lists := map[string]bool{"probe": true, "scrape": true, "rule": true, "route": true, "sink": true, "maintenance": true}
	var out []string
	for _, k := range keys() {
		i := strings.LastIndexByte(k.path, '.')
		if k.path[i+1:] != name {
			continue
		}
		head := "[" + k.path[:i] + "]"
		if root, _, _ := strings.Cut(k.path, "."); lists[root] && strings.Count(k.path, ".") == 1+strings.Count(root, "sink") {
			head = "[" + head + "]"
		}
		out = append(out, head)
	}
	if len(out) == 0 || len(out) > 3 {
		return ""
	}
	return strings.Join(out, " or ")
}
