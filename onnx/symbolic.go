package onnx

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// An extent is an axis of a value that has been written.
type extent struct {
	value string
	axis  int
}

// see notes which dimensions v shows.
func (w *graphWriter) see(v *ir.Value) {
	if !v.Type.Ranked() {
		return
	}
	for i, d := range v.Type.Shape {
		name, ok := d.Name()
		if _, have := w.places[name]; ok && !have {
			w.places[name] = extent{w.names[v], i}
		}
	}
}

// symbolic writes nodes that compute the dimensions and returns the name of their vector or scalar.
func (w *graphWriter) symbolic(s ir.SymData) (string, error) {
	parts := make([]string, len(s.Dims))
	for i, d := range s.Dims {
		var err error
		if parts[i], err = w.dim(d); err != nil {
			return "", err
		}
	}
	out := []string{w.unique("shape")}
	if s.Scalar {
		w.node("Squeeze", "", []string{parts[0], w.ints(0)}, out)
	} else {
		w.node("Concat", "", parts, out).Attribute = intAttr("axis", 0)
	}
	return out[0], nil
}

// dim writes the computation of one dimension, as a vector of one element.
func (w *graphWriter) dim(d ir.Dim) (string, error) {
	var failed error
	ops := map[string]string{"+": "Add", "-": "Sub", "*": "Mul", "/": "Div", "%": "Mod", "min": "Min", "max": "Max"}
	name := ir.Walk(d, ir.Walker[string]{
		Num: func(n int) string { return w.ints(int64(n)) },
		Name: func(name string) string {
			if r, ok := w.general.ratio(name); ok {
				one, err := w.ratio(name, r)
				failed = err
				return one
			}
			p, ok := w.places[name]
			if !ok {
				failed = fmt.Errorf("no tensor before it has the dimension %q", name)
				return ""
			}
			return w.axis(p, name)
		},
		Bin: func(op, x, y string) string {
			out := []string{w.unique("size")}
			w.node(ops[op], "", []string{x, y}, out)
			return out[0]
		},
	})
	return name, failed
}

// axis writes the reading of one size, once.
func (w *graphWriter) axis(p extent, name string) string {
	if v, ok := w.read[p]; ok {
		return v
	}
	shape, one := []string{w.unique("shape")}, []string{w.unique(name)}
	w.node("Shape", "", []string{p.value}, shape)
	w.node("Gather", "", []string{shape[0], w.ints(int64(p.axis))}, one).Attribute = intAttr("axis", 0)
	w.read[p] = one[0]
	return one[0]
}

// ints writes a vector.
func (w *graphWriter) ints(xs ...int64) string {
	name := w.unique("const")
	w.tensor(name, ir.Vector(xs...))
	return name
}

func intAttr(name string, v int64) []*pb.AttributeProto {
	return []*pb.AttributeProto{{Name: name, Type: pb.AttributeProto_INT, I: v}}
}
