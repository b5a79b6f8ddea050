package config

import (
	"bytes"
	"regexp"
	"strings"
)

// secretKey finds a setting whose value may be a secret: by its key, because
// the key may be mistyped. What is in a *_file is a path.
var secretKey = regexp.MustCompile(`(?i)[\w"'-]*(token|secret|passw|credential|auth|key|url|hook|header|pin|bearer)[\w"'-]*\s*[=:]`)

// secretForm finds well-known tokens, wherever they are: Slack's, a webhook's
// path, AWS keys, a password in a URL.
var secretForm = regexp.MustCompile(`xox[a-z]-[\w-]+|xapp-[\w-]+|hooks\.slack\.com/[\w/]+|A[KS]IA[0-9A-Z]{12,}|(?i:bearer\s+\S+)|://[^/\s"']*@`)

// setting finds lines on which a setting begins.
var setting = regexp.MustCompile(`(?m)^[ \t]*[\w."'-]+[ \t]*=[^\n]*`)

// redact returns the line that begins at offset start, less what looks like a
// secret. A line in the middle of a value is not shown at all where the value
// may be one.
func redact(data []byte, start int, line string) string {
	if hidden := withoutSecret(line); hidden != line {
		return hidden
	}
	trimmed := strings.TrimSpace(line)
	if trimmed == "" || trimmed[0] == '[' || trimmed[0] == '#' || setting.MatchString(line) {
		return line
	}
	before := data[:start]
	if all := setting.FindAllIndex(before[max(0, len(before)-64<<10):], -1); len(all) > 0 {
		from := all[len(all)-1]
		last := before[max(0, len(before)-64<<10):][from[0]:from[1]]
		if i := bytes.IndexByte(last, '='); i >= 0 && secretKey.Match(last) {
			return ""
		}
	}
	return line
}

// withoutSecret replaces with *** what follows a key that may hold a secret.
// References, paths and files are shown.
func withoutSecret(line string) string {
	for _, m := range secretKey.FindAllStringIndex(line, -1) {
		key, value := line[m[0]:m[1]], strings.TrimLeft(line[m[1]:], " \t")
		name := strings.TrimRight(strings.ToLower(key), `=: '"`+"\t")
		bare := strings.TrimLeft(value, `"'`)
		if strings.HasSuffix(name, "_file") || bare == "" || strings.HasPrefix(bare, "${") && strings.Count(bare, "=") == 0 || strings.HasPrefix(bare, "/") {
			continue
		}
		return line[:m[1]] + " ***"
	}
	return secretForm.ReplaceAllStringFunc(line, func(s string) string {
		if strings.HasPrefix(s, "://") {
			return "://***@"
		}
		return "***"
	})
}
