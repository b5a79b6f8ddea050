//go:build e2e

package machine

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// TestSeries prints the series that each collector gives here. The test of the
// sandbox runs it inside and outside.
func TestSeries(t *testing.T) {
	now := time.Now()
	for _, c := range collect.All(collect.LocalHost(time.Second), collect.Config{}) {
		var got []collect.Sample
		for i := range 3 {
			got, _ = c.Collect(context.Background(), now.Add(time.Duration(i)*time.Second), nil) // what it cannot read is not in the list
			time.Sleep(50 * time.Millisecond)
		}
		fmt.Printf("SERIES %s (runs)\n", c.Name())
		for _, s := range got {
			if strings.HasSuffix(s.Metric, "_await") { // of the same line as the others of its device, and there only while it reads or writes
				continue
			}
			fmt.Printf("SERIES %s %s %s\n", c.Name(), s.Metric, s.Target)
		}
	}
}
