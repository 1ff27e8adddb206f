package codegen

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

var _ = register(portable, map[*ir.Op]lowering{
	ir.StringConcat:     broadcasting(anyElem, "join"),
	ir.StringSplit:      lowerStringSplit,
	ir.StringNormalizer: lowerStringNormalizer,
	ir.RegexFullMatch:   lowerRegexFullMatch,
	ir.TfIdfVectorizer:  lowerTfIdf,
})

func lowerStringSplit(e *emitter, n *ir.Node) error {
	cuts := -1
	if n.Has("maxsplit") {
		cuts = n.Int("maxsplit")
	}
	return counting(anyElem, fmt.Sprintf("splitStrings(%%s, %%s, x0, %s, %d)", verbatim(n.Str("delimiter")), cuts), "y", "y1")(e, n)
}

func lowerStringNormalizer(e *emitter, n *ir.Node) error {
	f, ok := map[string]string{"LOWER": "lower", "UPPER": "upper", "NONE": "identity"}[n.Str("case_change_action")]
	if !ok {
		return fmt.Errorf("case_change_action %q", n.Str("case_change_action"))
	}
	same := "equal"
	if n.Int("is_case_sensitive") == 0 {
		same = "equalFold"
	}
	return counting(anyElem, "normalizeStrings(%s, x0, "+stringsLiteral(n.StrList("stopwords"))+", "+same+", "+f+")", "y")(e, n)
}

func stringsLiteral(list []string) string {
	text := make([]string, len(list))
	for i, s := range list {
		text[i] = verbatim(s)
	}
	return "[]string{" + strings.Join(text, ", ") + "}"
}

// verbatim is s as a literal within a format.
func verbatim(s string) string { return strings.ReplaceAll(strconv.Quote(s), "%", "%%") }

func lowerRegexFullMatch(e *emitter, n *ir.Node) error {
	if _, err := regexp.Compile(n.Str("pattern")); err != nil {
		return err
	}
	e.Call("matchStrings", e.Y(n, 0), e.X(n, 0), strconv.Quote(n.Str("pattern")))
	return nil
}

func lowerTfIdf(e *emitter, n *ir.Node) error {
	text := "textOf"
	pool := n.StrList("pool_strings")
	switch x := n.TypeAt(0).Elem; {
	case x == ir.String:
		text = "identity"
	case isNumber(x) && x.IsInt():
		for _, v := range n.Ints("pool_int64s") {
			pool = append(pool, strconv.FormatInt(v, 10))
		}
	default:
		return fmt.Errorf("elements are %s: integers or strings are wanted", x)
	}
	quoted := make([]string, len(pool))
	for i, s := range pool {
		quoted[i] = strconv.Quote(s)
	}
	weights := make([]string, len(n.FloatList("weights")))
	for i, w := range n.FloatList("weights") {
		weights[i] = floatLiteral(w)
	}
	rows := "1"
	if n.TypeAt(0).Rank() == 2 {
		rows = e.Dim(n.TypeAt(0).Shape[0])
	}
	how := fmt.Sprintf("ngrams{pool: []string{%s}, counts: %s, indexes: %s, shortest: %d, longest: %d, skips: %d, mode: %q, weights: []float32{%s}}",
		strings.Join(quoted, ", "), e.Ints(n.Ints("ngram_counts")), e.Ints(n.Ints("ngram_indexes")), n.Int("min_gram_length"),
		n.Int("max_gram_length"), n.Int("max_skip_count"), n.Str("mode"), strings.Join(weights, ", "))
	e.Call("countNgrams", e.Y(n, 0), e.X(n, 0), rows, text, how)
	return nil
}
