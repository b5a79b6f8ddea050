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
	var all []collecttest.New
	for i := range collect.Names() {
		all = append(all, func(h collect.Host) collect.Collector { return collect.All(h, collect.Config{})[i] })
	}
	collecttest.Run(t, all...)
}

// TestSeriesHaveOneOwner: no two collectors declare the same metric.
func TestSeriesHaveOneOwner(t *testing.T) {
	t.Parallel()
	owner := map[string]string{}
	for _, c := range collect.All(collect.Host{}, collect.Config{}) {
		for _, m := range c.Metrics() {
			if other, taken := owner[m.Name]; taken {
				t.Errorf("%s is declared by %s and %s", m.Name, other, c.Name())
			}
			owner[m.Name] = c.Name()
		}
	}
}
