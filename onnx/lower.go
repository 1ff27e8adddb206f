package onnx

import (
	"fmt"
	"maps"
	"sort"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// onnxName is the name that ONNX has for op, "" if it has none.
func onnxName(op *ir.Op) string {
	switch op {
	case ir.ONNXAttention:
		return "Attention"
	case ir.Attention:
		return ""
	}
	return op.Name
}

// chooseOpset expands in f what ONNX lacks, but for operators that get functions, and returns the opset to write: the wanted one or, when
// that is 0, the oldest from the imported one on that has every operator which cannot be expanded.
func (e *exporter) chooseOpset(f *ir.Func, wanted, imported int) (int, error) {
	if wanted != 0 && (wanted < oldestExport || wanted > newest) {
		return 0, fmt.Errorf("cannot export opset %d; %d to %d are possible", wanted, oldestExport, newest)
	}
	opset := wanted
	if wanted == 0 {
		if opset = imported; opset < oldestExport {
			opset = defaultOpset
		}
	}
	e.opset = opset
	expand(f, func(n *ir.Node) bool { return !e.hasFunction(n) && lacks(n, opset) })
	if opset < added["Reshape.allowzero"] {
		copyZeros(f)
	}
	problems := map[string]bool{}
	f.Walk(func(_ *ir.Func, n *ir.Node) {
		if n.Op == ir.Const || n.Op == ir.Weight || e.isCustom(n.Op) {
			return
		}
		since, why := needs(n)
		switch {
		case since == 0:
			problems[fmt.Sprintf("%s is no operator of ONNX", n.Op.Name)] = true
		case since > opset && wanted != 0:
			problems[fmt.Sprintf("%s%s needs opset %d", n.Op.Name, why, since)] = true
		default:
			opset = max(opset, since)
		}
	})
	if len(problems) == 0 {
		return opset, nil
	}
	var list []string
	for p := range problems {
		list = append(list, p)
	}
	sort.Strings(list)
	return 0, fmt.Errorf("cannot be written as ONNX of opset %d: %s", opset, strings.Join(list, "; "))
}

// lacks reports whether ONNX of that opset has not the operator of n, or not as n uses it.
func lacks(n *ir.Node, opset int) bool {
	since, _ := needs(n)
	return since == 0 || since > opset || n.Op == ir.Swish // which runtimes lack, ONNX Runtime 1.30 among them
}

// copyZeros lets every Reshape in f take a 0 in its shape for the dimension of its input at that place, as all did once, where no number
// says otherwise. An empty tensor then gets another shape, or none, if what is 0 stands elsewhere in it.
func copyZeros(f *ir.Func) {
	f.Walk(func(_ *ir.Func, n *ir.Node) {
		dims, ok := n.ArgAt(1).SymbolicDims()
		if n.Op != ir.Reshape || n.Int("allowzero") == 0 || !ok {
			return
		}
		for k, d := range dims {
			x := n.TypeAt(0)
			if d.Is(0) && (k >= x.Rank() || !x.Shape[k].Is(0)) {
				return
			}
		}
		n.Attrs = maps.Clone(n.Attrs)
		delete(n.Attrs, "allowzero")
	})
}

// isCustom reports whether the operator is written as one of Domain.
func (e *exporter) isCustom(op *ir.Op) bool { return e.form == Functions && customOf(op) != nil }

// hasFunction reports whether n is of such an operator, and used so that a function can be written for it.
func (e *exporter) hasFunction(n *ir.Node) bool {
	if !e.isCustom(n.Op) {
		return false
	}
	_, err := customOf(n.Op).generalize(n)
	return err == nil
}

// oldestExport is the first opset that is written: older ones have other forms of too many operators.
const oldestExport = 13

// expand replaces, everywhere in f, nodes that do not fit by what they stand for.
func expand(f *ir.Func, unfit func(n *ir.Node) bool) {
	for i := 0; i < len(f.Nodes); {
		n := f.Nodes[i]
		for _, body := range n.Bodies {
			expand(body, unfit)
		}
		if n.Op == ir.Const || n.Op == ir.Weight || n.Op.Expand == nil || !unfit(n) {
			i++
			continue
		}
		b := &ir.Builder{F: f, At: i, Name: n.Name}
		m := map[*ir.Value]*ir.Value{}
		for k, v := range b.Expand(n) {
			if k < len(n.Results) {
				m[n.Results[k]] = v
				if v.Name == "" {
					v.Name = n.Results[k].Name
				}
			}
		}
		f.Nodes = append(f.Nodes[:b.At], f.Nodes[b.At+1:]...)
		f.Replace(m)
	}
}
