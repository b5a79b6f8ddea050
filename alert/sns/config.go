package sns

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Config is one [[sink.sns]].
type Config struct {
	Name       string    `toml:"name"`
	Topic      string    `toml:"topic"`       // ARN; the region is taken from it
	Endpoint   string    `toml:"endpoint"`    // of a VPC endpoint or a test server; default AWS's own
	Profile    string    `toml:"profile"`     // of the shared config; default the SDK's default chain
	MaxMessage conf.Size `toml:"max_message"` // the topic's MaximumMessageSize; default 256KiB
	JSONOnly   bool      `toml:"json_only"`   // no text for mail and SMS beside the JSON
}

var topicForm = regexp.MustCompile(`^arn:aws[a-z-]*:sns:([a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$`)

// endpointRegion finds the region of AWS's own endpoints, VPC and dual-stack ones included
// (https://docs.aws.amazon.com/general/latest/gr/sns.html).
var endpointRegion = regexp.MustCompile(`[/.]sns(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)(?:[:/]|$)`)

// A topic's MaximumMessageSize is 1 KiB to 1 MiB (SNS API reference,
// SetTopicAttributes); an alert that says anything needs some more than the least.
const (
	leastMessage   = 4 << 10
	defaultMessage = 256 << 10
	mostMessage    = 1 << 20
)

// Validate reports what is wrong.
func (c Config) Validate() []conf.Fault {
	faults := conf.ValidateSinkName(c.Name)
	if !topicForm.MatchString(c.Topic) {
		faults = append(faults, conf.Fault{Path: "topic", Problem: fmt.Sprintf("topic %q is not the ARN of an SNS topic", c.Topic), Hint: `write for example "arn:aws:sns:eu-west-1:123456789012:alerts"`})
	}
	if n := c.MaxMessage.Bytes(); n != 0 && (n < leastMessage || n > mostMessage) {
		faults = append(faults, conf.Fault{Path: "max_message", Problem: c.MaxMessage.String() + " is out of range", Hint: "4KiB to 1MiB, as the topic's MaximumMessageSize says"})
	}
	if at, topic := endpointRegion.FindStringSubmatch(c.Endpoint), topicForm.FindStringSubmatch(c.Topic); at != nil && topic != nil && at[1] != topic[1] {
		faults = append(faults, conf.Fault{Path: "endpoint", Problem: fmt.Sprintf("endpoint is in %s, the topic in %s", at[1], topic[1]), Hint: "SNS serves a topic in its own region only: leave endpoint out, or name one of " + topic[1]})
	}
	return append(faults, conf.ValidateEndpoint(c.Endpoint)...)
}

// fits compares max_message with the topic's own limit, "" = SNS did not say.
func (s *Sink) fits(limit string) error {
	n, _ := strconv.ParseInt(limit, 10, 64) // 0 where it is no number
	if n <= 0 || s.cfg.MaxMessage.Bytes() <= n {
		return nil
	}
	return fmt.Errorf("max_message is %s, but the topic takes %s: raise its MaximumMessageSize, or lower max_message", s.cfg.MaxMessage, conf.Size(n))
}
