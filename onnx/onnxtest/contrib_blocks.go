package onnxtest

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// bytes are random ones from first to last.
func (r sampler) bytes(name string, kind pb.TensorProto_DataType, first, last int, dims ...int64) *pb.TensorProto {
	t := &pb.TensorProto{Name: name, Dims: dims, DataType: int32(kind), RawData: make([]byte, size(dims))}
	for i := range t.RawData {
		t.RawData[i] = byte(first + r.IntN(last-first+1))
	}
	return t
}

// packed are random numbers of four bits, of that type.
func (r sampler) packed(name string, kind pb.TensorProto_DataType, dims ...int64) *pb.TensorProto {
	t := r.bytes(name, kind, 0, 255, (size(dims)+1)/2)
	t.Dims = dims
	return t
}

// positive are random numbers from a quarter of most to most.
func (r sampler) positive(name string, most float32, dims ...int64) *pb.TensorProto {
	v := make([]float32, size(dims))
	for i := range v {
		v[i] = most * (0.25 + 0.75*r.Float32())
	}
	return Tensor(name, v, dims...)
}

// halves are the numbers of t, which must be float32, in float16.
func halves(t *pb.TensorProto) *pb.TensorProto {
	raw := make([]byte, 0, len(t.RawData)/2)
	for i := 0; i < len(t.RawData); i += 4 {
		x := math.Float32frombits(binary.LittleEndian.Uint32(t.RawData[i:]))
		raw = binary.LittleEndian.AppendUint16(raw, ir.FloatToF16(float64(x)))
	}
	return &pb.TensorProto{Name: t.Name, Dims: t.Dims, DataType: int32(pb.TensorProto_FLOAT16), RawData: raw}
}

// contribBlocks are weights in blocks of a few bits each.
func contribBlocks() []Sample {
	return slices.Concat(productsOfBlocks(), tablesOfBlocks(), productsOfFloats(), blocksOfHalves())
}

// blocksOfHalves are in float16. What is multiplied has a single 1 in each row, so that the results are weights and only rounded once.
func blocksOfHalves() []Sample {
	r := newSampler("halves")
	w, scales, zeros := r.blockWeight(6, 40, 16, 4)
	ones := make([]float32, 3*40)
	for i, at := range []int{5, 17, 39} {
		ones[40*i+at] = 1
	}
	x, ids := halves(Tensor("x", ones, 3, 40)), Tensor("ids", []int64{3, 1, 5}, 3)
	attrs := []*pb.AttributeProto{Attr("K", 40), Attr("N", 6), Attr("block_size", 16), Attr("bits", 4)}
	table := r.bytes("W", pb.TensorProto_UINT8, 0, 255, 6, 20)
	return samples(
		trial{name: "matmul-4bits-float16", node: Node("y = com.microsoft::MatMulNBits(x, W, Scales, Zeros)", attrs...),
			args: []*pb.TensorProto{x, w, halves(scales), zeros}, sizes: []string{"x rows,40"}, types: []string{"float16"}},
		trial{name: "gather-4bits-float16", node: Node("y = com.microsoft::GatherBlockQuantized(W, ids, Scales)", Attr("block_size", 16)),
			args: []*pb.TensorProto{table, ids, halves(r.positive("Scales", 0.1, 6, 3))}, sizes: []string{"ids rows"}, types: []string{"float16"}})
}

// productsOfFloats have weights of four bits that stand for floats. In one the last block is not full.
func productsOfFloats() []Sample {
	r := newSampler("bnb4")
	x, seq := r.floats("x", 2, 3, 20), []string{"x batch,seq,20"}
	op := func(kind, block int, w string) *pb.NodeProto {
		return Node("y = com.microsoft::MatMulBnb4(x, "+w+", Most)", Attr("K", 20), Attr("N", 6), Attr("block_size", block), Attr("quant_type", kind))
	}
	w := r.bytes("W", pb.TensorProto_UINT8, 0, 255, 60)
	return samples(
		trial{name: "matmul-fp4", node: op(0, 16, "W"), args: []*pb.TensorProto{x, w, r.positive("Most", 1, 8)}, sizes: seq},
		trial{name: "matmul-nf4", node: op(1, 32, "W"), args: []*pb.TensorProto{x, w, r.positive("Most", 1, 4)}, sizes: seq},
		trial{name: "matmul-nf4-large", node: op(1, 128, "W"), args: []*pb.TensorProto{x, w, r.positive("Most", 1, 1)}, sizes: seq},
		trial{name: "matmul-nf4-input", node: op(1, 32, "w"), args: []*pb.TensorProto{x, named(w, "w"), r.positive("Most", 1, 4)}, sizes: seq})
}

