package collect_test

import (
	"testing"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/collect/collecttest"
)

// TestConformance holds every collector of the list to the contract. A new
// collector needs no test of its own for this: its line in All is enough.
func TestConformance(t *testing.T) {
	t.Parallel()
	for i, c := range collect.All(collect.Host{}, collect.Config{}) {
		t.Run(c.Name(), func(t *testing.T) {
			t.Parallel()
			collecttest.Run(t, func(h collect.Host) collect.Collector { return collect.All(h, collect.Config{})[i] })
		})
	}
}
