package onnxtest

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/gpamc/gpamc/onnx/pb"
)

// QuantizeDynamic makes of m what ONNX Runtime's quantize_dynamic makes of it with its defaults: weights of MatMul and Gemm and tables of
// Gather become int8, one scale each and no zero point; what a weight is multiplied with becomes uint8 in the run, by
// DynamicQuantizeLinear, once for all products that it goes into; products are MatMulInteger, scaled behind a Cast. Products of two
// computed matrices, and everything else, stay as they are.
func QuantizeDynamic(m *pb.ModelProto) {
	q := &quantizer{weights: map[string]*pb.TensorProto{}, stored: map[string]bool{}, bytes: map[string][3]string{}}
	for _, t := range m.Graph.Initializer {
		if t.DataType == int32(pb.TensorProto_FLOAT) {
			q.weights[t.Name] = t
		}
	}
	for _, n := range m.Graph.Node {
		switch {
		case n.OpType == "Gemm" && attribute(n, "transA") == 0 && q.isMatrix(n.Input[1]):
			q.gemm(n)
		case n.OpType == "MatMul" && q.isMatrix(n.Input[1]):
			q.matMul(n)
		case n.OpType == "Gather" && q.weights[n.Input[0]] != nil:
			q.gather(n)
		default:
			q.nodes = append(q.nodes, n)
		}
	}
	m.Graph.Node = q.nodes
	m.Graph.Initializer = slices.DeleteFunc(m.Graph.Initializer, func(t *pb.TensorProto) bool { return q.stored[t.Name] })
	m.Graph.Initializer = append(m.Graph.Initializer, q.initializers...)
	m.ProducerName = "onnx.quantize"
}

type quantizer struct {
	nodes        []*pb.NodeProto
	initializers []*pb.TensorProto
	weights      map[string]*pb.TensorProto
	stored       map[string]bool      // weights that are there in int8
	bytes        map[string][3]string // values that are there in bytes: names of these, their scale and zero point
}

func attribute(n *pb.NodeProto, name string) int64 {
	for _, a := range n.Attribute {
		if a.Name == name {
			return a.I
		}
	}
	return 0
}

func (q *quantizer) isMatrix(name string) bool {
	t := q.weights[name]
	return t != nil && len(t.Dims) == 2
}

func (q *quantizer) add(name, op string, out []string, in []string, attrs ...*pb.AttributeProto) {
	q.nodes = append(q.nodes, &pb.NodeProto{Name: name, OpType: op, Input: in, Output: out, Attribute: attrs})
}

// weight stores a weight in int8, from -127 to 127.
func (q *quantizer) weight(name string) {
	if q.stored[name] {
		return
	}
	q.stored[name] = true
	t := q.weights[name]
	x := make([]float32, len(t.RawData)/4)
	most := float32(0)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.RawData[4*i:]))
		most = max(most, max(x[i], -x[i]))
	}
	scale := float32(1)
	if most > 0 {
		scale = 2 * most / 254
	}
	raw := make([]byte, len(x))
	for i, v := range x {
		raw[i] = byte(int8(min(max(math.RoundToEven(float64(v/scale)), -127), 127)))
	}
	q.initializers = append(q.initializers,
		&pb.TensorProto{Name: name + "_quantized", Dims: t.Dims, DataType: int32(pb.TensorProto_INT8), RawData: raw},
		&pb.TensorProto{Name: name + "_scale", DataType: int32(pb.TensorProto_FLOAT), RawData: rawFloats([]float32{scale})},
		&pb.TensorProto{Name: name + "_zero_point", DataType: int32(pb.TensorProto_INT8), RawData: []byte{0}})
}

func (q *quantizer) matMul(n *pb.NodeProto) {
	x, w, y := n.Input[0], n.Input[1], n.Output[0]
	q.weight(w)
	b, ok := q.bytes[x]
	if !ok {
		b = [3]string{x + "_quantized", x + "_scale", x + "_zero_point"}
		q.bytes[x] = b
		q.add(x+"_QuantizeLinear", "DynamicQuantizeLinear", b[:], []string{x})
	}
	sum := y + "_output_quantized"
	q.add(n.Name+"_quant", "MatMulInteger", []string{sum}, []string{b[0], w + "_quantized", b[2], w + "_zero_point"})
	q.add(sum+"_cast", "Cast", []string{sum + "_cast_output"}, []string{sum}, attrInt("to", int64(pb.TensorProto_FLOAT)))
	scales := n.Name + "_quant_scales_mul"
	q.add(scales, "Mul", []string{scales + ":0"}, []string{b[1], w + "_scale"})
	q.add(n.Name+"_quant_output_scale_mul", "Mul", []string{y}, []string{sum + "_cast_output", scales + ":0"})
}

// gemm makes a product and a sum of n, whose alpha and beta are 1.
func (q *quantizer) gemm(n *pb.NodeProto) {
	w := n.Input[1]
	if attribute(n, "transB") != 0 {
		w += "_Transposed"
		q.weights[w] = transposed(q.weights[n.Input[1]], w)
		q.stored[n.Input[1]] = true
	}
	if len(n.Input) < 3 {
		q.matMul(&pb.NodeProto{Name: n.Name, Input: []string{n.Input[0], w}, Output: n.Output})
		return
	}
	product := n.Output[0] + "_MatMul"
	q.matMul(&pb.NodeProto{Name: n.Name + "_MatMul", Input: []string{n.Input[0], w}, Output: []string{product}})
	q.add(n.Name+"_Add", "Add", n.Output, []string{product, n.Input[2]})
}

func transposed(t *pb.TensorProto, name string) *pb.TensorProto {
	rows, cols := t.Dims[0], t.Dims[1]
	raw := make([]byte, 0, len(t.RawData))
	for j := range cols {
		for i := range rows {
			raw = append(raw, t.RawData[4*(i*cols+j):4*(i*cols+j+1)]...)
		}
	}
	return &pb.TensorProto{Name: name, Dims: []int64{cols, rows}, DataType: t.DataType, RawData: raw}
}

func (q *quantizer) gather(n *pb.NodeProto) {
	w, y := n.Input[0], n.Output[0]
	q.weight(w)
	q.bytes[y] = [3]string{y + "_quantized", w + "_scale", w + "_zero_point"}
	q.add(n.Name, n.OpType, []string{y + "_quantized"}, []string{w + "_quantized", n.Input[1]}, n.Attribute...)
	q.add(y+"_DequantizeLinear", "DequantizeLinear", []string{y}, []string{y + "_quantized", w + "_scale", w + "_zero_point"})
}
