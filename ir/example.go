package ir

import (
	"fmt"
	"strings"
)

// ExampleFunc is the operator's example as a function whose results are all of the node's; nil when the row has none.
func (op *Op) ExampleFunc() (*Func, error) {
	if op.Example == "" {
		return nil, nil
	}
	var params []string
	for f := strings.Fields(op.Inputs); len(f) >= 2; f = f[2:] {
		params = append(params, f[0]+" "+f[1])
	}
	count := len(op.results)
	f, err := parseExample(op, strings.Join(params, ", "), count)
	if err != nil && op.MaxResults() < 0 { // any number of results: some examples have two
		if g, err := parseExample(op, strings.Join(params, ", "), count+1); err == nil {
			return g, nil
		}
	}
	return f, err
}

func parseExample(op *Op, params string, count int) (*Func, error) {
	results := make([]string, count)
	for i := range results {
		results[i] = fmt.Sprintf("y%d", i+1)
	}
	list := strings.Join(results, ", ")
	return Parse(fmt.Sprintf("func example(%s) {\n%s = %s\nreturn %s\n}", params, list, op.Example, list))
}
