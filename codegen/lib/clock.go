package lib

import "time"

// A clock adds up how long steps take. Only packages that are made to be
// measured have one.
type clock struct {
	last  time.Time
	spent []int64 // nanoseconds of each step
}

// start is before the first step of a run.
func (c *clock) start(steps int) {
	if len(c.spent) != steps {
		c.spent = make([]int64, steps)
	}
	c.last = time.Now()
}

// tick is behind a step: what passed since the last tick was its.
func (c *clock) tick(step int) {
	now := time.Now()
	c.spent[step] += int64(now.Sub(c.last))
	c.last = now
}
