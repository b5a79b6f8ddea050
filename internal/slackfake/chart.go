package slackfake

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// checkChart holds a data visualization block to its page in the Block Kit
// reference: bar, area and line; a pie is not used.
func checkChart(raw json.RawMessage) error {
	var b struct {
		base
		Title string `json:"title"`
		Chart struct {
			Type   string `json:"type"`
			Series []struct {
				Name string `json:"name"`
				Data []struct {
					Label string   `json:"label"`
					Value *float64 `json:"value"`
				} `json:"data"`
			} `json:"series"`
			Axis struct {
				Categories []string `json:"categories"`
				X          string   `json:"x_label"`
				Y          string   `json:"y_label"`
			} `json:"axis_config"`
		} `json:"chart"`
	}
	if err := strict(raw, &b); err != nil {
		return err
	}
	c := b.Chart
	switch {
	case !within(b.Title, 1, maxTitle), !within(c.Axis.X, 0, maxAxis), !within(c.Axis.Y, 0, maxAxis):
		return fmt.Errorf("title or axis label")
	case c.Type != "line" && c.Type != "bar" && c.Type != "area":
		return fmt.Errorf("type %q", c.Type)
	case len(c.Series) < 1 || len(c.Series) > maxSeries, len(c.Axis.Categories) < 1 || len(c.Axis.Categories) > maxPoints:
		return fmt.Errorf("%d series, %d categories", len(c.Series), len(c.Axis.Categories))
	}
	known := map[string]bool{}
	for _, k := range c.Axis.Categories {
		if !within(k, 1, maxLabel) || known[k] {
			return fmt.Errorf("category %q", k)
		}
		known[k] = true
	}
	names := map[string]bool{}
	for _, s := range c.Series {
		if !within(s.Name, 1, maxLabel) || names[s.Name] || len(s.Data) != len(known) {
			return fmt.Errorf("series %q with %d points", s.Name, len(s.Data))
		}
		names[s.Name] = true
		seen := map[string]bool{}
		for _, p := range s.Data {
			if p.Value == nil || !known[p.Label] || seen[p.Label] {
				return fmt.Errorf("series %q, point %q", s.Name, p.Label)
			}
			seen[p.Label] = true
		}
	}
	return nil
}

func within(s string, low, high int) bool {
	n := utf8.RuneCountInString(s)
	return n >= low && n <= high
}
