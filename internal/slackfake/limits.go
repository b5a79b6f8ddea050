package slackfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Limits in characters or items (Slack: chat.postMessage; Block Kit reference,
// each block's page; Message metadata).
const (
	maxText     = 40_000 // of a message's text
	maxBlocks   = 50     // of a message
	maxSection  = 3_000  // of a section's text
	maxFields   = 10     // of a section
	maxField    = 2_000  // of a section's field
	maxHeader   = 150    // of a header
	maxContext  = 10     // elements of a context
	maxBlockID  = 255
	maxCharts   = 2 // data visualization blocks of a message
	maxTitle    = 50
	maxSeries   = 6
	maxPoints   = 20
	maxLabel    = 20
	maxAxis     = 50
	maxMetadata = 8 << 10 // bytes
	maxAll      = 13_200  // of all text of the blocks together (msg_blocks_too_long; Slack gives no figure, this one is what others met)
)

// wrong gives Slack's word for a message beyond a limit, "" for a sound one.
func wrong(m Message) string {
	switch {
	case m.Text == "" && len(m.Blocks) == 0:
		return "no_text"
	case utf8.RuneCountInString(m.Text) > maxText:
		return "msg_too_long"
	}
	total, charts := 0, 0
	for _, b := range m.Blocks {
		for _, t := range texts(b) {
			total += utf8.RuneCountInString(t)
		}
		if bytes.Contains(b, []byte(`"data_visualization"`)) {
			charts++
		}
	}
	switch {
	case total > maxAll:
		return "msg_blocks_too_long"
	case Check(m.Blocks) != nil, charts > maxCharts:
		return "invalid_blocks"
	}
	return ""
}

// Check says what is wrong with the blocks of a message, the first fault.
func Check(blocks []json.RawMessage) error {
	if len(blocks) > maxBlocks {
		return fmt.Errorf("%d blocks, at most %d", len(blocks), maxBlocks)
	}
	ids := map[string]bool{}
	for i, raw := range blocks {
		var head struct {
			Type string `json:"type"`
			ID   string `json:"block_id"`
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			return fmt.Errorf("block %d: %w", i, err)
		}
		if utf8.RuneCountInString(head.ID) > maxBlockID || head.ID != "" && ids[head.ID] {
			return fmt.Errorf("block %d: block_id is too long or not unique", i)
		}
		ids[head.ID] = true
		if err := check(head.Type, raw); err != nil {
			return fmt.Errorf("block %d, %s: %w", i, head.Type, err)
		}
	}
	return nil
}

func check(kind string, raw json.RawMessage) error {
	switch kind {
	case "section":
		return checkSection(raw)
	case "header":
		var b struct {
			base
			Text text `json:"text"`
		}
		if err := strict(raw, &b); err != nil {
			return err
		}
		if b.Text.Type != "plain_text" {
			return fmt.Errorf("a header is plain_text")
		}
		return b.Text.check(maxHeader)
	case "divider":
		return strict(raw, &base{})
	case "context":
		return checkContext(raw)
	case "rich_text":
		return checkRich(raw)
	case "data_visualization":
		return checkChart(raw)
	}
	return fmt.Errorf("not a block that this fake knows")
}

// base is what all blocks have.
type base struct {
	Type string `json:"type"`
	ID   string `json:"block_id,omitempty"`
}

// text is a text object.
type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"`
	Verbatim *bool  `json:"verbatim,omitempty"`
}

func (t text) check(limit int) error {
	n := utf8.RuneCountInString(t.Text)
	switch {
	case n < 1 || n > limit:
		return fmt.Errorf("a text of %d characters, want 1 to %d", n, limit)
	case t.Type != "plain_text" && t.Type != "mrkdwn":
		return fmt.Errorf("a text of type %q", t.Type)
	case t.Type == "mrkdwn" && t.Emoji != nil, t.Type == "plain_text" && t.Verbatim != nil:
		return fmt.Errorf("emoji is for plain_text, verbatim for mrkdwn")
	}
	return nil
}

func checkSection(raw json.RawMessage) error {
	var b struct {
		base
		Text   *text  `json:"text"`
		Fields []text `json:"fields"`
		Expand bool   `json:"expand"`
	}
	if err := strict(raw, &b); err != nil {
		return err
	}
	if b.Text == nil && len(b.Fields) == 0 || len(b.Fields) > maxFields {
		return fmt.Errorf("a section has a text or 1 to %d fields", maxFields)
	}
	if b.Text != nil {
		if err := b.Text.check(maxSection); err != nil {
			return err
		}
	}
	for _, f := range b.Fields {
		if err := f.check(maxField); err != nil {
			return fmt.Errorf("field: %w", err)
		}
	}
	return nil
}

func checkContext(raw json.RawMessage) error {
	var b struct {
		base
		Elements []text `json:"elements"`
	}
	if err := strict(raw, &b); err != nil {
		return err
	}
	if n := len(b.Elements); n < 1 || n > maxContext {
		return fmt.Errorf("%d elements, want 1 to %d", n, maxContext)
	}
	for _, e := range b.Elements {
		if err := e.check(maxSection); err != nil {
			return err
		}
	}
	return nil
}

// checkRich takes sections and preformatted elements of plain text.
func checkRich(raw json.RawMessage) error {
	var b struct {
		base
		Elements []struct {
			Type     string `json:"type"`
			Border   int    `json:"border"`
			Elements []struct {
				Type string `json:"type"`
				Text string `json:"text"`
			} `json:"elements"`
		} `json:"elements"`
	}
	if err := strict(raw, &b); err != nil {
		return err
	}
	if len(b.Elements) == 0 {
		return fmt.Errorf("no elements")
	}
	for _, e := range b.Elements {
		if e.Type != "rich_text_section" && e.Type != "rich_text_preformatted" || len(e.Elements) == 0 {
			return fmt.Errorf("an element %q", e.Type)
		}
		for _, t := range e.Elements {
			if t.Type != "text" || t.Text == "" || utf8.RuneCountInString(t.Text) > maxSection {
				return fmt.Errorf("an element of type %q", t.Type)
			}
		}
	}
	return nil
}

// strict refuses fields that it does not know, as Slack does.
func strict(raw json.RawMessage, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// texts are the values of all "text", "title", "label" and "name" of a block.
func texts(raw json.RawMessage) []string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil
	}
	var out []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range []string{"text", "title", "label", "name", "x_label", "y_label"} {
				if s, ok := v[k].(string); ok {
					out = append(out, s)
				}
			}
			for _, k := range []string{"text", "fields", "elements", "chart", "series", "data", "axis_config"} {
				walk(v[k])
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(v)
	return out
}
