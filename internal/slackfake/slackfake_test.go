package slackfake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// lines makes a chart of n points with the label l for the first.
func lines(n int, l, title string, series int) string {
	var points, names, all []string
	for i := range n {
		k := fmt.Sprintf("p%d", i)
		if i == 0 {
			k = l
		}
		names = append(names, fmt.Sprintf("%q", k))
		points = append(points, fmt.Sprintf(`{"label":%q,"value":%d}`, k, i))
	}
	for i := range series {
		all = append(all, fmt.Sprintf(`{"name":"s%d","data":[%s]}`, i, strings.Join(points, ",")))
	}
	return fmt.Sprintf(`{"type":"data_visualization","title":%q,"chart":{"type":"line","series":[%s],"axis_config":{"categories":[%s]}}}`, title, strings.Join(all, ","), strings.Join(names, ","))
}

// TestCheck: at each documented limit a block is taken, one beyond it is not.
func TestCheck(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("é", n) }
	section := func(n int) string { return `{"type":"section","text":{"type":"mrkdwn","text":"` + x(n) + `"}}` }
	fields := func(n, long int) string {
		return `{"type":"section","fields":[` + strings.TrimSuffix(strings.Repeat(`{"type":"mrkdwn","text":"`+x(long)+`"},`, n), ",") + `]}`
	}
	header := func(n int) string { return `{"type":"header","text":{"type":"plain_text","text":"` + x(n) + `"}}` }
	context := func(n int) string {
		return `{"type":"context","elements":[` + strings.TrimSuffix(strings.Repeat(`{"type":"mrkdwn","text":"a"},`, n), ",") + `]}`
	}
	for _, c := range []struct{ good, bad string }{
		{section(3000), section(3001)}, {section(1), section(0)}, {fields(10, 1), fields(11, 1)}, {fields(1, 2000), fields(1, 2001)}, {fields(1, 1), fields(1, 0)},
		{header(150), header(151)}, {context(10), context(11)}, {context(1), context(0)}, {`{"type":"divider"}`, `{"type":"divider","text":"x"}`},
		{lines(20, x(20), x(50), 6), lines(21, "l", "t", 1)}, {lines(1, "l", "t", 1), lines(2, "p1", "t", 1)}, {lines(1, "l", "t", 1), lines(1, x(21), "t", 1)},
		{lines(1, "l", "t", 1), lines(1, "l", x(51), 1)}, {lines(1, "l", "t", 1), lines(1, "l", "t", 7)}, {lines(1, "l", "t", 1), `{"type":"video"}`},
		{section(1), `{"type":"section","text":{"type":"mrkdwn","text":"a","emoji":true}}`}, {section(1), `{"type":"section","text":{"type":"mrkdwn","text":"a"},"colour":"red"}`},
		{`{"type":"rich_text","elements":[{"type":"rich_text_preformatted","elements":[{"type":"text","text":"a"}],"border":0}]}`, `{"type":"rich_text","elements":[{"type":"rich_text_preformatted","elements":[{"type":"link","url":"http://a"}]}]}`},
	} {
		if err := Check([]json.RawMessage{json.RawMessage(c.good)}); err != nil {
			t.Errorf("%v: %.200s", err, c.good)
		}
		if Check([]json.RawMessage{json.RawMessage(c.bad)}) == nil {
			t.Errorf("taken: %.200s", c.bad)
		}
	}
	many := make([]json.RawMessage, 51)
	for i := range many {
		many[i] = json.RawMessage(section(1))
	}
	if Check(many[:50]) != nil || Check(many) == nil {
		t.Error("a message has at most 50 blocks")
	}
	id := json.RawMessage(`{"type":"divider","block_id":"a"}`)
	if Check([]json.RawMessage{id, id}) == nil {
		t.Error("block_id must be unique")
	}
}

func post(t *testing.T, s *Server, method string, form url.Values) string {
	t.Helper()
	form.Set("token", s.Token)
	resp, err := http.PostForm(s.API()+method, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		OK    bool
		Error string
		TS    string
	}
	if err := json.Unmarshal(b, &said); err != nil {
		t.Fatal(err)
	}
	if said.OK {
		return "ok " + said.TS
	}
	return said.Error
}

// TestScope: the history is for those who were granted it, by the channel's id.
func TestScope(t *testing.T) {
	t.Parallel()
	s := New("t")
	t.Cleanup(s.Close)
	ask := url.Values{"channel": {Channel}, "limit": {"10"}}
	if got := post(t, s, "conversations.history", ask); got != "missing_scope" {
		t.Error(got)
	}
	s.Grant("channels:history")
	if got := post(t, s, "conversations.history", ask); got != "ok " {
		t.Error(got)
	}
	if got := post(t, s, "conversations.history", url.Values{"channel": {"#ops"}, "limit": {"10"}}); got != "channel_not_found" {
		t.Error(got)
	}
}

// TestWhatSlackRefuses: words for what is wrong beside blocks.
func TestWhatSlackRefuses(t *testing.T) {
	t.Parallel()
	s := New("t")
	t.Cleanup(s.Close)
	first := post(t, s, "chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"a"}})
	if !strings.HasPrefix(first, "ok ") {
		t.Fatal(first)
	}
	if got := post(t, s, "chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"a"}}); got != "ratelimited" {
		t.Errorf("two messages in a second: %s", got)
	}
	s.AnyRate()
	ts := strings.TrimPrefix(first, "ok ")
	reply := post(t, s, "chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"a"}, "thread_ts": {ts}, "reply_broadcast": {"true"}})
	for i, c := range []struct {
		method string
		form   url.Values
		want   string
	}{
		{"chat.postMessage", url.Values{"text": {"a"}}, "channel_not_found"}, {"chat.postMessage", url.Values{"channel": {"#ops"}}, "no_text"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {strings.Repeat("a", 40_001)}}, "msg_too_long"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"a"}, "metadata": {"{}"}}, "invalid_metadata_format"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"a"}, "reply_broadcast": {"true"}}, "invalid_arguments"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"a"}, "thread_ts": {"1.2"}}, "thread_not_found"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"a"}, "thread_ts": {strings.TrimPrefix(reply, "ok ")}}, "thread_not_found"},
		{"chat.update", url.Values{"channel": {Channel}, "text": {"a"}, "ts": {"1.2"}}, "message_not_found"},
		{"chat.update", url.Values{"channel": {"#ops"}, "text": {"a"}, "ts": {ts}}, "channel_not_found"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"a"}, "blocks": {"["}}, "invalid_blocks_format"},
		{"chat.postMessage", url.Values{"channel": {"#ops"}, "text": {"a"}, "blocks": {`[{"type":"header"}]`}}, "invalid_blocks"},
	} {
		if got := post(t, s, c.method, c.form); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
}
