package lib

import "time"

// A clock says how long each step of a run took. Only packages that are made
// to be measured have one.
type clock struct {
	last  time.Time
	spent []int64 // nanoseconds of each step, all its calls together
}

// start is before the first step of a run.
func (c *clock) start(steps int) {
	if len(c.spent) != steps {
		c.spent = make([]int64, steps)
	}
	clear(c.spent)
	c.last = time.Now()
}

// tick is behind a step: what passed since the last tick was its.
func (c *clock) tick(step int) {
	now := time.Now()
	c.spent[step] += int64(now.Sub(c.last))
	c.last = now
}
