package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// Nodes that make no sense must be refused, not trip inference: any operator on any inputs with any attributes.
func TestRandomNodes(t *testing.T) {
	ops := slices.Sorted(maps.Keys(history))
	rapid.Check(t, func(t *rapid.T) {
		m := &pb.ModelProto{IrVersion: 10, Graph: &pb.GraphProto{Name: "g"}}
		name := rapid.SampledFrom(ops).Draw(t, "op")
		opset := rapid.IntRange(history[name][0], newest).Draw(t, "opset")
		m.OpsetImport = []*pb.OperatorSetIdProto{{Version: int64(opset)}}
		n := &pb.NodeProto{OpType: name}
		args, results, e := 5, 3, rapid.SampledFrom(drawnElems).Draw(t, "elem")
		o := ir.Lookup(becomes(name))
		if o != nil && o.MaxArgs() >= 0 {
			args = o.MaxArgs()
		}
		if o != nil && o.MaxResults() >= 0 {
			results = o.MaxResults()
		}
		for i := range rapid.IntRange(min(1, args), args).Draw(t, "inputs") {
			if rapid.IntRange(0, 2).Draw(t, "other") == 0 {
				e = rapid.SampledFrom(drawnElems).Draw(t, "elem")
			}
			n.Input = append(n.Input, drawInput(t, m.Graph, e, i))
		}
		for i := range rapid.IntRange(1, max(results, 1)).Draw(t, "outputs") {
			n.Output = append(n.Output, fmt.Sprintf("y%d", i))
		}
		if o != nil {
			for _, a := range o.AttrNames() {
				if rapid.Bool().Draw(t, "has") {
					n.Attribute = append(n.Attribute, drawAttr(t, a, o.AttrKind(a)))
				}
			}
			for _, b := range o.BodyNames() {
				n.Attribute = append(n.Attribute, attr(b, drawBody(t)))
			}
		}
		m.Graph.Node = []*pb.NodeProto{n}
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ImportBytes("m.onnx", b)
		if err != nil {
			if strings.Contains(err.Error(), "BUG") {
				t.Fatal(err)
			}
			return
		}
		if err := ir.Verify(p.Main); err != nil {
			t.Fatalf("does not verify: %v\n%s", err, p)
		}
	})
}

var drawnElems = []ir.Elem{ir.F32, ir.I64, ir.Bool, ir.String, ir.F16, ir.U8, ir.I8, ir.I32, ir.C64, ir.U64}

// drawInput adds an input or an initializer to g, or leaves the argument out.
func drawInput(t *rapid.T, g *pb.GraphProto, e ir.Elem, i int) string {
	name := fmt.Sprintf("x%d", i)
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return ""
	case 1, 2, 3: // contents that decide shapes
		xs := rapid.SliceOfN(rapid.Int64Range(-4, 6), 0, 4).Draw(t, "ints")
		d := ir.Vector(xs...)
		if rapid.Bool().Draw(t, "float") {
			d = ir.NewData(ir.F32, len(xs))
			for i, x := range xs {
				d.SetFloat(i, float64(x)/2)
			}
		}
		if len(xs) == 1 && rapid.Bool().Draw(t, "scalar") {
			d.Shape = nil
		}
		g.Initializer = append(g.Initializer, tensorProto(name, d))
		return name
	case 4:
		g.Input = append(g.Input, valueInfo(name, ir.SequenceOf(drawType(t, e))))
	case 5:
		g.Input = append(g.Input, valueInfo(name, ir.OptionalOf(drawType(t, e))))
	case 6:
		g.Input = append(g.Input, valueInfo(name, ir.Unranked(e)))
	default:
		g.Input = append(g.Input, valueInfo(name, drawType(t, e)))
	}
	return name
}

func drawType(t *rapid.T, e ir.Elem) ir.Type {
	var shape []ir.Dim
	for range rapid.IntRange(0, 5).Draw(t, "rank") {
		if rapid.Bool().Draw(t, "named") {
			shape = append(shape, ir.Sym(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name")))
		} else {
			shape = append(shape, ir.N(rapid.IntRange(0, 4).Draw(t, "size")))
		}
	}
	return ir.T(e, shape...)
}

func drawAttr(t *rapid.T, name, kind string) *pb.AttributeProto {
	words := []string{"", "constant", "linear", "cubic", "SAME_UPPER", "VALID", "ij,jk->ik", "...a,a", "i->", "forward", "bidirectional", "mean"}
	switch kind {
	case "int":
		return attr(name, rapid.IntRange(-4, 6).Draw(t, name))
	case "float":
		return attr(name, float64(rapid.IntRange(-2, 3).Draw(t, name)))
	case "string":
		return attr(name, rapid.SampledFrom(words).Draw(t, name))
	case "ints":
		return attr(name, rapid.SliceOfN(rapid.Int64Range(-4, 6), 0, 5).Draw(t, name))
	case "floats":
		return attr(name, []float64{1, 2}[:rapid.IntRange(0, 2).Draw(t, name)])
	case "strings":
		return attr(name, words[:rapid.IntRange(0, 4).Draw(t, name)])
	case "tensor":
		return attr(name, tensorProto("", ir.Vector(rapid.SliceOfN(rapid.Int64Range(-4, 6), 0, 3).Draw(t, name)...)))
	}
	return &pb.AttributeProto{Name: name, Type: pb.AttributeProto_TYPE_PROTO, Tp: typeProto(drawType(t, ir.F32))}
}

// drawBody is a graph that hands on what it gets, in some order.
func drawBody(t *rapid.T) *pb.GraphProto {
	g := &pb.GraphProto{Name: "body"}
	for i := range rapid.IntRange(0, 4).Draw(t, "params") {
		name := fmt.Sprintf("p%d", i)
		g.Input = append(g.Input, valueInfo(name, drawType(t, ir.F32)))
		if rapid.Bool().Draw(t, "open") {
			g.Input[i].Type = nil
		}
	}
	for range rapid.IntRange(0, 4).Draw(t, "results") {
		if len(g.Input) > 0 {
			g.Output = append(g.Output, &pb.ValueInfoProto{Name: rapid.SampledFrom(g.Input).Draw(t, "result").Name})
		}
	}
	return g
}
