package alerttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// toy is a sink as a newcomer would write it; each field plants one bug.
type toy struct {
	url, token string

	retries, bare429Permanent, leaks, portal, ignoresContext, freshKey, panicsOnMemo bool
	calls                                                                            int
}

func (*toy) Name() string { return "toy" }

func (s *toy) Send(ctx context.Context, a alert.Alert, last alert.Receipt) (alert.Receipt, error) {
	if s.ignoresContext {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
	}
	if s.panicsOnMemo && len(last.Memo) > 0 && json.Unmarshal(last.Memo, new(string)) != nil {
		return alert.Receipt{}, fmt.Errorf("%w: bad memo", alert.ErrPermanent)
	}
	r, err := s.once(ctx, a)
	if err != nil && s.retries {
		r, err = s.once(ctx, a)
	}
	return r, err
}

func (s *toy) once(ctx context.Context, a alert.Alert) (alert.Receipt, error) {
	b, err := json.Marshal(a)
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: %w", alert.ErrPermanent, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/hook", bytes.NewReader(b))
	if err != nil {
		return alert.Receipt{}, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Idempotency-Key", a.Key)
	if s.calls++; s.freshKey {
		req.Header.Set("Idempotency-Key", strconv.Itoa(s.calls))
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("post: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("post: %w", err)
	}
	if err := s.classify(resp); err != nil {
		return alert.Receipt{}, err
	}
	id, ok := strings.CutPrefix(string(body), "id=")
	if !ok && !s.portal {
		return alert.Receipt{}, errors.New("post: not the service's answer")
	}
	return alert.Receipt{ID: "toy" + id}, nil
}

func (s *toy) classify(resp *http.Response) error {
	err := fmt.Errorf("post: %s", resp.Status)
	if s.leaks {
		err = fmt.Errorf("post with %s: %s", s.token, resp.Status)
	}
	switch code := resp.StatusCode; {
	case code == 429 && s.bare429Permanent && resp.Header.Get("Retry-After") == "":
		return fmt.Errorf("%w: %w", alert.ErrPermanent, err)
	case code == 429:
		n, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return &alert.ThrottledError{After: time.Duration(n) * time.Second, Err: err}
	case code == 401 || code == 403:
		return fmt.Errorf("%w: %w", alert.ErrCredentials, err)
	case code >= 400 && code < 500:
		return fmt.Errorf("%w: %w", alert.ErrPermanent, err)
	case code != 200:
		return err
	}
	return nil
}

func config(bug func(*toy)) alerttest.Config {
	return alerttest.Config{
		New: func(s *alerttest.Server) (alert.Sink, error) {
			t := &toy{url: s.URL, token: s.Secret}
			bug(t)
			return t, nil
		},
		Success: func(r alerttest.Request) alerttest.Answer { return alerttest.Answer{Body: "id=1"} },
		Key:     func(r alerttest.Request) string { return r.Header.Get("Idempotency-Key") },
	}
}

func TestASinkThatKeepsTheContractPasses(t *testing.T) {
	t.Parallel()
	alerttest.Run(t, config(func(*toy) {}))
}

// Each planted bug must be found, by the complaint that names it.
func TestTheSuiteFindsPlantedBugs(t *testing.T) {
	t.Parallel()
	for want, bug := range map[string]func(*toy){
		"2 requests, want one attempt":                   func(s *toy) { s.retries = true },
		"classed as permanent, want throttled":           func(s *toy) { s.bare429Permanent = true },
		"the secret is in the error":                     func(s *toy) { s.leaks = true },
		"classed as success, want retryable":             func(s *toy) { s.portal = true },
		"after its deadline":                             func(s *toy) { s.ignoresContext = true },
		"the keys are":                                   func(s *toy) { s.freshKey = true },
		"a memo that it cannot read: refused for good: ": func(s *toy) { s.panicsOnMemo = true },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			got := alerttest.Check(config(bug))
			if !strings.Contains(strings.Join(got, "\n"), want) {
				t.Errorf("the bug was not found; complaints: %q", got)
			}
		})
	}
}
