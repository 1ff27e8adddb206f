package ir

import (
	"fmt"
	"strings"
)

var (
	// MatMul is the product of matrices, the leading axes broadcast: y[..,i,j] = Σk a[..,i,k]·b[..,k,j]. A vector on the left is a row, on
	// the right a column, and its axis is absent from the result.
	MatMul = define(Op{Name: "MatMul", Args: "a b", Infer: inferMatMul, Example: "MatMul(a, b)", Inputs: "a f32[2,3,4] b f32[4,5]"})

	// Gemm is alpha·A·B + beta·C, where A and B are transposed first if transA and transB say so, and C is broadcast.
	Gemm = define(Op{Name: "Gemm", Args: "a b c?", Attrs: "alpha:float=1 beta:float=1 transA:int=0 transB:int=0",
		Expand: expandGemm, Example: "Gemm(a, b, c) alpha=0.5 beta=2 transB=1", Inputs: "a f32[3,4] b f32[5,4] c f32[5]"})

	// Einsum is the sum of products that the equation spells, as in "bhqd,bhkd->bhqk". A letter that appears twice in one term takes the
	// diagonal, "..." are axes that are broadcast, and without an arrow the result has the letters that appear once, by alphabet.
	Einsum = define(Op{Name: "Einsum", Args: "xs...", Attrs: "equation:string", Infer: inferEinsum,
		Example: `Einsum(a, b) equation="bij,bkj->bik"`, Inputs: "a f32[2,3,4] b f32[2,5,4]"})
)

func inferMatMul(n *Node) ([]Type, error) {
	e, err := n.SameElem(0, 1)
	if err != nil {
		return nil, err
	}
	t, err := matMulType(n.TypeAt(0), n.TypeAt(1), e)
	return []Type{t}, err
}

// matMulType is the type of the product of a and b with elements of type e.
func matMulType(a, b Type, e Elem) (Type, error) {
	if a.Kind != Tensor || b.Kind != Tensor {
		return Type{}, fmt.Errorf("cannot multiply %s by %s", a, b)
	}
	if !a.Ranked() || !b.Ranked() {
		return Unranked(e), nil
	}
	x, y := a.Shape, b.Shape
	if len(x) == 0 || len(y) == 0 {
		return Type{}, fmt.Errorf("cannot multiply %s by %s: a scalar is no matrix", a, b)
	}
	row, column := len(x) == 1, len(y) == 1
	if row {
		x = []Dim{N(1), x[0]}
	}
	if column {
		y = []Dim{y[0], N(1)}
	}
	inner, other := x[len(x)-1], y[len(y)-2]
	if inner.IsConst() && other.IsConst() && !inner.Equal(other) {
		return Type{}, fmt.Errorf("cannot multiply %s by %s: inner dimensions %s and %s", a, b, inner, other)
	}
	shape, err := Broadcast(x[:len(x)-2], y[:len(y)-2])
	if err != nil {
		return Type{}, fmt.Errorf("cannot multiply %s by %s: %w", a, b, err)
	}
	if !row {
		shape = append(shape, x[len(x)-2])
	}
	if !column {
		shape = append(shape, y[len(y)-1])
	}
	return T(e, shape...), nil
}

func expandGemm(b *Builder, n *Node) []*Value {
	x, y := n.Arg("a"), n.Arg("b")
	if len(ranked(x)) != 2 || len(ranked(y)) != 2 {
		refuse("cannot multiply %s by %s: matrices are wanted", x.Type, y.Type)
	}
	if n.Int("transA") != 0 {
		x = b.New(Transpose, Attrs{"perm": []int64{1, 0}}, x)
	}
	if n.Int("transB") != 0 {
		y = b.New(Transpose, Attrs{"perm": []int64{1, 0}}, y)
	}
	z := b.scaled(b.New(MatMul, nil, x, y), n.Float("alpha"))
	if c := n.Arg("c"); c != nil {
		if err := fits(c.Type, z.Type); err != nil {
			refuse("%v", err)
		}
		z = b.New(Add, nil, z, b.scaled(c, n.Float("beta")))
	}
	return []*Value{z}
}

