package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// maxBody bounds what is read of an answer.
const maxBody = 64 << 10

// httpAttempt makes one GET on a connection of its own, so that it measures
// name resolution, connection, TLS and answer as a first visitor sees them.
// Redirects are not followed: a 3xx is an answer.
func httpAttempt(ctx context.Context, c Config) (outcome, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Target, nil)
	if err != nil {
		return outcome{}, errors.New("make request: the target is not a URL")
	}
	req.Header.Set("User-Agent", "firewatch-probe")
	if u := req.URL.User; u != nil {
		password, _ := u.Password()
		req.SetBasicAuth(u.Username(), password)
	}
	transport := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: maxBody, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, DialContext: (&net.Dialer{}).DialContext}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return outcome{}, fmt.Errorf("get: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	out := outcome{status: resp.StatusCode}
	switch {
	case err != nil:
		return out, fmt.Errorf("read answer: %w", err)
	case c.Expect.Status != 0 && resp.StatusCode != c.Expect.Status:
		return out, fmt.Errorf("status %d, expected %d", resp.StatusCode, c.Expect.Status)
	case c.Expect.Status == 0 && (resp.StatusCode < 200 || resp.StatusCode > 399):
		return out, fmt.Errorf("status %d", resp.StatusCode)
	case c.Expect.Body != "" && !strings.Contains(string(body), c.Expect.Body):
		return out, errors.New("the expected text is not in the answer")
	}
	return out, nil
}
