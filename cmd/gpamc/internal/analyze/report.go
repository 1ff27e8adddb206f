package analyze

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// A Number is a measure. One that has no value (NaN, or infinite) is null in JSON and "-" in a table.
type Number float64

// MarshalJSON writes the number, or null.
func (x Number) MarshalJSON() ([]byte, error) {
	if f := float64(x); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return json.Marshal(f)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (x *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*x = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(x))
}

func (x Number) String() string {
	if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
		return "-"
	}
	return fmt.Sprintf("%.4g", float64(x))
}

// Tokens measure a matrix X [L,d] of tokens.
type Tokens struct {
	Residual   Number `json:"residual"`   // composite norm of X - 1·x̄ᵀ
	Relative   Number `json:"relative"`   // that over the composite norm of X
	Similarity Number `json:"similarity"` // mean cosine between two different tokens
	Rank       Number `json:"rank"`       // effective rank
}

// Matrix measures the attention matrix P = a∘P+ - b∘P- + c∘I, over all heads.
type Matrix struct {
	RowSum   Number `json:"row_sum"` // the mean
	RowMin   Number `json:"row_sum_min"`
	RowMax   Number `json:"row_sum_max"`
	Min      Number `json:"min"`      // the least entry
	Max      Number `json:"max"`      // the greatest
	Entropy  Number `json:"entropy"`  // mean of -Σ p·ln p over the rows of P+
	Jacobian Number `json:"jacobian"` // mean over the rows of |a|·‖∂p+/∂s+‖₁ + |b|·‖∂p-/∂s-‖₁, entry by entry
}

// Gradient has the Frobenius norms of what a loss does.
type Gradient struct {
	Logits   Number `json:"grad_logits"`   // to the logits of both branches together
	Positive Number `json:"grad_positive"` // to those of the positive branch
	Negative Number `json:"grad_negative"` // to those of the negative branch, null where there is none
	Query    Number `json:"grad_query"`    // to the query weights, null where the queries are no product with a weight
	Weight   string `json:"query_weight"`  // their name
}

// A Layer is one attention.
type Layer struct {
	Layer   int    `json:"layer"` // from 1 on
	Name    string `json:"name"`  // of the node
	Op      string `json:"op"`
	Output  string `json:"output"` // what X was measured at: the operator that computes it, and the name of its node
	Heads   int    `json:"heads"`
	Queries int    `json:"queries"`
	Keys    int    `json:"keys"`
	Tokens
	Ratio Number `json:"ratio"` // residual over that of the layer before, or of what the first layer reads
	Matrix
	Gradient
}

// A Report has the measures of a model.
type Report struct {
	Model  string  `json:"model"`
	Loss   string  `json:"loss"`
	Seed   uint64  `json:"seed"`
	Input  *Tokens `json:"input"` // what the first layer reads; null when no matrix of tokens was found there
	Layers []Layer `json:"layers"`
}

// Print writes the report as a table.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: loss %q, seed %d\n", r.Model, r.Loss, r.Seed)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "layer\tresidual\trelative\tratio\tcosine\trank\trow sum\tmin\tmax\tentropy\tjacobian\tdS+\tdS-\tdWq\t  attention")
	if in := r.Input; in != nil {
		fmt.Fprintf(t, "input\t%s\t%s\t\t%s\t%s\t\t\t\t\t\t\t\t\t\n", in.Residual, in.Relative, in.Similarity, in.Rank)
	}
	for _, l := range r.Layers {
		sum := rounded(l.RowSum).String()
		if l.RowMax-l.RowMin > 1e-6 {
			sum = rounded(l.RowMin).String() + ".." + rounded(l.RowMax).String()
		}
		name := l.Name
		if name == "" {
			name = l.Weight // text has no names of nodes
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t  %s %s\n", l.Layer, l.Residual, l.Relative, l.Ratio, l.Similarity,
			l.Rank, sum, l.Min, l.Max, l.Entropy, l.Jacobian, l.Positive, l.Negative, l.Query, l.Op, name)
	}
	t.Flush()
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// rounded is x without what rounding left of a sum that cancels.
func rounded(x Number) Number {
	if math.Abs(float64(x)) < 1e-9 {
		return 0
	}
	return x
}
