package awsfake

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of Publish and PublishBatch (SNS API reference), on a topic whose
// MaximumMessageSize is the default.
const (
	maxMessage    = 256 << 10
	maxBatch      = 10
	maxAttributes = 10 // with raw delivery to a queue
)

const snsNamespace = ` xmlns="http://sns.amazonaws.com/doc/2010-03-31/"`

// query is the AWS Query protocol: a form in, XML out.
func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "text/xml")
	r.Body = http.MaxBytesReader(w, r.Body, 8<<20)
	parsed := r.ParseForm()
	action := r.Form.Get("Action")
	if status, header, code := s.failing(map[bool]string{true: action, false: "Publish"}[action == "PublishBatch" || action == "SetInstanceHealth"]); status != 0 {
		for k, v := range header {
			w.Header()[k] = v
		}
		queryError(w, status, code, "as the test asks")
		return
	}
	if parsed != nil || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		queryError(w, http.StatusForbidden, "MissingAuthenticationToken", "not a signed form")
		return
	}
	switch action {
	case "Publish":
		s.publish(w, r.Form)
	case "SetInstanceHealth":
		s.setInstanceHealth(w, r.Form)
	case "PublishBatch":
		s.publishBatch(w, r.Form)
	case "GetTopicAttributes":
		fmt.Fprintf(w, `<GetTopicAttributesResponse%s><GetTopicAttributesResult><Attributes><entry><key>TopicArn</key><value>%s</value></entry><entry><key>MaximumMessageSize</key><value>%d</value></entry></Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>`,
			snsNamespace, html.EscapeString(r.Form.Get("TopicArn")), maxMessage)
	default:
		queryError(w, http.StatusBadRequest, "InvalidAction", action)
	}
}

func (s *Server) publish(w http.ResponseWriter, form url.Values) {
	m, why := readMessage(form, "")
	if why != "" {
		queryError(w, http.StatusBadRequest, "InvalidParameter", why)
		return
	}
	fmt.Fprintf(w, `<PublishResponse%s><PublishResult><MessageId>%s</MessageId></PublishResult><ResponseMetadata><RequestId>r-%d</RequestId></ResponseMetadata></PublishResponse>`, snsNamespace, s.take(m), s.requests)
}

// take keeps a message and gives its id; s.mu is held.
func (s *Server) take(m Message) string {
	if m.DeduplicationID != "" {
		m.Repeat = s.known[m.TopicARN+m.DeduplicationID]
		s.known[m.TopicARN+m.DeduplicationID] = true
	}
	s.messages = append(s.messages, m)
	return fmt.Sprintf("m-%d", len(s.messages))
}

// publishBatch takes what is sound of the entries, and refuses a request whose
// entries together are too many or too large.
func (s *Server) publishBatch(w http.ResponseWriter, form url.Values) {
	var good, bad strings.Builder
	total, ids := 0, map[string]bool{}
	type entry struct {
		id, why string
		m       Message
	}
	var all []entry
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("PublishBatchRequestEntries.member.%d.", i)
		id := form.Get(prefix + "Id")
		if id == "" {
			break
		}
		m, why := readMessage(form, prefix)
		m.TopicARN = form.Get("TopicArn")
		if why == "" {
			why = m.wrong()
		}
		total += m.size() + len(form.Get(prefix+"Message")) - len(m.Body)
		if ids[id] {
			queryError(w, http.StatusBadRequest, "BatchEntryIdsNotDistinct", id)
			return
		}
		ids[id] = true
		all = append(all, entry{id, why, m})
	}
	switch {
	case len(all) == 0:
		queryError(w, http.StatusBadRequest, "EmptyBatchRequest", "no entries")
		return
	case len(all) > maxBatch:
		queryError(w, http.StatusBadRequest, "TooManyEntriesInBatchRequest", "more than ten")
		return
	case total > maxMessage:
		queryError(w, http.StatusBadRequest, "BatchRequestTooLong", "larger than one message may be")
		return
	}
	for _, e := range all {
		if e.why != "" {
			fmt.Fprintf(&bad, `<member><Id>%s</Id><Code>InvalidParameter</Code><Message>%s</Message><SenderFault>true</SenderFault></member>`, e.id, html.EscapeString(e.why))
			continue
		}
		fmt.Fprintf(&good, `<member><Id>%s</Id><MessageId>%s</MessageId></member>`, e.id, s.take(e.m))
	}
	fmt.Fprintf(w, `<PublishBatchResponse%s><PublishBatchResult><Successful>%s</Successful><Failed>%s</Failed></PublishBatchResult></PublishBatchResponse>`, snsNamespace, good.String(), bad.String())
}

func queryError(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `<ErrorResponse%s><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r</RequestId></ErrorResponse>`, snsNamespace, code, html.EscapeString(message))
}

// readMessage reads the message below a prefix of the form, and says which limit
// it breaks, "" = none.
func readMessage(f url.Values, prefix string) (Message, string) {
	m := Message{TopicARN: f.Get("TopicArn"), Subject: f.Get(prefix + "Subject"), Body: f.Get(prefix + "Message"), GroupID: f.Get(prefix + "MessageGroupId"),
		DeduplicationID: f.Get(prefix + "MessageDeduplicationId"), Attributes: map[string]string{}}
	for i := 1; ; i++ {
		base := fmt.Sprintf("%sMessageAttributes.entry.%d.", prefix, i)
		name := f.Get(base + "Name")
		if name == "" {
			break
		}
		if f.Get(base+"Value.DataType") != "String" {
			return m, "attribute " + name + " is no String"
		}
		m.Attributes[name] = f.Get(base + "Value.StringValue")
	}
	if why := m.wrong(); why != "" {
		return m, why
	}
	if f.Get(prefix+"MessageStructure") == "json" {
		var texts map[string]string
		if json.Unmarshal([]byte(m.Body), &texts) != nil || texts["default"] == "" {
			return m, "Message Structure - No default entry in JSON message body"
		}
		m.Body, m.Mail, m.SMS = texts["default"], texts["email"], texts["sms"]
	}
	return m, ""
}

func (m Message) size() int {
	n := len(m.Body)
	for name, v := range m.Attributes {
		n += len(name) + len("String") + len(v)
	}
	return n
}

// wrong says which limit of SNS's Publish a message breaks, "" = none.
func (m Message) wrong() string {
	fifo := strings.HasSuffix(m.TopicARN, ".fifo")
	switch {
	case !strings.HasPrefix(m.TopicARN, "arn:aws:sns:"):
		return "TopicArn"
	case m.Body == "" || m.size() > maxMessage || !utf8.ValidString(m.Body):
		return "Message is empty, too long or not UTF-8"
	case utf8.RuneCountInString(m.Subject) >= 100 || !utf8.ValidString(m.Subject) || strings.ContainsFunc(m.Subject, unicode.IsControl):
		return "Subject must be UTF-8 text without line breaks or control characters, shorter than 100 characters"
	case fifo && (m.GroupID == "" || m.DeduplicationID == ""):
		return "a FIFO topic needs MessageGroupId and MessageDeduplicationId"
	case !fifo && m.DeduplicationID != "":
		return "MessageDeduplicationId is for FIFO topics"
	case len(m.GroupID) > 128 || len(m.DeduplicationID) > 128:
		return "MessageGroupId and MessageDeduplicationId have at most 128 characters"
	case len(m.Attributes) > maxAttributes:
		return "a queue with raw delivery drops a message with more than ten attributes"
	}
	for name, v := range m.Attributes {
		if v == "" || len(name) > 256 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
			return "attribute " + name + " is empty or its name is not one"
		}
	}
	return ""
}
