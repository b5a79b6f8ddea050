package web

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// HTTPConfig is [http].
type HTTPConfig struct {
	Listen    string      `toml:"listen"` // host:port; "" = no listener
	TLSCert   string      `toml:"tls_cert"`
	TLSKey    string      `toml:"tls_key"`
	Token     conf.Secret `toml:"token"`
	TokenFile string      `toml:"token_file"` // instead of token
	Hosts     []string    `toml:"hosts"`      // names that requests may use, beside loopback and the listen address
}

// HealthConfig is [health].
type HealthConfig struct {
	Listen           string      `toml:"listen"`              // host:port; "" = no listener
	AgentCheck       string      `toml:"agent_check"`         // host:port of HAProxy's agent check; "" = no listener
	Weight           int         `toml:"weight"`              // percent, while the host should receive less; default 40
	Rules            []string    `toml:"rules"`               // the criticals that count; default those on the host itself
	Unhealthy        string      `toml:"set_instance_health"` // off, dry-run or on; default off
	HeartbeatURL     conf.Secret `toml:"heartbeat_url"`       // fetched every 60 s while ticks and outbox make progress
	HeartbeatURLFile string      `toml:"heartbeat_url_file"`  // instead of heartbeat_url
}

// The settings of set_instance_health.
const (
	UnhealthyOff    = "off"
	UnhealthyDryRun = "dry-run"
	UnhealthyOn     = "on"
)

// Validate reports what is wrong.
func (c HTTPConfig) Validate() []conf.Fault {
	if c.Listen == "" {
		return nil
	}
	var faults []conf.Fault
	add := func(path, problem, hint string) {
		faults = append(faults, conf.Fault{Path: path, Problem: problem, Hint: hint})
	}
	if problem := checkAddress(c.Listen); problem != "" {
		add("listen", problem, `write for example "127.0.0.1:9469"`)
		return faults
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		add("tls_cert", "tls_cert and tls_key belong together", "give both or neither")
	}
	if !loopbackOnly(c.Listen) {
		if c.TLSCert == "" {
			add("listen", fmt.Sprintf("%s can be reached from other hosts, without TLS", c.Listen), "give tls_cert and tls_key, or listen on 127.0.0.1")
		}
		if c.Token.IsZero() && c.TokenFile == "" {
			add("listen", fmt.Sprintf("%s can be reached from other hosts, without a token", c.Listen), "give token_file, or listen on 127.0.0.1")
		}
	}
	return faults
}

// Validate reports what is wrong. The health listener says one word and may be
// reached by others.
func (c HealthConfig) Validate() []conf.Fault {
	var faults []conf.Fault
	for _, l := range []struct{ key, address, example string }{{"listen", c.Listen, ":9470"}, {"agent_check", c.AgentCheck, ":9471"}} {
		if problem := checkAddress(l.address); l.address != "" && problem != "" {
			faults = append(faults, conf.Fault{Path: l.key, Problem: problem, Hint: fmt.Sprintf("write for example %q", l.example)})
		}
	}
	if c.Weight != 0 && (c.Weight < minWeight || c.Weight > 100) {
		faults = append(faults, conf.Fault{Path: "weight", Problem: fmt.Sprintf("weight %d is out of range", c.Weight), Hint: "20 to 100: a shared overload must not drain a fleet"})
	}
	switch c.Unhealthy {
	case "", UnhealthyOff:
	case UnhealthyDryRun, UnhealthyOn:
		if len(c.Rules) == 0 {
			faults = append(faults, conf.Fault{Path: "set_instance_health", Problem: "set_instance_health needs rules", Hint: "name the criticals for which a host is to be replaced: what many hosts share must not replace them all"})
		}
	default:
		faults = append(faults, conf.Fault{Path: "set_instance_health", Problem: fmt.Sprintf("set_instance_health %q is not known", c.Unhealthy), Hint: `"off", "dry-run" or "on"`})
	}
	if u, err := url.Parse(c.HeartbeatURL.Reveal()); !c.HeartbeatURL.IsZero() && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		faults = append(faults, conf.Fault{Path: "heartbeat_url", Problem: "heartbeat_url is not a URL", Hint: "https://…"})
	}
	return faults
}

func checkAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "" {
		return fmt.Sprintf("listen %q is not host:port", listen)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Sprintf("listen %q: port %q is not 0 to 65535", listen, port)
	}
	if _, err := netip.ParseAddr(host); host != "" && host != "localhost" && err != nil {
		return fmt.Sprintf("listen %q: %q is not an address of this host", listen, host)
	}
	return ""
}

// loopbackOnly reports whether only this host can reach an address.
func loopbackOnly(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// allowed reports whether the Host of a request is one that this listener goes
// by: loopback, its own address, or a configured name.
func (c HTTPConfig) allowed(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = trimBrackets(name)
	if addr, err := netip.ParseAddr(name); err == nil {
		listen, _, _ := net.SplitHostPort(c.Listen)
		if own, err := netip.ParseAddr(listen); addr.IsLoopback() || err == nil && addr == own {
			return true
		}
	}
	return strings.EqualFold(name, "localhost") || slices.ContainsFunc(c.Hosts, func(h string) bool { return h != "" && strings.EqualFold(trimBrackets(h), name) })
}

func trimBrackets(s string) string {
	if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
		return s[1 : len(s)-1]
	}
	return s
}
