package awsfake

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// query is the AWS Query protocol: a form in, XML out.
func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "text/xml")
	if status, header, code := s.failing("Publish"); status != 0 {
		for k, v := range header {
			w.Header()[k] = v
		}
		queryError(w, status, code, "as the test asks")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		queryError(w, http.StatusForbidden, "MissingAuthenticationToken", "not a signed form")
		return
	}
	if r.Form.Get("Action") != "Publish" {
		queryError(w, http.StatusBadRequest, "InvalidAction", r.Form.Get("Action"))
		return
	}
	m := readMessage(r.Form)
	if why := m.wrong(); why != "" {
		queryError(w, http.StatusBadRequest, "InvalidParameter", why)
		return
	}
	if m.DeduplicationID != "" {
		m.Repeat = s.known[m.TopicARN+m.DeduplicationID]
		s.known[m.TopicARN+m.DeduplicationID] = true
	}
	s.messages = append(s.messages, m)
	fmt.Fprintf(w, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m-%d</MessageId></PublishResult><ResponseMetadata><RequestId>r-%d</RequestId></ResponseMetadata></PublishResponse>`, len(s.messages), s.requests)
}

func queryError(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r</RequestId></ErrorResponse>`, code, message)
}

func readMessage(f url.Values) Message {
	m := Message{TopicARN: f.Get("TopicArn"), Subject: f.Get("Subject"), Body: f.Get("Message"), GroupID: f.Get("MessageGroupId"),
		DeduplicationID: f.Get("MessageDeduplicationId"), Attributes: map[string]string{}}
	for i := 1; ; i++ {
		base := fmt.Sprintf("MessageAttributes.entry.%d.", i)
		name := f.Get(base + "Name")
		if name == "" {
			return m
		}
		m.Attributes[name] = f.Get(base + "Value.StringValue")
	}
}

// wrong says which limit of SNS's Publish a message breaks, "" = none.
func (m Message) wrong() string {
	fifo := strings.HasSuffix(m.TopicARN, ".fifo")
	switch {
	case !strings.HasPrefix(m.TopicARN, "arn:aws:sns:"):
		return "TopicArn"
	case m.Body == "" || len(m.Body) > 256<<10 || !utf8.ValidString(m.Body):
		return "Message is empty, too long or not UTF-8"
	case len(m.Subject) >= 100 || strings.ContainsAny(m.Subject, "\r\n\t") || !ascii(m.Subject):
		return "Subject must be ASCII text without line breaks, shorter than 100 characters"
	case fifo && (m.GroupID == "" || m.DeduplicationID == ""):
		return "a FIFO topic needs MessageGroupId and MessageDeduplicationId"
	case !fifo && m.DeduplicationID != "":
		return "MessageDeduplicationId is for FIFO topics"
	case len(m.GroupID) > 128 || len(m.DeduplicationID) > 128:
		return "MessageGroupId and MessageDeduplicationId have at most 128 characters"
	}
	for name, v := range m.Attributes {
		if v == "" {
			return "attribute " + name + " is empty"
		}
	}
	return ""
}
