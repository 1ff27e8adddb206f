package ir

import (
	"fmt"
	"slices"
)

// Strings.
var (
	// StringConcat is x followed by y.
	StringConcat = define(Op{Name: "StringConcat", Args: "x y", Infer: variadic(text), Example: "StringConcat(x, y)", Inputs: "x str[2,3] y str[3]"})
	// StringSplit is x cut at a delimiter, or at white space, at most maxsplit times, and the number of parts of each; shorter lists of
	// parts are filled up with "".
	StringSplit = define(Op{Name: "StringSplit", Args: "x", Results: "y count", Attrs: "delimiter:string? maxsplit:int?", Infer: inferStringSplit,
		Example: `StringSplit(x) delimiter="-"`, Inputs: "x str[2,3]"})
	// StringNormalizer is x without the stop words, in LOWER or UPPER case or as it is (NONE); one "" when nothing is left.
	StringNormalizer = define(Op{Name: "StringNormalizer", Args: "x",
		Attrs: "case_change_action:string=NONE is_case_sensitive:int=0 locale:string? stopwords:strings?", Infer: inferStringNormalizer,
		Example: `StringNormalizer(x) case_change_action="UPPER" stopwords=["a"]`, Inputs: "x str[5]"})
	// RegexFullMatch is whether all of a string matches the pattern, in RE2's notation.
	RegexFullMatch = define(Op{Name: "RegexFullMatch", Args: "x", Attrs: "pattern:string", Infer: compare(text),
		Example: `RegexFullMatch(x) pattern="[ab]"`, Inputs: "x str[2,3]"})
	// TfIdfVectorizer counts in each row the n-grams of a pool, with up to max_skip_count elements left out between neighbours: how
	// often (TF), weights where it is there (IDF), or the product (TFIDF).
	TfIdfVectorizer = define(Op{Name: "TfIdfVectorizer", Args: "x",
		Attrs: "max_gram_length:int max_skip_count:int min_gram_length:int mode:string ngram_counts:ints ngram_indexes:ints " +
			"pool_int64s:ints? pool_strings:strings? weights:floats?", Infer: inferTfIdf,
		Example: `TfIdfVectorizer(x) max_gram_length=2 max_skip_count=0 min_gram_length=1 mode="TF" ngram_counts=[0,2] ngram_indexes=[0,1,2] pool_int64s=[0,1,2,3]`,
		Inputs:  "x i64[2,6]"})
)

var text = class{"a string", func(e Elem) bool { return e == String }}

func inferStringSplit(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, text)
	if err != nil || !x.Ranked() {
		return []Type{Unranked(String), Unranked(I64)}, err
	}
	return []Type{T(String, append(slices.Clone(x.Shape), n.Fresh(0))...), x.With(I64)}, nil
}

func inferStringNormalizer(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, text)
	if err != nil || !x.Ranked() {
		return []Type{Unranked(String)}, err
	}
	if a := n.Str("case_change_action"); a != "LOWER" && a != "UPPER" && a != "NONE" {
		return nil, fmt.Errorf("case_change_action %q is not LOWER, UPPER or NONE", a)
	}
	switch {
	case x.Rank() == 1:
		return []Type{T(String, n.Fresh(0))}, nil
	case x.Rank() == 2 && (!x.Shape[0].IsConst() || x.Shape[0].Is(1)):
		return []Type{T(String, N(1), n.Fresh(0))}, nil
	}
	return nil, fmt.Errorf("%s is not [c] or [1,c]", x)
}

func inferTfIdf(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	counts, indexes := n.Ints("ngram_counts"), n.Ints("ngram_indexes")
	if int(n.Int("max_gram_length")) > len(counts) || len(indexes) == 0 || slices.Min(indexes) < 0 || n.Int("min_gram_length") < 1 {
		return nil, fmt.Errorf("ngram_counts %v and ngram_indexes %v for lengths %d to %d", counts, indexes, n.Int("min_gram_length"), n.Int("max_gram_length"))
	}
	size := N(int(slices.Max(indexes)) + 1)
	switch x.Rank() {
	case -1:
		return []Type{Unranked(F32)}, nil
	case 0, 1:
		return []Type{T(F32, size)}, nil
	case 2:
		return []Type{T(F32, x.Shape[0], size)}, nil
	}
	return nil, fmt.Errorf("%s is not [c] or [n,c]", x)
}
