package alert

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
)

// Scrub takes secrets out of a text that a service answered with: many repeat
// what they were sent, a header or the URL, as it was or escaped. A secret of
// fewer than two letters is none.
func Scrub(text string, secrets ...string) string {
	for _, s := range secrets {
		if len(s) < 2 {
			continue
		}
		quoted, _ := json.Marshal(s) // a string cannot fail
		for _, form := range []string{s, strings.Trim(string(quoted), `"`), url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)), hex.EncodeToString([]byte(s))} {
			text = strings.ReplaceAll(text, form, "***")
		}
	}
	return text
}

// ScrubURL is Scrub for a URL that is a secret: whole, or as many servers repeat
// it ("Cannot POST /hooks/…"), its path.
func ScrubURL(text, secret string) string {
	secrets := []string{secret}
	if u, err := url.Parse(secret); err == nil {
		secrets = append(secrets, u.RequestURI(), u.EscapedPath(), u.Path)
	}
	return Scrub(text, secrets...)
}
