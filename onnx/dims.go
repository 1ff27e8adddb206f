package onnx

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// dimNames gives the model's names of dimensions a form that the text of the IR can have, and those without a name a fresh one.
type dimNames struct {
	plain map[string]ir.Dim // by the model's name
	taken map[string]bool
	fresh int

	unnamed map[string]bool   // names that we or the exporter made up
	same    map[string]ir.Dim // what stands for some of them
}

// newDimNames collects the names in the inputs' types. A name like past+seq is an expression when each of its parts is the name of
// another dimension, so that there is a place to read it from.
func newDimNames(inputs []*pb.ValueInfoProto) *dimNames {
	d := &dimNames{plain: map[string]ir.Dim{}, taken: map[string]bool{}, unnamed: map[string]bool{}}
	var others []string
	for _, in := range inputs {
		for _, dim := range shapeProto(in.GetType()) {
			name := dim.GetDimParam()
			switch {
			case isIdentifier(name):
				d.plain[name] = ir.Sym(name)
				d.taken[name] = true
				d.unnamed[name] = automatic.MatchString(name)
			case isName(name):
				others = append(others, name)
			}
		}
	}
	for _, name := range others {
		if d.plain[name].IsConst() { // not yet there: the zero Dim
			d.plain[name] = d.expression(name)
		}
	}
	return d
}

// expression reads a name as an expression of others, or makes it a name of its own.
func (d *dimNames) expression(name string) ir.Dim {
	if e, err := ir.ParseDim(name); err == nil && !e.IsConst() {
		parts := map[string]bool{}
		e.Names(parts)
		known := true
		for p := range parts {
			known = known && d.taken[p]
		}
		if known {
			return e
		}
	}
	return d.unique(identifier(name))
}

// unique is a dimension of that name, or of the name with a number behind it.
func (d *dimNames) unique(name string) ir.Dim {
	u := name
	for i := 2; d.taken[u]; i++ {
		u = name + "_" + strconv.Itoa(i)
	}
	d.taken[u] = true
	return ir.Sym(u)
}

// isName reports whether a dim_param names anything; exporters also write "?" and "-1".
func isName(s string) bool {
	_, err := strconv.Atoi(s)
	return err != nil && strings.Trim(s, "? ") != ""
}

func isIdentifier(s string) bool { return s != "" && s == identifier(s) }

// identifier turns s into a name of letters, digits and underscores, free of the functions that expressions have.
func identifier(s string) string {
	id := strings.Map(func(r rune) rune {
		if r < 128 && (r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return r
		}
		return '_'
	}, s)
	switch {
	case id == "" || id[0] >= '0' && id[0] <= '9':
		return "d" + id
	case id == "min" || id == "max":
		return id + "_"
	}
	return id
}

func shapeProto(t *pb.TypeProto) []*pb.TensorShapeProto_Dimension {
	return t.GetTensorType().GetShape().GetDim()
}

// input is the type of an input of the model; each dimension is a number or has a name.
func (d *dimNames) input(in *pb.ValueInfoProto) (ir.Type, error) {
	axis := 0
	t, err := typeOf(in.GetType(), func(dim *pb.TensorShapeProto_Dimension) ir.Dim {
		axis++
		if n, ok := number(dim); ok {
			return n
		}
		e, ok := d.plain[dim.GetDimParam()]
		if !ok {
			e = d.unique(fmt.Sprintf("%s_%d", identifier(in.GetName()), axis-1))
			d.unnamed[e.String()] = true
		}
		return e.Subst(d.same)
	})
	if err == nil && !t.Known() {
		err = fmt.Errorf("its type is missing")
	}
	if err != nil {
		return t, fmt.Errorf("input %q: %w", in.GetName(), err)
	}
	return t, nil
}

// declared is a type that the model gives to an inner value; a name that no input has is a dimension of its own, which only the data
// decides.
func (d *dimNames) declared(t *pb.TypeProto) (ir.Type, error) {
	return typeOf(t, func(dim *pb.TensorShapeProto_Dimension) ir.Dim {
		if n, ok := number(dim); ok {
			return n
		}
		if e, ok := d.plain[dim.GetDimParam()]; ok {
			return e.Subst(d.same)
		}
		d.fresh++
		return ir.Sym("?d" + strconv.Itoa(d.fresh))
	})
}

func number(dim *pb.TensorShapeProto_Dimension) (ir.Dim, bool) {
	v, ok := dim.GetValue().(*pb.TensorShapeProto_Dimension_DimValue)
	if !ok || v.DimValue < 0 {
		return ir.Dim{}, false
	}
	return ir.N(int(v.DimValue)), true
}

// typeOf translates a type; an absent one is the unknown type.
func typeOf(t *pb.TypeProto, dim func(*pb.TensorShapeProto_Dimension) ir.Dim) (ir.Type, error) {
	switch v := t.GetValue().(type) {
	case nil:
		return ir.Type{}, nil
	case *pb.TypeProto_TensorType:
		n := v.TensorType.GetElemType()
		e := ir.Elem(n)
		switch {
		case n == 0:
			return ir.Type{}, nil
		case n < 0 || n > 255 || !e.Valid():
			return ir.Type{}, fmt.Errorf("no element type has the number %d", n)
		case v.TensorType.Shape == nil:
			return ir.Unranked(e), nil
		}
		shape := make([]ir.Dim, len(v.TensorType.Shape.Dim))
		for i, d := range v.TensorType.Shape.Dim {
			shape[i] = dim(d)
		}
		return ir.T(e, shape...), nil
	case *pb.TypeProto_SequenceType:
		of, err := typeOf(v.SequenceType.GetElemType(), dim)
		return ir.SequenceOf(of), err
	case *pb.TypeProto_OptionalType:
		of, err := typeOf(v.OptionalType.GetElemType(), dim)
		return ir.OptionalOf(of), err
	case *pb.TypeProto_MapType:
		return ir.Type{}, fmt.Errorf("maps are not supported")
	case *pb.TypeProto_SparseTensorType:
		return ir.Type{}, fmt.Errorf("sparse tensors are not supported as values")
	}
	return ir.Type{}, fmt.Errorf("a type of this kind is not supported")
}

// refine returns t with what u knows more exactly: an element type, a rank, numbers where t has none.
func refine(t, u ir.Type) ir.Type {
	switch {
	case !u.Known():
		return t
	case !t.Known():
		return u
	case t.Kind != u.Kind:
		return t
	case t.Kind != ir.Tensor:
		of := refine(*t.Of, *u.Of)
		t.Of = &of
		return t
	case t.Elem != u.Elem || u.Unranked:
		return t
	case t.Unranked:
		return u
	case len(t.Shape) != len(u.Shape):
		return t
	}
	shape := append([]ir.Dim{}, t.Shape...)
	for i, d := range u.Shape {
		if name := shape[i].String(); strings.Contains(name, "?") && !strings.Contains(d.String(), "?") {
			shape[i] = d
		}
	}
	t.Shape = shape
	return t
}
