package alerttest

import (
	"errors"
	"net/url"
	"strings"

	"github.com/firewatch-agent/firewatch/alert"
)

// classOf classes the outcome of a Send as the outbox does.
func classOf(err error) class {
	var t *alert.ThrottledError
	switch {
	case err == nil:
		return success
	case errors.As(err, &t):
		return throttled
	case errors.Is(err, alert.ErrCredentials):
		return credentials
	case errors.Is(err, alert.ErrPermanent):
		return permanent
	}
	return retryable
}

// leak complains where the secret, plain or escaped, is in an error's text.
func (s *session) leak(err error) {
	for _, form := range []string{s.Secret, url.QueryEscape(s.Secret), url.PathEscape(s.Secret)} {
		if strings.Contains(err.Error(), form) {
			s.complain("the secret is in the error: %s", strings.ReplaceAll(err.Error(), form, "***SECRET***"))
			return
		}
	}
}
