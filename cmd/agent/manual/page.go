package manual

import (
	"fmt"
	"io"
	"strings"
)

// Commands writes the page firewatch(1).
func Commands(w io.Writer, version string, list []Command) error {
	var b strings.Builder
	head(&b, "FIREWATCH", "1", version)
	section(&b, "NAME", `firewatch \- watches the host it runs on and tells when it is in trouble`)
	section(&b, "SYNOPSIS", ".B firewatch\n.I COMMAND\n[flags]")
	section(&b, "DESCRIPTION", text("firewatch reads CPU, memory, disk, network and latency every second, judges them with threshold rules and an isolation forest, and delivers alerts to Slack, SNS, CloudWatch, webhooks, the journal or the terminal. An alert is accepted when it is on disk, and is then delivered to each receiver or kept as a dead letter that is counted and listed."))
	section(&b, "COMMANDS", "")
	for _, c := range list {
		fmt.Fprintf(&b, ".SS firewatch %s\n%s\n", text(strings.TrimSpace(c.Name+" "+c.Args)), text(sentence(c.Does)))
		for _, f := range c.Flags {
			fmt.Fprintf(&b, ".TP\n.B \\-\\-%s%s\n%s\n", text(f.Name), value(f.Value), text(sentence(f.Help)))
		}
	}
	section(&b, "EXIT STATUS", "")
	for _, e := range [][2]string{{"0", "Done."}, {"1", "It found something wrong, said on standard error."}, {"2", "The command line is wrong."}, {"75", "Another agent holds the state directory."}} {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", e[0], e[1])
	}
	section(&b, "FILES", "")
	for _, f := range [][2]string{
		{"/etc/firewatch/firewatch.toml", "The configuration, see firewatch.toml(5)."},
		{"/etc/firewatch/environment", "Variables for ${env:NAME} and for the AWS SDK, read by systemd."},
		{"/etc/credstore/firewatch.slack", "A secret for ${credential:firewatch.slack}, read by systemd; so are firewatch.webhook and firewatch.http."},
		{"/var/lib/firewatch", "Incidents, history and models."},
		{"/var/spool/firewatch", "Alerts of firewatch send while no agent runs."},
		{"/run/firewatch/agent.sock", "The socket of the running agent, for root and members of the group firewatch."},
	} {
		fmt.Fprintf(&b, ".TP\n.I %s\n%s\n", text(f[0]), text(f[1]))
	}
	section(&b, "SIGNALS", text("SIGHUP reads the configuration again, SIGTERM and SIGINT end the agent with everything saved."))
	section(&b, "SEE ALSO", ".BR firewatch.toml (5),\n.BR systemd.exec (5),\n.BR journalctl (1)")
	return flush(w, &b)
}

// Config writes the page firewatch.toml(5).
func Config(w io.Writer, version string, tables []Table) error {
	var b strings.Builder
	head(&b, "FIREWATCH.TOML", "5", version)
	section(&b, "NAME", `firewatch.toml \- configuration of firewatch`)
	section(&b, "SYNOPSIS", ".I /etc/firewatch/firewatch.toml")
	section(&b, "DESCRIPTION", text("The file is TOML. Without it, or with an empty one, the agent watches the host by its built-in rules. An unknown key is a fault: firewatch check reports all of them with line, caret and the nearest name. Secrets are written as ${env:NAME} or ${credential:NAME}, or kept in a *_file; a file with an inline secret that others can read is refused."))
	section(&b, "TABLES AND KEYS", "")
	for _, t := range tables {
		fmt.Fprintf(&b, ".SS %s\n%s\n", text(t.Head), text(t.Text))
		for _, k := range t.Keys {
			what := k.Type
			if k.Default != "" {
				what += ", default " + k.Default
			}
			fmt.Fprintf(&b, ".TP\n.BR %s \" (%s)\"\n%s\n", text(k.Name), strings.ReplaceAll(text(what), `"`, `\(dq`), text(k.Text))
		}
	}
	section(&b, "SEE ALSO", ".BR firewatch (1)")
	return flush(w, &b)
}

// head begins a page. It carries no date: two builds of one version are equal.
func head(b *strings.Builder, name, number, version string) {
	fmt.Fprintf(b, ".\\\" Made from the code by `firewatch man %s`.\n.TH %s %s \"\" \"firewatch %s\"\n", number, name, number, text(version))
}

func section(b *strings.Builder, name, body string) {
	fmt.Fprintf(b, ".SH %s\n", name)
	if body != "" {
		b.WriteString(body + "\n")
	}
}

func flush(w io.Writer, b *strings.Builder) error {
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write manual page: %w", err)
	}
	return nil
}

// value is what a flag takes, in italics.
func value(v string) string {
	if v == "" {
		return ""
	}
	return ` \fI` + text(v) + `\fR`
}

// escapes are the characters that man(7) reads otherwise, and those that are
// not ASCII and come up in the texts.
var escapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "…", "...", "–", `\(en`, "×", `\(mu`, "≥", `\(>=`, "≤", `\(<=`, "\n", " ")

// text makes s a line of plain text.
func text(s string) string {
	s = escapes.Replace(strings.TrimSpace(s))
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

// sentence gives s a capital and a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
