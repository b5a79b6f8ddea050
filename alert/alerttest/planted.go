package alerttest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/firewatch-agent/firewatch/alert"
)

// spoiled is a sink with a bug.
type spoiled struct {
	alert.Sink
	bug func(send func() (alert.Receipt, error)) (alert.Receipt, error)
}

func (s *spoiled) Send(ctx context.Context, a alert.Alert, last alert.Receipt) (alert.Receipt, error) {
	return s.bug(func() (alert.Receipt, error) { return s.Sink.Send(ctx, a, last) })
}

// bugs that the suite must find in any sink, by the complaint about each. They
// are those that cost alerts or secrets and that each of the peers has had.
func bugs(secret string) map[string]func(send func() (alert.Receipt, error)) (alert.Receipt, error) {
	type send = func() (alert.Receipt, error)
	return map[string]func(send) (alert.Receipt, error){
		"requests, want one attempt": func(send send) (alert.Receipt, error) {
			r, err := send()
			if err != nil {
				r, err = send()
			}
			return r, err
		},
		"classed as permanent, want throttled": func(send send) (alert.Receipt, error) {
			r, err := send()
			var t *alert.ThrottledError
			if errors.As(err, &t) && t.After == 0 {
				err = fmt.Errorf("%w: %s", alert.ErrPermanent, err.Error())
			}
			return r, err
		},
		"the secret is in the error": func(send send) (alert.Receipt, error) {
			r, err := send()
			if err != nil {
				err = fmt.Errorf("%w (with %s)", err, secret)
			}
			return r, err
		},
	}
}

// Unfound plants three bugs in the sink, one after the other (it retries by
// itself, calls a bare 429 permanent, has its secret in an error), and returns
// those that the suite does not find with this Config: then its answers are too
// few to hold the sink to the contract.
func Unfound(c Config) []string {
	var missed []string
	for want := range bugs("") {
		planted := c
		planted.New = func(s *Server) (alert.Sink, error) {
			sink, err := c.New(s)
			return &spoiled{sink, bugs(s.Secret)[want]}, err
		}
		if !complains(planted, want) {
			missed = append(missed, want)
		}
	}
	return missed
}

func complains(c Config, want string) bool {
	for _, tc := range cases(c) {
		for _, complaint := range tc.check(c) {
			if strings.Contains(complaint, want) {
				return true
			}
		}
	}
	return false
}
