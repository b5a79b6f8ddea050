package detect

import "math"

// Constants of the company of a series. Distances are those of spikes.away.
const (
	companyFar    = 2   // from here on a series is far out
	companyLeast  = 24  // rows far out before its company is known
	companyKept   = 512 // such rows that count
	companyOwn    = 2   // deviations that it is less far out than usual, at most
	companyNear   = 1   // a companion is at least so far out
	companyAlways = 0.8 // of the rows, at least
	companyWide   = 3   // deviations that it strays
	companyStill  = 0.2 // its deviation, at least
	companyShare  = 8   // rows without the usual company are learnt so many times less
)

// company knows what the other series are like while one is far out on one side of
// its median. That of a disk's latency in the nightly backup are its writes; a
// latency as high without them is no backup, though each value, and their relation
// over the whole day, are usual ones. A companion is a series that is then nearly
// always far out itself.
type company struct {
	rows float64  // far out, that count
	with []beside // of each series, itself too; nil before it was far out
}

// beside are the weight of the rows in which a series was far out with another, and
// the sums of its distances in them, and of their squares.
type beside struct{ rows, sum, squares float64 }

// observe is how far the companion of the i-th series that lacks most is from where
// it usually is, as ln of how many times it usually strays, and learns the row: 0
// where nothing is lacking, where the series is less far out than it usually is then,
// and while its company is not known.
func (c *company) observe(each []*spikes, i int) (worst float64) {
	if c.rows >= companyLeast {
		own, deviation := c.with[i].usual()
		if math.Abs(each[i].away) < math.Abs(own)-companyOwn*deviation {
			return 0
		}
		for j, s := range each {
			if j != i && c.with[j].rows >= companyAlways*c.rows {
				worst = math.Max(worst, c.with[j].lack(s.away))
			}
		}
	}
	w := 1.0
	if worst > 0 {
		w /= companyShare
	}
	c.learn(each, w)
	return worst
}

func (c *company) learn(each []*spikes, w float64) {
	if c.with == nil {
		c.with = make([]beside, len(each))
	}
	keep := math.Min(1, companyKept/(c.rows+w))
	c.rows = keep * (c.rows + w)
	for j, s := range each {
		t := &c.with[j]
		if math.Abs(s.away) >= companyNear { // not where it is missing
			t.rows, t.sum, t.squares = t.rows+w, t.sum+w*s.away, t.squares+w*s.away*s.away
		}
		t.rows, t.sum, t.squares = keep*t.rows, keep*t.sum, keep*t.squares
	}
}

// lack is how far a companion is from where it usually is, towards its median; 0
// where it is missing, and where it is now on this side, now on that.
func (t beside) lack(away float64) float64 {
	mean, deviation := t.usual()
	strays := companyWide * math.Max(companyStill, deviation)
	if mean < 0 {
		mean, away = -mean, -away
	}
	if !(mean-away > strays) || mean < strays {
		return 0
	}
	return math.Log((mean - away) / strays)
}

// usual is the mean and the deviation of the distances; there are some.
func (t beside) usual() (mean, deviation float64) {
	mean = t.sum / t.rows
	return mean, math.Sqrt(math.Max(0, t.squares/t.rows-mean*mean))
}
