package alert_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/firewatch-agent/firewatch/alert"
)

func TestScrub(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[A-Za-z0-9+/=&"%<>-]{6,40}`).Draw(t, "secret")
		text := "Cannot POST /x/" + url.PathEscape(secret) + "?k=" + url.QueryEscape(secret) + " as " + secret + ", Basic " + base64.StdEncoding.EncodeToString([]byte(secret)) + " end"
		got := alert.Scrub(text, secret, "", "x")
		if strings.Contains(got, secret) || strings.Contains(got, url.QueryEscape(secret)) || strings.Contains(got, base64.StdEncoding.EncodeToString([]byte(secret))) || !strings.HasSuffix(got, " end") {
			t.Errorf("%q in %q", secret, got)
		}
	})
	for _, echo := range []string{"https://a/hooks/t0k?k=1", "/hooks/t0k?k=1", "/hooks/t0k"} {
		if got := alert.ScrubURL("no "+echo+" here", "https://a/hooks/t0k?k=1"); strings.Contains(got, "t0k") {
			t.Errorf("%s: %s", echo, got)
		}
	}
}