// blockWeight is a weight of n x k numbers of so many bits, its scales and its packed zero points.
func (r sampler) blockWeight(n, k, block, bits int64) (w, scales, zeros *pb.TensorProto) {
	perRow := (k + block - 1) / block
	w = r.bytes("W", pb.TensorProto_UINT8, 0, 255, n, perRow, block*bits/8)
	scales = r.positive("Scales", 0.1, n, perRow)
	zeros = r.bytes("Zeros", pb.TensorProto_UINT8, 0, 255, n, (perRow*bits+7)/8)
	return w, scales, zeros
}

// productsOfBlocks have a last block that is not full, and an odd number of zero points a row.
func productsOfBlocks() []Sample {
	r := newSampler("matmulnbits")
	var ts []trial
	for _, form := range []struct{ n, k, block, bits int64 }{{6, 40, 16, 4}, {5, 64, 32, 4}, {3, 256, 256, 4}, {6, 40, 16, 8}, {6, 40, 16, 2}, {4, 32, 64, 2}} {
		x, bias := r.floats("x", 2, 3, form.k), r.floats("Bias", form.n)
		w, scales, zeros := r.blockWeight(form.n, form.k, form.block, form.bits)
		attrs := []*pb.AttributeProto{
			Attr("K", int(form.k)), Attr("N", int(form.n)), Attr("block_size", int(form.block)), Attr("bits", int(form.bits)),
		}
		name := fmt.Sprintf("matmul-%dbits-%d", form.bits, form.block)
		seq := []string{fmt.Sprintf("x batch,seq,%d", form.k)}
		ts = append(ts,
			trial{name: name, node: Node("y = com.microsoft::MatMulNBits(x, W, Scales)", attrs...), args: []*pb.TensorProto{x, w, scales}, sizes: seq},
			trial{name: name + "-zeros", node: Node("y = com.microsoft::MatMulNBits(x, W, Scales, Zeros, , Bias)", append(attrs, Attr("accuracy_level", 1))...),
				args: []*pb.TensorProto{x, w, scales, zeros, bias}, sizes: seq},
			trial{name: name + "-int8", node: Node("y = com.microsoft::MatMulNBits(x, W, Scales, Zeros, , Bias)", append(attrs, Attr("accuracy_level", 4))...),
				args: []*pb.TensorProto{x, w, scales, zeros, bias}, sizes: seq})
	}
	w, scales, zeros := r.blockWeight(6, 40, 16, 4)
	x, row := r.floats("x", 2, 3, 40), r.floats("x", 40)
	seq := []string{"x batch,seq,40"}
	attrs := []*pb.AttributeProto{Attr("K", 40), Attr("N", 6), Attr("block_size", 16), Attr("bits", 4)}
	floats := r.positive("Zeros", 12, 6, 3)
	groups := make([]int32, 40)
	for i := range groups {
		groups[i] = int32(r.IntN(3))
	}
	places := Tensor("Groups", groups, 40)
	flat := named(scales, "Scales")
	flat.Dims = []int64{18}
	flatZeros := named(zeros, "Zeros")
	flatZeros.Dims = []int64{12}
	ts = append(ts,
		trial{name: "matmul-4bits-float-zeros", node: Node("y = com.microsoft::MatMulNBits(x, W, Scales, Zeros)", attrs...),
			args: []*pb.TensorProto{x, w, scales, floats}, sizes: seq},
		trial{name: "matmul-4bits-groups", node: Node("y = com.microsoft::MatMulNBits(x, W, Scales, , Groups)", attrs...),
			args: []*pb.TensorProto{x, w, scales, places}, sizes: seq},
		trial{name: "matmul-4bits-vector", node: Node("y = com.microsoft::MatMulNBits(x, W, Scales)", attrs...), args: []*pb.TensorProto{row, w, scales}},
		trial{name: "matmul-4bits-flat", node: Node("y = com.microsoft::MatMulNBits(x, W, Scales, Zeros)", attrs...),
			args: []*pb.TensorProto{x, w, flat, flatZeros}, sizes: seq},
		trial{name: "matmul-4bits-input", node: Node("y = com.microsoft::MatMulNBits(x, w, scales)", attrs...),
			args: []*pb.TensorProto{x, named(w, "w"), named(scales, "scales")}, sizes: seq},
		trial{name: "matmul-4bits-input-zeros", node: Node("y = com.microsoft::MatMulNBits(x, w, scales, zeros)", attrs...),
			args: []*pb.TensorProto{x, named(w, "w"), named(scales, "scales"), named(zeros, "zeros")}, sizes: seq})
	return samples(ts...)
}

