package detect

// tally counts datapoints beyond a level as a CloudWatch alarm does.
//
// A missing datapoint counts as bad (breaching) or good (notBreaching). With
// missing and ignore the others decide, with one exception: where all that
// there is are bad and the oldest of them is at least as old as
// DatapointsToAlarm, missing is an alarm and ignore changes nothing
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html,
// "avoiding premature transitions"). With no datapoint at all, missing is no
// data and ignore changes nothing.
//
// One thing differs: CloudWatch also looks at a few older datapoints in the
// place of missing ones, because its data may come late. Here nothing does, and
// a missing datapoint counts at once.
type tally struct {
	cfg    *RuleConfig
	seen   int // datapoints that somebody looked for
	have   int // of those, the ones with a value
	bad    int
	oldest int // age of the oldest bad one, 1 = newest
}

// add counts the i-th newest datapoint, 0 = newest; in that order.
func (t *tally) add(i int, ok, beyond bool) {
	t.seen++
	if !ok {
		switch t.cfg.Missing {
		case "breaching":
			beyond = true
		case "notBreaching":
		default:
			return
		}
	}
	t.have++
	if beyond {
		t.bad++
		t.oldest = i + 1
	}
}

// good is whether there are too many good datapoints for an alarm, whatever the
// rest are.
func (t *tally) good() bool {
	return t.have-t.bad > t.cfg.EvaluationPeriods-t.cfg.DatapointsToAlarm
}

// level is Breach, OK, Missing, or Unknown where nobody looked for long enough.
func (t *tally) level() Level {
	n, m := t.cfg.EvaluationPeriods, t.cfg.DatapointsToAlarm
	premature := t.bad > 0 && t.bad == t.have && t.have < t.seen && t.oldest >= m
	switch {
	case t.bad >= m, premature && t.cfg.Missing == "missing":
		return Breach
	case premature:
		return Unknown
	case t.good():
		return OK
	case t.seen < n, t.have == 0 && t.cfg.Missing == "ignore":
		return Unknown
	case t.have == 0:
		return Missing
	}
	return OK
}
