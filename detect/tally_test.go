package detect

import "testing"

// TestMissingDataAsCloudWatch holds the cells of the tables in "Configuring how
// CloudWatch alarms treat missing data" that do not hang on datapoints older
// than the evaluation periods: X bad, 0 good, - missing, newest last.
func TestMissingDataAsCloudWatch(t *testing.T) {
	t.Parallel()
	const (
		ok, alarm, retain, none = OK, Breach, Unknown, Missing
	)
	for _, c := range []struct {
		points                                string
		m                                     int
		missing, ignore, breaching, notBreach Level
	}{
		{"0XX", 3, ok, ok, ok, ok},
		{"XXX", 3, alarm, alarm, alarm, alarm},
		{"---", 3, none, retain, alarm, ok},
		{"--0", 3, ok, ok, ok, ok},
		{"X--", 3, alarm, retain, alarm, ok},
		{"--X", 3, ok, ok, alarm, ok}, // one bad datapoint, and it is not old enough
		{"X0X", 2, alarm, alarm, alarm, alarm},
		{"00X", 2, ok, ok, ok, ok},
		{"0X-", 2, ok, ok, alarm, ok},
		{"--0", 2, ok, ok, alarm, ok},
		{"-X-", 2, alarm, retain, alarm, ok},
		{"X-X", 2, alarm, alarm, alarm, alarm},
	} {
		for treat, want := range map[string]Level{"missing": c.missing, "ignore": c.ignore, "breaching": c.breaching, "notBreaching": c.notBreach} {
			n := tally{cfg: &RuleConfig{EvaluationPeriods: len(c.points), DatapointsToAlarm: c.m, Missing: treat}}
			for i := range c.points {
				p := c.points[len(c.points)-1-i]
				n.add(i, p != '-', p == 'X')
			}
			if got := n.level(); got != want {
				t.Errorf("%s, %d of %d, %s: level %d, want %d", c.points, c.m, len(c.points), treat, got, want)
			}
		}
	}
}

// TestYoungAgentDoesNotGuess: with fewer datapoints than periods, only what no
// further datapoint could change counts.
func TestYoungAgentDoesNotGuess(t *testing.T) {
	t.Parallel()
	cfg := &RuleConfig{EvaluationPeriods: 5, DatapointsToAlarm: 3, Missing: "missing"}
	for points, want := range map[string]Level{"": Unknown, "0": Unknown, "00": Unknown, "000": OK, "X00": Unknown, "XXX": Breach, "-": Unknown, "----": Unknown} {
		n := tally{cfg: cfg}
		for i, p := range points {
			n.add(i, p != '-', p == 'X')
		}
		if got := n.level(); got != want {
			t.Errorf("%q: level %d, want %d", points, got, want)
		}
	}
}