// tablesOfBlocks are tables whose rows are chosen: packed in bytes along the last axis, or of numbers of four bits with blocks along any.
func tablesOfBlocks() []Sample {
	r := newSampler("gatherblocks")
	ids := Tensor("ids", []int64{3, 1, -4, 1, 5, 0}, 2, 3)
	short := Tensor("ids", []int32{3, 1}, 2)
	seq := []string{"ids batch,seq"}
	var ts []trial
	for _, bits := range []int64{2, 4, 8} {
		tables := []string{seq[0], fmt.Sprintf("w rows,%d", 40*bits/8), "scales rows,3"}
		attrs := []*pb.AttributeProto{Attr("gather_axis", 0), Attr("quantize_axis", 1), Attr("block_size", 16), Attr("bits", int(bits))}
		table, zeros := r.bytes("W", pb.TensorProto_UINT8, 0, 255, 6, 40*bits/8), r.bytes("Zeros", pb.TensorProto_UINT8, 0, 255, 6, (3*bits+7)/8)
		scales := r.positive("Scales", 0.1, 6, 3)
		name := fmt.Sprintf("gather-%dbits", bits)
		ts = append(ts,
			trial{name: name, node: Node("y = com.microsoft::GatherBlockQuantized(W, ids, Scales)", attrs...), args: []*pb.TensorProto{table, ids, scales}, sizes: seq},
			trial{name: name + "-zeros", node: Node("y = com.microsoft::GatherBlockQuantized(W, ids, Scales, Zeros)", attrs...),
				args: []*pb.TensorProto{table, ids, scales, zeros}, sizes: seq},
			trial{name: name + "-input", node: Node("y = com.microsoft::GatherBlockQuantized(w, ids, scales)", attrs...),
				args: []*pb.TensorProto{named(table, "w"), ids, named(scales, "scales")}, sizes: tables},
			trial{name: name + "-input-zeros", node: Node("y = com.microsoft::GatherBlockQuantized(w, ids, Scales, zeros)", attrs...),
				args: []*pb.TensorProto{named(table, "w"), ids, scales, named(zeros, "zeros")}, sizes: seq})
	}
	table := r.packed("W", pb.TensorProto_UINT4, 6, 4, 40)
	signed := r.packed("W", pb.TensorProto_INT4, 6, 40)
	tall := r.packed("W", pb.TensorProto_INT4, 40, 6)
	ts = append(ts,
		trial{name: "gather-uint4", node: Node("y = com.microsoft::GatherBlockQuantized(W, ids, Scales, Zeros)", Attr("gather_axis", 1), Attr("quantize_axis", -1), Attr("block_size", 32)),
			args: []*pb.TensorProto{table, short, r.positive("Scales", 0.1, 6, 4, 2), r.packed("Zeros", pb.TensorProto_UINT4, 6, 4, 2)}, sizes: []string{"ids seq"}},
		trial{name: "gather-int4", node: Node("y = com.microsoft::GatherBlockQuantized(W, ids, Scales)", Attr("block_size", 16)),
			args: []*pb.TensorProto{signed, ids, r.positive("Scales", 0.1, 6, 3)}, sizes: seq},
		trial{name: "gather-int4-columns", node: Node("y = com.microsoft::GatherBlockQuantized(W, ids, Scales)", Attr("block_size", 16), Attr("gather_axis", 1), Attr("quantize_axis", 0)),
			args: []*pb.TensorProto{tall, ids, r.positive("Scales", 0.1, 3, 6)}, sizes: seq},
		trial{name: "gather-int4-rows", node: Node("y = com.microsoft::GatherBlockQuantized(W, ids, Scales)", Attr("block_size", 16), Attr("quantize_axis", 0)),
			args: []*pb.TensorProto{tall, ids, r.positive("Scales", 0.1, 3, 6)}, sizes: seq})
	return samples(ts...)
}
