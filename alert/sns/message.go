package sns

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Limits of Publish (SNS API reference; SNS developer guide, "Message
// attributes": a queue with raw delivery drops a message with more than ten).
const (
	maxSubject    = 99 // characters: "less than 100"
	maxAttributes = 10
	maxMail       = 32 << 10 // bytes of the text for mail; ours
	maxSMS        = 140      // characters: one SMS
)

// message is an alert in SNS's parts.
type message struct {
	body       string
	subject    *string
	structure  *string // "json" where body holds a text for each protocol
	attributes map[string]types.MessageAttributeValue
	key, group *string // of FIFO topics
}

// size is what SNS counts: the body and the attributes' names, types and values.
func (m message) size() int64 {
	n := len(m.body)
	for name, v := range m.attributes {
		n += len(name) + len(*v.DataType) + len(*v.StringValue)
	}
	return int64(n)
}

// compose makes the message of an alert within limit bytes. What does not fit is
// cut, and the attribute "truncated" says so.
func (s *Sink) compose(a alert.Alert, limit int64) (message, error) {
	// A topic that takes more than 256 KiB, and a FIFO topic, has no subscribers
	// by mail (SNS developer guide, "Large message payloads"; "FIFO topics").
	texts := !s.fifo && !s.cfg.JSONOnly && s.cfg.MaxMessage.Bytes() <= defaultMessage
	room := int(min(maxMail, limit/4))
	for truncated := false; ; truncated = true {
		m := message{subject: aws.String(subject(a)), attributes: attributes(a, truncated)}
		if s.fifo {
			m.key, m.group = aws.String(a.Key), aws.String(a.Incident)
		}
		whole, err := encode(a)
		if err != nil {
			return m, err
		}
		m.body = whole
		if texts {
			m.structure = aws.String("json")
			if m.body, err = encode(map[string]string{"default": whole, "email": cutBytes(mail(a), room), "sms": human.Clean(headline(a), maxSMS-1)}); err != nil {
				return m, err
			}
		}
		if m.size() <= limit {
			return m, nil
		}
		if !shrink(&a) {
			return m, fmt.Errorf("encode alert: more than the %d bytes that the topic takes", limit)
		}
	}
}

// encode is JSON without the escapes that only HTML needs: the body is quoted
// once more, and each would be longer.
func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("encode alert: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// shrink takes something off an alert, what explains before what says, and
// reports whether there was anything. Texts are cut between characters.
func shrink(a *alert.Alert) bool {
	switch {
	case len(a.Members) > 8:
		a.Members = a.Members[:len(a.Members)/2]
	case len(a.Culprits) > 0:
		a.Culprits = a.Culprits[:len(a.Culprits)/2]
	case len(a.Causes) > 0:
		a.Causes = a.Causes[:len(a.Causes)/2]
	case len(a.Members) > 0:
		a.Members = a.Members[:len(a.Members)/2]
	default:
		longest := slices.MaxFunc([]*string{&a.Summary, &a.Target, &a.Host, &a.SilenceCommand, &a.Rule, &a.Metric, &a.Unit}, func(x, y *string) int { return len(*x) - len(*y) })
		if len(*longest) < 256 && len(a.Labels) > 0 {
			a.Labels = nil
			return true
		}
		if len(*longest) < 32 {
			return false
		}
		*longest = cutBytes(*longest, len(*longest)/2)
	}
	return true
}

// cutBytes shortens s to n bytes, between characters.
func cutBytes(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:max(n, 0)] + "…"
}

// headline is the alert in one line.
func headline(a alert.Alert) string {
	word := strings.ToUpper(string(a.Severity))
	switch {
	case a.Phase == alert.PhaseDigest:
		word = "DIGEST"
	case a.State == alert.Resolved:
		word = "RESOLVED"
	}
	return fmt.Sprintf("[firewatch] %s %s: %s", human.Clean(word, 20), human.Clean(a.Host, 60), human.Clean(a.Summary, 1000))
}

// subject is what a mail shows: clean text, one line, shorter than 100
// characters.
func subject(a alert.Alert) string {
	return strings.TrimSpace(human.Clean(headline(a), maxSubject-1)) // and an ellipsis
}

// attributes are for filter policies. An empty value is not allowed, and neither
// are more than ten: after what each alert has come its labels, in their order.
func attributes(a alert.Alert, truncated bool) map[string]types.MessageAttributeValue {
	out := map[string]types.MessageAttributeValue{}
	set := func(name, value string) {
		if value = strings.TrimSpace(human.Clean(value, 200)); value != "" && len(out) < maxAttributes {
			out[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
		}
	}
	set("severity", string(a.Severity))
	set("state", string(a.State))
	set("phase", a.Phase)
	set("rule", a.Rule)
	set("host", a.Host)
	set("target", a.Target)
	if truncated {
		set("truncated", "true")
	}
	for _, k := range slices.Sorted(maps.Keys(a.Labels)) {
		if attributeName(k) {
			set("label."+k, a.Labels[k])
		}
	}
	return out
}

// attributeName reports whether SNS takes a label's name: [A-Za-z0-9_.-], no dot
// at an end or beside another, and with its prefix at most 256 characters.
func attributeName(s string) bool {
	if s == "" || len(s) > 200 || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	}) < 0
}
