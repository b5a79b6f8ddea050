package alert

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// MaxAnswer is the most bytes that a sink reads of a service's answer.
const MaxAnswer = 1 << 20

// HTTPClient is what sinks send with: connections of its own that must open
// within 3 s, and no redirect followed, since a redirect is no delivery.
func HTTPClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 3 * time.Second}).DialContext
	t.MaxIdleConnsPerHost = 1
	t.IdleConnTimeout = 90 * time.Second
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// AnswerError classes an HTTP answer that is no success, for sinks that speak
// plain HTTP: 429 (and 503 with a Retry-After) are throttling; 401, 403 and 407
// credentials; other 4xx but 408 and 425 are refusals for good; all else, a
// redirect to a captive portal's page included, may be tried again. cause says
// what was asked and what the service said; it must not hold a secret.
func AnswerError(status int, header http.Header, cause error) error {
	after, asked := RetryAfter(header)
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && asked:
		return &ThrottledError{After: after, Err: cause}
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return fmt.Errorf("%w: %w", ErrCredentials, cause)
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooEarly:
		return fmt.Errorf("%w: %w", ErrPermanent, cause)
	}
	return cause
}

// RetryAfter reads Retry-After (RFC 9110, 10.2.3: seconds or a date) or
// x-amz-retry-after (milliseconds). ok is false where neither is there or
// neither can be read.
func RetryAfter(header http.Header) (after time.Duration, ok bool) {
	v := strings.TrimSpace(header.Get("Retry-After"))
	if d, ok := wait(v, time.Second); ok {
		return d, true
	}
	if at, err := http.ParseTime(v); err == nil {
		now := time.Now()
		if theirs, err := http.ParseTime(header.Get("Date")); err == nil {
			now = theirs // by the clock that set the date: ours may be wrong
		}
		return max(0, at.Sub(now)), true
	}
	return wait(strings.TrimSpace(header.Get("X-Amz-Retry-After")), time.Millisecond)
}

// wait reads a number of units, a whole one or a decimal fraction; what is
// longer than a day is a day.
func wait(s string, unit time.Duration) (time.Duration, bool) {
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0, false // also what only Go calls a number: 0x10, 1e3, Inf
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return time.Duration(min(f*float64(unit), float64(24*time.Hour))), true
}

// WithoutURL takes the URL out of an error of net/http: it may hold a secret.
func WithoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
