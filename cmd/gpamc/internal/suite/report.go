package suite

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Counts are how many cases came out how.
type Counts struct {
	Pass        int `json:"pass"`
	Fail        int `json:"fail"`
	Unsupported int `json:"unsupported"`
	Random      int `json:"random"`
	Total       int `json:"total"`
	Others      int `json:"others,omitempty"` // of those that pass, with sizes that were not recorded, too
}

// A Report is what `gpamc test --json` prints. A runtime that was not asked for is absent.
type Report struct {
	Reference *Counts  `json:"reference,omitempty"`
	Compiled  *Counts  `json:"compiled,omitempty"`
	Cases     []Result `json:"cases"`
}

// NewReport counts results.
func NewReport(results []Result) *Report {
	r := &Report{Cases: results}
	slices.SortStableFunc(r.Cases, func(a, b Result) int {
		return cmp.Or(cmp.Compare(b.Runtime, a.Runtime), cmp.Compare(a.Name, b.Name))
	})
	for _, c := range results {
		which := &r.Reference
		if c.Runtime == "compiled" {
			which = &r.Compiled
		}
		if *which == nil {
			*which = &Counts{}
		}
		(*which).add(c)
	}
	return r
}

func (n *Counts) add(c Result) {
	n.Total++
	switch c.Status {
	case Pass:
		n.Pass++
		if c.Others > 0 {
			n.Others++
		}
	case Fail:
		n.Fail++
	case Unsupported:
		n.Unsupported++
	case Random:
		n.Random++
	}
}

// Failed reports whether a case failed, or, when strict, is not supported.
func (r *Report) Failed(strict bool) bool {
	for _, n := range []*Counts{r.Reference, r.Compiled} {
		if n != nil && (n.Fail > 0 || strict && n.Unsupported > 0) {
			return true
		}
	}
	return false
}

// JSON writes the report for other programs.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// Text writes the report for people: what failed, which operators are missing, and the counts.
func (r *Report) Text(w io.Writer) {
	for _, c := range r.Cases {
		if c.Status == Fail {
			fmt.Fprintf(w, "FAIL %s (%s): %s\n", c.Name, c.Runtime, indent(c.Detail))
		}
	}
	missing := map[string]int{}
	for _, c := range r.Cases {
		if c.Status == Unsupported {
			missing[c.Runtime+": "+brief(c.Detail)]++
		}
	}
	names := make([]string, 0, len(missing))
	for name := range missing {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(missing[b], missing[a]), cmp.Compare(a, b)) })
	for _, name := range names {
		fmt.Fprintf(w, "unsupported %4d × %s\n", missing[name], name)
	}
	fmt.Fprintf(w, "%-10s %6s %6s %12s %7s %6s\n", "runtime", "pass", "fail", "unsupported", "random", "total")
	for _, row := range []struct {
		name string
		n    *Counts
	}{{"reference", r.Reference}, {"compiled", r.Compiled}} {
		if n := row.n; n != nil {
			fmt.Fprintf(w, "%-10s %6d %6d %12d %7d %6d\n", row.name, n.Pass, n.Fail, n.Unsupported, n.Random, n.Total)
		}
	}
	if r.Compiled != nil && r.Compiled.Others > 0 {
		fmt.Fprintf(w, "%-10s %6d of the compiled, also with sizes that are not the tests' own\n", "resized", r.Compiled.Others)
	}
}

func indent(s string) string { return strings.ReplaceAll(s, "\n", "\n     ") }

// sameEverywhere removes from a detail what differs from model to model.
var sameEverywhere = []*regexp.Regexp{
	regexp.MustCompile(`^(.*?: )?(\d+ operators? (is|are) not supported|a node cannot be compiled|\d+ nodes cannot be compiled):\s*`),
	regexp.MustCompile(`\(node [^)]*\)`),
	regexp.MustCompile(`node "[^"]*" `),
}

// brief is a detail of what is not supported, so short that equal ones can be counted: each operator with the reason, once.
func brief(detail string) string {
	for _, re := range sameEverywhere {
		detail = re.ReplaceAllString(detail, "")
	}
	detail = strings.ReplaceAll(detail, " ,", ";") // between nodes whose names are gone
	var parts []string
	for _, part := range strings.FieldsFunc(detail, func(r rune) bool { return r == '\n' || r == ';' }) {
		if part = strings.Join(strings.Fields(part), " "); part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}
