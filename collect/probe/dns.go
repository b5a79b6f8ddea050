package probe

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// records are the types of DNS records that a probe may ask for.
var records = map[string]dnsmessage.Type{"A": dnsmessage.TypeA, "AAAA": dnsmessage.TypeAAAA, "CNAME": dnsmessage.TypeCNAME, "MX": dnsmessage.TypeMX,
	"NS": dnsmessage.TypeNS, "SOA": dnsmessage.TypeSOA, "TXT": dnsmessage.TypeTXT}

// dnsAttempt asks one server one question over UDP (RFC 1035). It fails where
// the server refuses, knows no such name or gives no record, or where none of
// the records holds the expected text.
func dnsAttempt(ctx context.Context, c Config) (out outcome, err error) {
	id := make([]byte, 2)
	if _, err := rand.Read(id); err != nil {
		return out, err
	}
	name, err := dnsmessage.NewName(strings.TrimSuffix(c.Query, ".") + ".")
	if err != nil {
		return out, fmt.Errorf("ask: %w", err)
	}
	q := dnsmessage.Message{Header: dnsmessage.Header{ID: binary.BigEndian.Uint16(id), RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: name, Type: records[c.Record], Class: dnsmessage.ClassINET}}}
	packet, err := q.Pack()
	if err != nil {
		return out, fmt.Errorf("ask: %w", err)
	}
	conn, err := dialPacket(ctx, c.Target)
	if err != nil {
		return out, err
	}
	defer func() { _ = conn.Close() }() // nothing can be lost
	if _, err := conn.Write(packet); err != nil {
		return out, fmt.Errorf("ask: %w", err)
	}
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return out, fmt.Errorf("read answer: %w", err)
		}
		answer, ours, err := parseDNS(buf[:n], q.ID)
		if !ours {
			continue // late, or somebody else's
		}
		if err != nil {
			return out, &failure{noSuchName, err}
		}
		if c.Expect.Body != "" && !strings.Contains(answer, c.Expect.Body) {
			return out, &failure{textMismatch, errors.New("the expected text is not in the answer")}
		}
		return out, nil
	}
}

// parseDNS reads an answer as text, one record a line; ours is false for what
// does not answer the question of that id.
func parseDNS(b []byte, id uint16) (answer string, ours bool, err error) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || h.ID != id || !h.Response {
		return "", false, err
	}
	if h.RCode != dnsmessage.RCodeSuccess {
		return "", true, fmt.Errorf("the server answers %s", strings.TrimPrefix(h.RCode.String(), "RCode"))
	}
	if err := p.SkipAllQuestions(); err != nil {
		return "", true, fmt.Errorf("read answer: %w", err)
	}
	list, err := p.AllAnswers()
	if err != nil && !h.Truncated {
		return "", true, fmt.Errorf("read answer: %w", err)
	}
	if len(list) == 0 && !h.Truncated {
		return "", true, errors.New("the server has no such record")
	}
	var text strings.Builder
	for _, r := range list {
		switch r := r.Body.(type) {
		case *dnsmessage.AResource:
			fmt.Fprintln(&text, netip.AddrFrom4(r.A))
		case *dnsmessage.AAAAResource:
			fmt.Fprintln(&text, netip.AddrFrom16(r.AAAA))
		case *dnsmessage.CNAMEResource:
			fmt.Fprintln(&text, r.CNAME)
		case *dnsmessage.MXResource:
			fmt.Fprintln(&text, r.Pref, r.MX)
		case *dnsmessage.NSResource:
			fmt.Fprintln(&text, r.NS)
		case *dnsmessage.SOAResource:
			fmt.Fprintln(&text, r.NS, r.Serial)
		case *dnsmessage.TXTResource:
			fmt.Fprintln(&text, strings.Join(r.TXT, ""))
		}
	}
	return text.String(), true, nil
}

// dialPacket opens a UDP socket that speaks to one address until the deadline
// of ctx.
func dialPacket(ctx context.Context, target string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", target)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if until, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(until); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("connect: %w", err)
		}
	}
	return conn, nil
}
