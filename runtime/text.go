package runtime

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.StringConcat:     stringConcat,
		ir.StringSplit:      stringSplit,
		ir.StringNormalizer: stringNormalizer,
		ir.RegexFullMatch:   regexFullMatch,
		ir.TfIdfVectorizer:  tfIdf,
	})
}

func stringConcat(c *Call) error {
	x, y := c.X(0), c.X(1)
	shape, err := broadcast(x.Shape, y.Shape)
	if err != nil {
		return err
	}
	x, y = x.Stretch(shape), y.Stretch(shape)
	for i := range x.S {
		x.S[i] += y.S[i]
	}
	return c.Return(x)
}

func stringSplit(c *Call) error {
	x := c.X(0)
	count := New(ir.I64, x.Shape...)
	parts, width := make([][]string, x.Len()), 0
	for i, s := range x.S {
		parts[i] = splitString(c, s)
		count.I[i] = int64(len(parts[i]))
		width = max(width, len(parts[i]))
	}
	y := New(ir.String, append(slices.Clone(x.Shape), width)...)
	for i, p := range parts {
		copy(y.S[i*width:], p)
	}
	return c.Return(y, count)
}

func splitString(c *Call, s string) []string {
	most := -1
	if c.Has("maxsplit") {
		most = c.Int("maxsplit") + 1
	}
	if d := c.Str("delimiter"); d != "" {
		if s == "" {
			return nil
		}
		return strings.SplitN(s, d, most)
	}
	var parts []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		end := strings.IndexAny(s, " \t\n\r\v\f")
		if end < 0 || len(parts) == most-1 {
			return append(parts, s)
		}
		parts, s = append(parts, s[:end]), s[end:]
	}
	return parts
}

func stringNormalizer(c *Call) error {
	x := c.X(0)
	same := func(a, b string) bool { return a == b }
	if c.Int("is_case_sensitive") == 0 {
		same = strings.EqualFold
	}
	var kept []string
	for _, s := range x.S {
		if slices.ContainsFunc(c.StrList("stopwords"), func(w string) bool { return same(s, w) }) {
			continue
		}
		switch c.Str("case_change_action") {
		case "LOWER":
			s = strings.ToLower(s)
		case "UPPER":
			s = strings.ToUpper(s)
		}
		kept = append(kept, s)
	}
	if len(kept) == 0 {
		kept = []string{""}
	}
	y := New(ir.String, len(kept))
	copy(y.S, kept)
	if x.Rank() == 2 {
		y = y.Reshape(1, len(kept))
	}
	return c.Return(y)
}

func regexFullMatch(c *Call) error {
	x := c.X(0)
	re, err := regexp.Compile(`^(?:` + c.Str("pattern") + `)$`)
	if err != nil {
		return err
	}
	y := New(ir.Bool, x.Shape...)
	for i, s := range x.S {
		y.I[i] = b2i(re.MatchString(s))
	}
	return c.Return(y)
}

// tfIdf looks up every n-gram of a row, its elements stride apart, among those of the pool with its length.
func tfIdf(c *Call) error {
	x := c.X(0)
	pool, err := ngramPool(c, x)
	if err != nil {
		return err
	}
	rows, width := 1, x.Len()
	shape := []int{int(slices.Max(c.Ints("ngram_indexes"))) + 1}
	if x.Rank() == 2 {
		rows, width = x.Shape[0], x.Shape[1]
		shape = []int{rows, shape[0]}
	}
	y := New(ir.F32, shape...)
	size := shape[len(shape)-1]
	for r := range rows {
		for n := c.Int("min_gram_length"); n <= c.Int("max_gram_length"); n++ {
			for stride := 1; stride <= c.Int("max_skip_count")+1 && (n > 1 || stride == 1); stride++ {
				for begin := 0; begin+(n-1)*stride < width; begin++ {
					gram := make([]string, n)
					for k := range gram {
						gram[k] = numberOrText(x, r*width+begin+k*stride)
					}
					if id, ok := pool[gramKey(gram)]; ok {
						y.F[r*size+int(c.Ints("ngram_indexes")[id])]++
					}
				}
			}
		}
	}
	weights := c.FloatList("weights")
	for id, at := range c.Ints("ngram_indexes") {
		for r := range rows {
			v := &y.F[r*size+int(at)]
			if mode := c.Str("mode"); mode == "IDF" && *v > 0 {
				*v = 1
			}
			if c.Str("mode") != "TF" && id < len(weights) {
				*v *= weights[id]
			}
		}
	}
	return c.Return(y)
}

func numberOrText(x *Tensor, i int) string {
	if x.S != nil {
		return x.S[i]
	}
	return fmt.Sprint(x.Int(i))
}

func gramKey(gram []string) string { return fmt.Sprintf("%q", gram) }

// ngramPool gives the number of each n-gram of the pool.
func ngramPool(c *Call, x *Tensor) (map[string]int, error) {
	var items []string
	for _, n := range c.Ints("pool_int64s") {
		items = append(items, fmt.Sprint(n))
	}
	if x.S != nil {
		items = c.StrList("pool_strings")
	}
	pool := map[string]int{}
	counts := c.Ints("ngram_counts")
	for i, begin := range counts {
		end := int64(len(items))
		if i+1 < len(counts) {
			end = counts[i+1]
		}
		if begin < 0 || begin > end || end > int64(len(items)) || (end-begin)%int64(i+1) != 0 {
			return nil, fmt.Errorf("ngram_counts %v for a pool of %d", counts, len(items))
		}
		for k := int(begin); k < int(end); k += i + 1 {
			pool[gramKey(items[k:k+i+1])] = len(pool)
		}
	}
	if len(pool) > len(c.Ints("ngram_indexes")) {
		return nil, fmt.Errorf("%d n-grams and %d ngram_indexes", len(pool), len(c.Ints("ngram_indexes")))
	}
	return pool, nil
}