// EinsumTerms parses an equation of Einsum: the letters of each operand and of the result, '.' standing for the axes of an ellipsis.
func EinsumTerms(equation string, operands int) (terms []string, result string, err error) {
	eq := strings.ReplaceAll(strings.ReplaceAll(equation, " ", ""), "...", ".")
	left, result, arrow := strings.Cut(eq, "->")
	terms = strings.Split(left, ",")
	if len(terms) != operands {
		return nil, "", fmt.Errorf("equation %q has %d terms for %d operands", equation, len(terms), operands)
	}
	for i, t := range append(terms[:len(terms):len(terms)], result) {
		for _, r := range t {
			if r != '.' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
				return nil, "", fmt.Errorf("equation %q: %q is no letter", equation, r)
			}
			if i == len(terms) && r != '.' && !strings.ContainsRune(left, r) {
				return nil, "", fmt.Errorf("equation %q: %q appears only in the result", equation, r)
			}
		}
		if strings.Count(t, ".") > 1 {
			return nil, "", fmt.Errorf("equation %q: two ellipses in a term", equation)
		}
	}
	if arrow {
		return terms, result, nil
	}
	if strings.Contains(left, ".") {
		result = "."
	}
	for r := 'A'; r <= 'z'; r++ {
		if strings.Count(left, string(r)) == 1 && r != '.' {
			result += string(r)
		}
	}
	return terms, result, nil
}

func inferEinsum(n *Node) ([]Type, error) {
	all := make([]int, len(n.Args))
	for i := range all {
		all[i] = i
	}
	for _, i := range all {
		if _, err := n.tensorAt(i, number); err != nil {
			return nil, err
		}
	}
	e, err := n.SameElem(all...)
	if err != nil {
		return nil, err
	}
	terms, result, err := EinsumTerms(n.Str("equation"), len(n.Args))
	if err != nil {
		return nil, err
	}
	dims := map[rune]Dim{}
	var rest []Dim // the axes that "..." stands for
	for i, term := range terms {
		t := n.TypeAt(i)
		if !t.Ranked() {
			return []Type{Unranked(e)}, nil
		}
		extra := t.Rank() - len(term)
		if dots := strings.Contains(term, "."); dots {
			extra++
		} else if extra != 0 {
			return nil, fmt.Errorf("term %q does not fit %s", term, t)
		}
		if extra < 0 {
			return nil, fmt.Errorf("term %q does not fit %s", term, t)
		}
		k := 0
		for _, r := range term {
			if r == '.' {
				if rest, err = Broadcast(rest, t.Shape[k:k+extra]); err != nil {
					return nil, err
				}
				k += extra
				continue
			}
			d, err := einsumDim(dims, r, t.Shape[k])
			if err != nil {
				return nil, fmt.Errorf("equation %q: %w", n.Str("equation"), err)
			}
			dims[r] = d
			k++
		}
	}
	shape := []Dim{}
	for _, r := range result {
		if r == '.' {
			shape = append(shape, rest...)
		} else {
			shape = append(shape, dims[r])
		}
	}
	return []Type{T(e, shape...)}, nil
}

// einsumDim joins what is known of a letter with another dimension that it stands for; 1 is broadcast, as numpy does.
func einsumDim(dims map[rune]Dim, letter rune, d Dim) (Dim, error) {
	have, ok := dims[letter]
	switch {
	case !ok || have.Is(1) || !have.IsConst() && d.IsConst() && !d.Is(1):
		return d, nil
	case have.IsConst() && d.IsConst() && !d.Is(1) && !have.Equal(d):
		return d, fmt.Errorf("%q is %s and %s", letter, have, d)
	}
	return have, nil
}
