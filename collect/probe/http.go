package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

// maxBody bounds what is read of an answer.
const maxBody = 64 << 10

// httpAttempt makes one GET on a connection of its own, so that it measures
// name resolution, connection, TLS and answer as a first visitor sees them.
// Redirects are followed as often as the configuration says, by default never:
// a 3xx is an answer. The phases are those of the last request.
func httpAttempt(ctx context.Context, c Config) (out outcome, err error) {
	var seen chain
	p := &phases{}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, p.trace()), http.MethodGet, c.Target, nil)
	if err != nil {
		return out, errors.New("make request: the target is not a URL")
	}
	req.Header.Set("User-Agent", "firewatch-probe")
	if u := req.URL.User; u != nil {
		password, _ := u.Password()
		req.SetBasicAuth(u.Username(), password)
	}
	host := req.URL.Hostname()
	secure, err := seen.tlsConfig(c, &host)
	if err != nil {
		return out, err
	}
	transport := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: maxBody, DialContext: (&net.Dialer{}).DialContext,
		TLSClientConfig: secure}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if len(via) > c.Redirects {
			return http.ErrUseLastResponse
		}
		host, *p = next.URL.Hostname(), phases{}
		return nil
	}}
	resp, err := client.Do(req)
	seen.values(&out)
	if err != nil {
		return out, fmt.Errorf("get: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	out.add("probe_status_code", float64(resp.StatusCode))
	p.values(&out)
	switch {
	case err != nil:
		return out, &failure{cutShort, fmt.Errorf("read answer: %w", err)}
	case c.Expect.Status != 0 && resp.StatusCode != c.Expect.Status:
		return out, &failure{statusMismatch, fmt.Errorf("status %d, expected %d", resp.StatusCode, c.Expect.Status)}
	case c.Expect.Status == 0 && (resp.StatusCode < 200 || resp.StatusCode > 399):
		return out, &failure{statusMismatch, fmt.Errorf("status %d", resp.StatusCode)}
	case c.Expect.Body != "" && !strings.Contains(string(body), c.Expect.Body):
		return out, &failure{textMismatch, errors.New("the expected text is not in the answer")}
	}
	return out, nil
}

// withoutURL drops the URL, which may hold secrets, from a client's error.
func withoutURL(err error) error {
	var u interface {
		error
		Unwrap() error
		Temporary() bool
	}
	if errors.As(err, &u) && strings.HasPrefix(u.Error(), "Get ") {
		return u.Unwrap()
	}
	return err
}

// phases are the moments of one request; zero where there was none.
type phases struct {
	dns, dnsDone, connect, connected, tls, tlsDone, wrote, first time.Time
}

func (p *phases) trace() *httptrace.ClientTrace {
	set := func(t *time.Time) {
		if t.IsZero() {
			*t = time.Now()
		}
	}
	return &httptrace.ClientTrace{
		DNSStart:             func(httptrace.DNSStartInfo) { set(&p.dns) },
		DNSDone:              func(httptrace.DNSDoneInfo) { set(&p.dnsDone) },
		ConnectStart:         func(string, string) { set(&p.connect) },
		ConnectDone:          func(string, string, error) { p.connected = time.Now() },
		TLSHandshakeStart:    func() { set(&p.tls) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { set(&p.tlsDone) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { set(&p.wrote) },
		GotFirstResponseByte: func() { set(&p.first) },
	}
}

func (p *phases) values(out *outcome) {
	for _, x := range []struct {
		metric   string
		from, to time.Time
	}{{"probe_dns_duration", p.dns, p.dnsDone}, {"probe_connect_duration", p.connect, p.connected}, {"probe_tls_duration", p.tls, p.tlsDone}, {"probe_first_byte_duration", p.wrote, p.first}} {
		if !x.from.IsZero() && x.to.After(x.from) {
			out.add(x.metric, float64(x.to.Sub(x.from))/float64(time.Millisecond))
		}
	}
}
