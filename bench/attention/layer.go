package main

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/gpamc/gpamc/bench/internal/ort"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/onnx/onnxtest"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

const (
	heads   = 8
	columns = 64 // of a head
)

var inputNames = []string{"q", "k", "v", "qn"}

// A layer is a dual attention in a folder of its own.
type layer struct {
	tokens  int64
	causal  bool
	outputs bool // the difference is that of two products with the values, not of their weights
	dir     string
}

func (l layer) size() int64   { return heads * l.tokens * columns }
func (l layer) model() string { return filepath.Join(l.dir, "model.onnx") }

//go:embed program.txt
var programFile []byte

// prepare writes model and inputs and builds a program around the emitted package.
func (l layer) prepare(gpamc string) (program string, err error) {
	pkg := filepath.Join(l.dir, "layer")
	if err := os.MkdirAll(l.dir, 0o777); err != nil {
		return "", err
	}
	files := map[string][]byte{"go.mod": []byte("module attention\n\ngo 1.24\n"), "main.go": programFile}
	if files["model.onnx"], err = proto.Marshal(l.graph()); err != nil {
		return "", err
	}
	r := rand.New(rand.NewPCG(1, uint64(l.tokens)))
	for i, name := range inputNames {
		raw := make([]byte, 0, 4*l.size())
		for range l.size() {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(r.NormFloat64())))
		}
		t := &pb.TensorProto{Name: name, Dims: []int64{1, heads, l.tokens, columns}, DataType: int32(pb.TensorProto_FLOAT), RawData: raw}
		files[fmt.Sprintf("input_%d.raw", i)] = raw
		if files[fmt.Sprintf("input_%d.pb", i)], err = proto.Marshal(t); err != nil {
			return "", err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(l.dir, name), text, 0o666); err != nil {
			return "", err
		}
	}
	if err := command(l.dir, gpamc, "compile", l.model(), "-o", pkg, "--package", "layer"); err != nil {
		return "", err
	}
	if err := os.Remove(filepath.Join(pkg, "go.mod")); err != nil && !os.IsNotExist(err) {
		return "", err
	}
	program = filepath.Join(l.dir, "program")
	return program, command(l.dir, "env", "CGO_ENABLED=0", "GOWORK=off", "go", "build", "-o", program, ".")
}

// graph is what PyTorch exports of
//
//	p = softmax(mask(q @ k.transpose(-1, -2) / 8)); n = softmax(mask(qn @ k.transpose(-1, -2) / 8))
//	y = (1.5*p - 0.5*n) @ v
//
// where mask is masked_fill with a stored triangle, or nothing.
func (l layer) graph() *pb.ModelProto {
	g := &pb.GraphProto{Name: "main_graph"}
	scalar := func(name string, x float32) {
		g.Initializer = append(g.Initializer, onnxtest.Tensor(name, []float32{x}))
	}
	node := func(text string, attrs ...*pb.AttributeProto) { g.Node = append(g.Node, onnxtest.Node(text, attrs...)) }
	scalar("eight", 8)
	scalar("plus", 1.5)
	scalar("minus", 0.5)
	if l.causal {
		scalar("infinity", float32(math.Inf(-1)))
		g.Initializer = append(g.Initializer, l.triangle())
	}
	node("kt = Transpose(k)", onnxtest.Attr("perm", []int64{0, 1, 3, 2}))
	for _, b := range [][2]string{{"q", "plus"}, {"qn", "minus"}} {
		q, gain := b[0], b[1]
		node(q + "_product = MatMul(" + q + ", kt)")
		scores := q + "_scores"
		node(scores + " = Div(" + q + "_product, eight)")
		if l.causal {
			node(q + "_masked = Where(future, infinity, " + scores + ")")
			scores = q + "_masked"
		}
		node(q+"_weights = Softmax("+scores+")", onnxtest.Attr("axis", -1))
		branch := q + "_weights"
		if l.outputs {
			node(q + "_output = MatMul(" + branch + ", v)")
			branch = q + "_output"
		}
		node(q + "_branch = Mul(" + gain + ", " + branch + ")")
	}
	if l.outputs {
		node("y = Sub(q_branch, qn_branch)")
	} else {
		node("difference = Sub(q_branch, qn_branch)")
		node("y = MatMul(difference, v)")
	}
	for _, name := range inputNames {
		g.Input = append(g.Input, l.info(name))
	}
	g.Output = append(g.Output, l.info("y"))
	return &pb.ModelProto{IrVersion: 8, ProducerName: "pytorch", Graph: g, OpsetImport: []*pb.OperatorSetIdProto{{Version: 16}}}
}

// triangle is true where a query may not look.
func (l layer) triangle() *pb.TensorProto {
	future := make([]byte, l.tokens*l.tokens)
	for i := range l.tokens {
		for j := i + 1; j < l.tokens; j++ {
			future[i*l.tokens+j] = 1
		}
	}
	return &pb.TensorProto{Name: "future", Dims: []int64{1, 1, l.tokens, l.tokens}, DataType: int32(pb.TensorProto_BOOL), RawData: future}
}

func (l layer) info(name string) *pb.ValueInfoProto {
	shape := &pb.TensorShapeProto{}
	for _, d := range []int64{1, heads, l.tokens, columns} {
		shape.Dim = append(shape.Dim, &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
	}
	return &pb.ValueInfoProto{Name: name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
		TensorType: &pb.TypeProto_Tensor{ElemType: int32(pb.TensorProto_FLOAT), Shape: shape}}}}
}

// tolerance is far above what two orders of summation differ by here, and far below any mistake.
const tolerance = 1e-4

// check compares the result that the program left with ONNX Runtime's, and gives the largest difference.
func (l layer) check() (float64, error) {
	s, err := ort.Open(l.model(), ort.Options{})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	in := make([]onnx.Value, len(inputNames))
	for i := range in {
		if in[i], err = onnx.ReadValue(filepath.Join(l.dir, fmt.Sprintf("input_%d.pb", i)), ir.Type{Kind: ir.Tensor}); err != nil {
			return 0, err
		}
	}
	out, err := s.Run(in)
	if err != nil {
		return 0, err
	}
	got, err := os.ReadFile(filepath.Join(l.dir, "output.raw"))
	if err != nil {
		return 0, err
	}
	want := out[0].Tensor.Bytes()
	if len(got) != len(want) {
		return 0, fmt.Errorf("the package gave %d bytes, ONNX Runtime %d", len(got), len(want))
	}
	worst := 0.0
	for i := 0; i < len(want); i += 4 {
		a, b := binary.LittleEndian.Uint32(got[i:]), binary.LittleEndian.Uint32(want[i:])
		if d := math.Abs(float64(math.Float32frombits(a)) - float64(math.Float32frombits(b))); !(d <= worst) {
			worst = d
		}
	}
	if !(worst <= tolerance) {
		return worst, errors.New("the package and ONNX Runtime differ by " + fmt.Sprint(worst))
	}
	return worst, nil
}
