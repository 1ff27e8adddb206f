package lib

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// splitStrings cuts each string at a delimiter, or with an empty one at white
// space, at most so many times unless that is negative. It gives the largest
// number of parts; y, unless nil, gets that many of each string, filled up with
// "", and count, unless nil, how many there are.
func splitStrings(y []string, count []int64, x []string, delimiter string, cuts int) int {
	width := 0
	for i, s := range x {
		parts := splitString(s, delimiter, cuts)
		width = max(width, len(parts))
		if count != nil {
			count[i] = int64(len(parts))
		}
	}
	checkCount(y, len(x)*width)
	if y != nil {
		clear(y)
		for i, s := range x {
			copy(y[i*width:], splitString(s, delimiter, cuts))
		}
	}
	return width
}

func splitString(s, delimiter string, cuts int) (parts []string) {
	if delimiter != "" {
		if s == "" {
			return nil
		}
		if cuts >= 0 {
			cuts++
		}
		return strings.SplitN(s, delimiter, cuts)
	}
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		end := strings.IndexAny(s, " \t\n\r\v\f")
		if end < 0 || len(parts) == cuts {
			return append(parts, s)
		}
		parts, s = append(parts, s[:end]), s[end:]
	}
	return parts
}

// normalizeStrings is x without the stop words, each changed by f, and how many
// are left: at least one, "" if need be. y may be nil, to be asked for that.
func normalizeStrings(y, x, stop []string, same func(a, b string) bool, f func(string) string) int {
	n := 0
	for _, s := range x {
		if slices.ContainsFunc(stop, func(w string) bool { return same(s, w) }) {
			continue
		}
		if n < len(y) {
			y[n] = f(s)
		}
		n++
	}
	if n == 0 {
		clear(y)
		n = 1
	}
	checkCount(y, n)
	return n
}

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

func matchStrings(y []bool, x []string, pattern string) {
	re := regexp.MustCompile("^(?:" + pattern + ")$")
	for i, s := range x[:len(y)] {
		y[i] = re.MatchString(s)
	}
}

// An ngrams is the pool whose n-grams countNgrams looks for: its elements are
// written one after the other, those of length n from counts[n-1] on, and
// n-gram i counts for element indexes[i] of a row.
type ngrams struct {
	pool              []string
	counts, indexes   []int
	shortest, longest int
	skips             int
	mode              string
	weights           []float32
}

// countNgrams counts the n-grams in each row of x, with the same number of
// elements, up to skips, left out between neighbours.
func countNgrams[T any](y []float32, x []T, rows int, text func(T) string, g ngrams) {
	ids := map[string]int{}
	for i, begin := range g.counts {
		end := len(g.pool)
		if i+1 < len(g.counts) {
			end = g.counts[i+1]
		}
		for k := begin; k < end; k += i + 1 {
			ids[strings.Join(g.pool[k:k+i+1], "\x00")] = len(ids)
		}
	}
	clear(y)
	width, size := len(x)/max(rows, 1), len(y)/max(rows, 1)
	for r := range rows {
		for n := g.shortest; n <= g.longest; n++ {
			for step := 1; step <= g.skips+1 && (n > 1 || step == 1); step++ {
				for begin := 0; begin+(n-1)*step < width; begin++ {
					gram := make([]string, n)
					for k := range gram {
						gram[k] = text(x[r*width+begin+k*step])
					}
					if id, ok := ids[strings.Join(gram, "\x00")]; ok {
						y[r*size+g.indexes[id]]++
					}
				}
			}
		}
		for id, at := range g.indexes {
			v := &y[r*size+at]
			if g.mode == "IDF" {
				*v = min(*v, 1)
			}
			if g.mode != "TF" && id < len(g.weights) {
				*v *= g.weights[id]
			}
		}
	}
}

func textOf[T integer](x T) string { return strconv.FormatInt(int64(x), 10) }
