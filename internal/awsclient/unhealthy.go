package awsclient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/firewatch-agent/firewatch/alert"
)

// SetUnhealthy tells Auto Scaling that an instance of one of its groups is
// unhealthy, so that the group replaces it; a group's grace period is respected.
// It is one request of the Query protocol, signed by the SDK: the whole client of
// Auto Scaling costs 0.5 MB for it (docs/decisions/0041). AWS_ENDPOINT_URL_AUTO_SCALING
// is honoured, as the SDK does. Errors are classed as Class does.
func SetUnhealthy(ctx context.Context, region, instance string) error {
	cfg, err := Load(ctx, region, "")
	if err != nil {
		return err
	}
	endpoint := os.Getenv("AWS_ENDPOINT_URL_AUTO_SCALING")
	if endpoint == "" {
		endpoint = autoScaling(cfg.Region)
	}
	body := url.Values{"Action": {"SetInstanceHealth"}, "Version": {"2011-01-01"}, "InstanceId": {instance},
		"HealthStatus": {"Unhealthy"}, "ShouldRespectGracePeriod": {"true"}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+"/", strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("set instance health: %w", alert.WithoutURL(err))
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if cfg.Credentials == nil {
		return fmt.Errorf("%w: set instance health: no credentials", alert.ErrCredentials)
	}
	who, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("%w: set instance health: %w", alert.ErrCredentials, err)
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, who, r, hex.EncodeToString(sum[:]), "autoscaling", cfg.Region, time.Now()); err != nil {
		return fmt.Errorf("sign set instance health: %w", err)
	}
	resp, err := cfg.HTTPClient.Do(r)
	if err != nil {
		return fmt.Errorf("set instance health: %w", alert.WithoutURL(err))
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // it only explains the status
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	code := between(string(answer), "<Code>", "</Code>")
	err = fmt.Errorf("set instance health: %s %s", resp.Status, code)
	if code == "AccessDenied" || resp.StatusCode == http.StatusForbidden {
		return fmt.Errorf("%w: %w", alert.ErrCredentials, err)
	}
	return alert.AnswerError(resp.StatusCode, resp.Header, err)
}

// autoScaling is the service's address in a region.
func autoScaling(region string) string {
	suffix := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		suffix += ".cn"
	}
	return "https://autoscaling." + region + "." + suffix
}

// between is the word between two others, at most 64 letters of it; "" = none.
func between(s, from, to string) string {
	_, s, ok := strings.Cut(s, from)
	word, _, ends := strings.Cut(s, to)
	for _, r := range word {
		if (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '.' {
			return ""
		}
	}
	if !ok || !ends || len(word) > 64 {
		return ""
	}
	return word
}
