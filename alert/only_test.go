package alert

import "testing"

// TestOneSinkAlone: the label of test-alert --sink goes before the routes; a name
// that no sink has changes nothing.
func TestOneSinkAlone(t *testing.T) {
	t.Parallel()
	routes := []RouteConfig{{To: []string{"a", "b"}}}
	for label, want := range map[string]int{"c": 1, "": 2, "nobody": 2} {
		chains, _ := routed(&Alert{Labels: map[string]string{LabelSink: label}}, routes, []string{"a", "b", "c"})
		if len(chains) != want || want == 1 && chains[0][0] != "c" {
			t.Errorf("%q: %v", label, chains)
		}
	}
}
