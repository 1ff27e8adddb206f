package passes_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/onnx/pb"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
	"google.golang.org/protobuf/proto"
)

// TestBlurred takes away what is known of shapes, at places of the models in testdata/zoo drawn at random: a value goes through a Reshape to
// a shape that is an input, of known length or not. Rules must stand that anything is unknown, and not change the results.
func TestBlurred(t *testing.T) {
	models, err := filepath.Glob("../testdata/zoo/*/model.onnx")
	if err != nil || len(models) == 0 {
		t.Fatal("no models", err)
	}
	ran := 0
	for _, file := range models {
		h := fnv.New64a()
		h.Write([]byte(file))
		shapes, err := tracedShapes(file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for seed := range uint64(2) {
			same, err := blurred(file, shapes, rand.New(rand.NewPCG(h.Sum64(), seed)))
			if err != nil {
				t.Errorf("%s, seed %d: %v", file, seed, err)
			}
			if same {
				ran++
			}
		}
	}
	if ran < len(models) {
		t.Errorf("only %d graphs could be imported and run", ran)
	}
}

// tracedShapes is the shape of each value of the model, with the sizes of its inputs that come first to mind.
func tracedShapes(file string) (map[string][]int, error) {
	p, err := onnx.Import(file)
	if err != nil {
		return nil, err
	}
	shapes := map[string][]int{}
	in, err := recordedInputs(file, len(p.Main.Params))
	if err != nil {
		return nil, err
	}
	_, err = runtime.Eval(p, in, runtime.Options{Trace: func(n *ir.Node, results []runtime.Value) {
		for i, r := range results {
			if x, ok := r.(*runtime.Tensor); ok && x.Elem.IsFloat() {
				shapes[n.Results[i].Name] = x.Shape
			}
		}
	}})
	return shapes, err
}

func recordedInputs(file string, n int) ([]runtime.Value, error) {
	in := make([]runtime.Value, n)
	for i := range in {
		d, _, err := onnx.ReadTensor(filepath.Join(filepath.Dir(file), "test_data_set_0", fmt.Sprintf("input_%d.pb", i)))
		if err != nil {
			return nil, err
		}
		in[i] = runtime.FromData(d)
	}
	return in, nil
}

// blurred reports whether a model with blurred shapes could be imported and computes the same before and after all passes.
func blurred(file string, shapes map[string][]int, r *rand.Rand) (same bool, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	var m pb.ModelProto
	if err := proto.Unmarshal(b, &m); err != nil {
		return false, err
	}
	var extra []runtime.Value
	places := ""
	for range 1 + r.IntN(3) {
		i := r.IntN(len(m.Graph.Node))
		n := m.Graph.Node[i]
		if len(n.Input) == 0 {
			continue
		}
		k := r.IntN(len(n.Input))
		shape, ok := shapes[n.Input[k]]
		if !ok {
			continue
		}
		to := fmt.Sprintf("blur%d", len(extra))
		places += fmt.Sprintf(" %s of %s", n.Input[k], n.Name)
		m.Graph.Node = append(m.Graph.Node[:i:i], append([]*pb.NodeProto{{OpType: "Reshape", Input: []string{n.Input[k], to}, Output: []string{to + ".out"}}}, m.Graph.Node[i:]...)...)
		n.Input[k] = to + ".out"
		length := &pb.TensorShapeProto_Dimension{}
		if r.IntN(2) == 0 {
			length.Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(len(shape))}
		}
		m.Graph.Input = append(m.Graph.Input, &pb.ValueInfoProto{Name: to, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{
			ElemType: int32(pb.TensorProto_INT64), Shape: &pb.TensorShapeProto{Dim: []*pb.TensorShapeProto_Dimension{length}}}}}})
		extra = append(extra, runtime.Vector(shape...))
	}
	if b, err = proto.Marshal(&m); err != nil {
		return false, err
	}
	before, err := onnx.ImportBytes(filepath.Dir(file), b)
	if err != nil {
		return false, nil // an operator whose rank has to be known
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %v\n%s", places, p, debug.Stack())
		}
	}()
	after := before.Clone()
	if _, err := passes.Run(after, passes.Options{}); err != nil {
		return false, fmt.Errorf("%s: %w", places, err)
	}
	in, err := recordedInputs(file, len(before.Main.Params)-len(extra))
	if err != nil {
		return false, err
	}
	in = append(in, extra...)
	x, err := runtime.Eval(before, in, runtime.Options{})
	if err != nil {
		return false, nil // such as a declared shape that is not true
	}
	y, err := runtime.Eval(after, in, runtime.Options{})
	if err != nil {
		return false, fmt.Errorf("%s: %w", places, err)
	}
	for i := range x {
		if err := alike(x[i].(*runtime.Tensor), y[i].(*runtime.Tensor)); err != nil {
			return false, fmt.Errorf("%s: result %d: %w", places, i, err)
		}
	}
	return true, nil
}

func alike(a, b *runtime.Tensor) error {
	if a.Elem != b.Elem || !slices.Equal(a.Shape, b.Shape) {
		return fmt.Errorf("%s became %s", a.Type(), b.Type())
	}
	tolerance := 1e-4
	if a.Elem == ir.F16 || a.Elem == ir.BF16 {
		tolerance = 5e-2
	}
	for k := range a.Len() {
		if x, y := a.Float(k), b.Float(k); !(x == y || math.Abs(x-y) <= tolerance*(1+math.Abs(x)) || math.IsNaN(x) && math.IsNaN(y)) {
			return fmt.Errorf("element %d was %v and is %v", k, x, y)
		}
	}
	return nil
}
