package onnx

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"GatherBlockQuantized": (*steps).gatherBlockQuantized,
		"MatMulBnb4":           (*steps).matMulBnb4,
		"MatMulNBits":          (*steps).matMulNBits,
	})
}

// blocks is how a weight of rows x depth numbers of a few bits is stored: each row in blocks, packed into bytes with the lowest bits first,
// the last one filled up. Each block has a scale, and a zero point that is packed as the numbers are.
type blocks struct{ rows, depth, size, bits int64 }

// perRow is how many blocks a row has.
func (w blocks) perRow() int64 { return (w.depth + w.size - 1) / w.size }

// maxSize is more than any weight has along an axis. Products of two such sizes and a few bits fit into 64 bits.
const maxSize = 1 << 28

// check makes it an error that w is not as ONNX Runtime wants it.
func (s *steps) check(w blocks) {
	switch {
	case w.bits != 2 && w.bits != 4 && w.bits != 8:
		s.fail("weights of %d bits are not supported", w.bits)
	case w.size < 16 || w.size > maxSize || w.size&(w.size-1) != 0:
		s.fail("block_size is %d: a power of 2 from 16 on is wanted", w.size)
	case w.rows < 1 || w.rows > maxSize || w.depth < 1 || w.depth > maxSize:
		s.fail("a weight of %d x %d is not supported", w.rows, w.depth)
	}
}

// levelInt8 is the accuracy_level of products that may round their rows to int8.
const levelInt8 = 4

// roundsRows reports whether ONNX Runtime makes use of levelInt8 for w.
func (w blocks) roundsRows() bool {
	return w.size <= 256 && (w.bits > 2 || w.size >= 32 && w.size <= 128)
}

// matMulNBits multiplies by the transpose of a weight in blocks.
func (s *steps) matMulNBits() []*ir.Value {
	w := blocks{rows: s.n.takeInt("N", 0), depth: s.n.takeInt("K", 0), size: s.n.takeInt("block_size", 0), bits: s.n.takeInt("bits", 4)}
	s.check(w)
	level := s.n.takeInt("accuracy_level", 0)
	if s.n.takeInt("weight_prepacked", 0) != 0 {
		s.fail("a weight that is packed for a device is not supported")
	}
	if s.n.input(3) != nil && s.n.input(4) != nil {
		s.fail("zero points are not supported together with g_idx: ONNX Runtime takes no notice of them")
	}
	x := s.required(0)
	b := s.blockWeight(w, s.required(1), s.required(2), s.n.input(3), s.n.input(4))
	if level == levelInt8 && w.roundsRows() && s.err == nil && b.Def.Op == ir.DequantizeLinear {
		x = s.new("FakeQuantize", ir.Attrs{"block_size": w.size}, x)
	}
	y := s.new("MatMul", nil, x, s.new("Transpose", ir.Attrs{"perm": []int64{1, 0}}, b))
	return []*ir.Value{s.sum(y, s.n.input(5))}
}

// blockWeight is the weight w as rows x depth floats. A zero point may be a float; groups says of each column in which block it is.
func (s *steps) blockWeight(w blocks, q, scale, zero, groups *ir.Value) *ir.Value {
	if s.err != nil {
		return nil
	}
	s.holds(q, w.rows*w.perRow()*(w.size*w.bits/8))
	scale = s.reshaped(scale, w.rows, w.perRow())
	floats := zero != nil && zero.Type.Elem.IsFloat()
	if floats {
		zero = s.reshaped(zero, w.rows, w.perRow())
		q = s.unpacked(w.bits, false, s.n.data(q) != nil, q, w.rows, w.depth)
	} else {
		s.holds(zero, w.rows*((w.perRow()*w.bits+7)/8))
		q, zero = s.unpackedPair(w.bits, q, []int64{w.rows, w.depth}, zero, []int64{w.rows, w.perRow()})
	}
	if groups == nil && !floats {
		return s.new("DequantizeLinear", ir.Attrs{"axis": int64(1), "block_size": w.size}, q, scale, zero)
	}
	if groups == nil {
		groups = s.ints(w.groups()...)
	} else if groups.Type.Rank() != 1 {
		s.fail("g_idx is %s: a vector is wanted", groups.Type)
	} else if !groups.Type.Shape[0].Is(int(w.depth)) {
		groups = s.new("Slice", nil, groups, s.ints(0), s.ints(w.depth))
	}
	return s.groupedWeight(q, scale, zero, groups)
}

// groupedWeight is (q - zero)·scale, where groups says of each column of q which one of zero and scale goes with it.
func (s *steps) groupedWeight(q, scale, zero, groups *ir.Value) *ir.Value {
	if s.err != nil {
		return nil
	}
	inColumns := func(v *ir.Value) *ir.Value { return s.new("Gather", ir.Attrs{"axis": int64(1)}, v, groups) }
	e := scale.Type.Elem
	q = s.cast(q, e)
	if zero != nil {
		q = s.new("Sub", nil, q, inColumns(s.cast(zero, e)))
	}
	return s.new("Mul", nil, q, inColumns(scale))
}

// holds makes it an error that v, if it is there, has not as many elements.
func (s *steps) holds(v *ir.Value, elements int64) {
	if v == nil || s.err != nil {
		return
	}
	if n, ok := v.Type.Size().Const(); !ok || int64(n) != elements {
		s.fail("packed numbers are %s: %d bytes are wanted", v.Type, elements)
	}
}

// groups is the block in which each column is.
func (w blocks) groups() []int64 {
	of := make([]int64, w.depth)
	for i := range of {
		of[i] = int64(i) / w.size
	}
	return of
}

// reshaped is v, which may have the same elements in another shape.
func (s *steps) reshaped(v *ir.Value, shape ...int64) *ir.Value {
	if s.err != nil || isShape(v.Type, shape) {
		return v
	}
	if d := s.n.data(v); d != nil {
		again := d.Reshaped(lengths(shape)...)
		if again.Len() == d.Len() {
			return s.stored(v, again)
		}
	}
	return s.new("Reshape", nil, v, s.ints(shape...))
}

func isShape(t ir.Type, shape []int64) bool {
	if !t.Ranked() {
		return false
	}
	return slices.EqualFunc(t.Shape, shape, func(d ir.Dim, n int64) bool { return d.Is(int(n)) })
}

// unpackedPair are numbers and their zero points out of bytes. Where these are left out they are in the middle: then the numbers get a sign.
func (s *steps) unpackedPair(bits int64, q *ir.Value, shape []int64, zero *ir.Value, blocks []int64) (numbers, zeros *ir.Value) {
	narrow := s.n.data(q) != nil && (zero == nil || s.n.data(zero) != nil)
	numbers = s.unpacked(bits, zero == nil, narrow, q, shape...)
	if zero != nil {
		zeros = s.unpacked(bits, false, narrow, zero, blocks...)
	}
	return numbers, zeros
}

// unpacked are numbers of that shape out of bytes: narrow, of an element type of so many bits, where the bytes are known, or bytes again.
func (s *steps) unpacked(bits int64, signed, narrow bool, v *ir.Value, shape ...int64) *ir.Value {
	if s.err != nil {
		return nil
	}
	rows, columns := int64(1), shape[len(shape)-1]
	for _, n := range shape[:len(shape)-1] {
		rows *= n
	}
	size, known := v.Type.Size().Const()
	switch {
	case v.Type.Elem != ir.U8 || !known:
		s.fail("packed numbers are %s: bytes are wanted", v.Type)
	case rows < 1 || int64(size)%rows != 0 || int64(size)/rows*8 < columns*bits:
		s.fail("packed numbers are %s: that is not enough for %d x %d of %d bits", v.Type, rows, columns, bits)
	case narrow:
		e := narrowElems[bits][0]
		if signed {
			e = narrowElems[bits][1]
		}
		return s.stored(v, unpack(s.n.data(v), bits, e, shape))
	default:
		inRow := append(slices.Clone(shape[:len(shape)-1]), int64(size)/rows)
		return s.unpackedInRun(bits, signed, s.reshaped(v, inRow...), columns)
	}
	return nil
}

// narrowElems are the element types of so many bits, without sign and with.
var narrowElems = map[int64][2]ir.Elem{2: {ir.U2, ir.I2}, 4: {ir.U4, ir.I4}, 8: {ir.U8, ir.I8}}

// stored is d, which is v in another form.
func (s *steps) stored(v *ir.Value, d *ir.Data) *ir.Value {
	if s.err != nil {
		return nil
	}
	c, err := s.n.constant(v.Name+".unpacked", d)
	s.err = err
	return c
}

func lengths(shape []int64) []int {
	out := make([]int, len(shape))
	for i, n := range shape {
		out[i] = int(n)
	}
	return out
}

// unpack takes numbers out of rows of bytes. With a sign they are less by half their range.
func unpack(d *ir.Data, bits int64, e ir.Elem, shape []int64) *ir.Data {
	less := int64(0)
	if e.IsSigned() {
		less = 1 << (bits - 1)
	}
	size := lengths(shape)
	out := ir.NewData(e, size...)
	if out.Len() == 0 {
		return out
	}
	columns := size[len(size)-1]
	rows := out.Len() / columns
	step, mask, width := d.Len()/rows, int64(1)<<bits-1, int(bits)
	for r := range rows {
		row := d.Bytes()[r*step : (r+1)*step]
		for c := range columns {
			out.SetInt(r*columns+c, int64(row[c*width/8])>>(c*width%8)&mask-less)
		}
	}
	return out
}

// unpackedInRun is unpack of bytes that only the run knows: the first columns of each row of them.
func (s *steps) unpackedInRun(bits int64, signed bool, v *ir.Value, columns int64) *ir.Value {
	if s.err != nil {
		return nil
	}
	last := v.Type.Rank() - 1
	shape := slices.Clone(v.Type.Shape)
	step, known := shape[last].Const()
	if !known || int64(step)*8 < columns*bits {
		s.fail("packed numbers are %s: that is not enough for %d of %d bits", v.Type, columns, bits)
		return nil
	}
	if bits < 8 {
		byteOf := func(x int64) *ir.Value { return s.new("Const", ir.Attrs{"value": ir.Ints(ir.U8, nil, x)}) }
		v = s.new("Unsqueeze", nil, v, s.ints(-1))
		var parts []*ir.Value
		for at := int64(0); at < 8; at += bits {
			moved := s.new("BitShift", ir.Attrs{"direction": "RIGHT"}, v, byteOf(at))
			parts = append(parts, s.new("BitwiseAnd", nil, moved, byteOf(1<<bits-1)))
		}
		shape[last] = ir.N(step * 8 / int(bits))
		v = s.new("Reshape", nil, s.new("Concat", ir.Attrs{"axis": int64(-1)}, parts...), s.n.b.Dims(shape...))
	}
	if !shape[last].Is(int(columns)) {
		v = s.new("Slice", nil, v, s.ints(0), s.ints(columns), s.ints(-1))
	}
	if !signed || s.err != nil {
		return v
	}
	v = s.cast(v, ir.I32)
	return s.cast(s.new("Sub", nil, v, s.like(v, float64(int64(1)<<(bits-1)))), ir.I8)
}

// A blockTable is what rows are taken of along the axis gather, in blocks along axis.
type blockTable struct {
	data, indices, scale, zero *ir.Value
	gather, axis, size, bits   int64
}

// gatherBlockQuantized takes rows of a table in blocks, which is packed if it is bytes. What only the run knows is unpacked when the rows
// are chosen.
func (s *steps) gatherBlockQuantized() []*ir.Value {
	t := s.blockTable()
	if s.err != nil {
		return nil
	}
	known := s.n.data(t.data) != nil && (t.zero == nil || s.n.data(t.zero) != nil)
	switch packed := t.data.Type.Elem == ir.U8; {
	case packed && known:
		s.unpackTable(t)
	case packed:
		s.choose(t)
		s.unpackRows(t)
		return []*ir.Value{s.tableFloats(t)}
	case known:
		t.data, t.zero = s.inBytes(t.data), s.inBytes(t.zero)
	}
	if t.gather == t.axis {
		return []*ir.Value{s.chosen(t, s.tableFloats(t))}
	}
	s.choose(t)
	return []*ir.Value{s.tableFloats(t)}
}

// blockTable is that of the inputs and attributes.
func (s *steps) blockTable() *blockTable {
	t := &blockTable{data: s.required(0), indices: s.required(1), scale: s.required(2), zero: s.n.input(3), size: s.n.takeInt("block_size", 128),
		bits: s.n.takeInt("bits", 4), gather: s.n.takeInt("gather_axis", 0), axis: s.n.takeInt("quantize_axis", 1)}
	if s.err != nil {
		return nil
	}
	t.gather, t.axis = s.axisOf(t.data, t.gather), s.axisOf(t.data, t.axis)
	rank := t.data.Type.Rank()
	switch packed := t.data.Type.Elem == ir.U8; {
	case s.err != nil:
	case !t.indices.Type.Ranked() || t.scale.Type.Rank() != rank:
		s.fail("scales %s and indices %s do not fit %s", t.scale.Type, t.indices.Type, t.data.Type)
	case t.zero != nil && t.zero.Type.Rank() != rank:
		s.fail("zero points %s do not fit %s", t.zero.Type, t.data.Type)
	case packed && narrowElems[t.bits][0] == ir.NoElem:
		s.fail("numbers of %d bits are not supported", t.bits)
	case packed && (t.axis != int64(rank)-1 || t.gather == t.axis):
		s.fail("packed numbers %s in blocks along axis %d, chosen along axis %d: the last axis and another one are wanted", t.data.Type, t.axis, t.gather)
	}
	return t
}

// axisOf is the axis of v, counted from the front.
func (s *steps) axisOf(v *ir.Value, axis int64) int64 {
	rank := int64(v.Type.Rank())
	if axis < 0 {
		axis += rank
	}
	if !v.Type.Ranked() || axis < 0 || axis >= rank {
		s.fail("%s has no axis %d", v.Type, axis)
	}
	return axis
}

// chosen are the rows of v, if it is there, that t's indices say.
func (s *steps) chosen(t *blockTable, v *ir.Value) *ir.Value {
	if v == nil {
		return nil
	}
	return s.new("Gather", ir.Attrs{"axis": t.gather}, v, t.indices)
}

// choose leaves of t only the rows that its indices say.
func (s *steps) choose(t *blockTable) {
	t.data, t.scale, t.zero = s.chosen(t, t.data), s.chosen(t, t.scale), s.chosen(t, t.zero)
	if t.axis > t.gather {
		t.axis += int64(t.indices.Type.Rank()) - 1
	}
}

// tableFloats is what t stands for. There must be a scale for each block.
func (s *steps) tableFloats(t *blockTable) *ir.Value {
	if s.err != nil {
		return nil
	}
	if t.size < 16 || t.size > maxSize || t.size&(t.size-1) != 0 {
		s.fail("block_size is %d: a power of 2 from 16 on is wanted", t.size)
		return nil
	}
	n, ok1 := t.data.Type.Shape[t.axis].Const()
	count, ok2 := t.scale.Type.Shape[t.axis].Const()
	if ok1 && ok2 && (int64(n)+t.size-1)/t.size != int64(count) {
		s.fail("%d scales for %d elements in blocks of %d", count, n, t.size)
	}
	return s.new("DequantizeLinear", ir.Attrs{"axis": t.axis, "block_size": t.size}, t.data, t.scale, t.zero)
}

// unpackRows takes numbers and zero points out of rows of bytes.
func (s *steps) unpackRows(t *blockTable) {
	if s.err != nil {
		return
	}
	size, ok1 := t.data.Type.Shape[t.axis].Const()
	count, ok2 := t.scale.Type.Shape[t.axis].Const()
	if !ok1 || !ok2 {
		s.fail("rows of %s with scales %s are not supported", t.data.Type, t.scale.Type)
		return
	}
	t.data = s.unpackedInRun(t.bits, t.zero == nil, t.data, int64(size)*8/t.bits)
	if t.zero != nil {
		t.zero = s.unpackedInRun(t.bits, false, t.zero, int64(count))
	}
}

// unpackTable takes numbers and zero points out of bytes that are known. They are bytes again, for ONNX's Gather knows no other elements.
func (s *steps) unpackTable(t *blockTable) {
	d, zeros := s.n.data(t.data), s.n.data(t.zero)
	shape, blocks := int64s(d.Shape), []int64{}
	for _, n := range t.scale.Type.Shape {
		k, _ := n.Const()
		blocks = append(blocks, int64(k))
	}
	e := ir.I8
	if zeros != nil {
		e = ir.U8
		packed := slices.Clone(blocks)
		packed[t.axis] = (packed[t.axis]*t.bits + 7) / 8
		if !slices.Equal(int64s(zeros.Shape), packed) || zeros.Elem != ir.U8 {
			s.fail("zero points %s do not fit scales %s", t.zero.Type, t.scale.Type)
			return
		}
		t.zero = s.stored(t.zero, unpack(zeros, t.bits, e, blocks))
	}
	shape[t.axis] *= 8 / t.bits
	t.data = s.stored(t.data, unpack(d, t.bits, e, shape))
}

func int64s(xs []int) []int64 {
	out := make([]int64, len(xs))
	for i, x := range xs {
		out[i] = int64(x)
	}
	return out
}

// inBytes is a constant of less than 8 bits an element in bytes; here they take the same place, and ONNX's Gather knows no others.
func (s *steps) inBytes(v *ir.Value) *ir.Value {
	if v == nil || s.err != nil || v.Type.Elem.Bits() >= 8 || !v.Type.Elem.IsInt() {
		return v
	}
	d, e := s.n.data(v), ir.U8
	if d.Elem.IsSigned() {
		e = ir.I8
	}
	return s.stored(v, ir.Raw(e, d.Shape, d.Bytes()))
}

// bnb4Values are the numbers that four bits stand for: in a float of four bits times a twelfth, and at equal parts of a normal distribution.
var bnb4Values = [][]float64{
	{0, 5.208333333e-03, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25, 0, -5.208333333e-03, -0.66666667, -1, -0.33333333, -0.5, -0.16666667, -0.25},
	{-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
		0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1},
}

// matMulBnb4 multiplies by the transpose of a weight of four bits a number, the first in the higher half of a byte, in blocks that go
// through its rows.
func (s *steps) matMulBnb4() []*ir.Value {
	w := blocks{rows: s.n.takeInt("N", 0), depth: s.n.takeInt("K", 0), size: s.n.takeInt("block_size", 0), bits: 4}
	kind := s.n.takeInt("quant_type", -1)
	s.check(w)
	if kind != 0 && kind != 1 {
		s.fail("quant_type is %d: 0 or 1 is wanted", kind)
	}
	if s.n.takeInt("transB", 1) == 0 {
		s.fail("transB=0, which is for training, is not supported")
	}
	s.n.take("training_mode") // only says how it is computed
	x, q, most := s.required(0), s.required(1), s.required(2)
	if s.err != nil {
		return nil
	}
	size := w.rows * w.depth
	count := (size + w.size - 1) / w.size
	numbers := s.resized(s.bnb4Numbers(q, size, bnb4Values[kind]), count*w.size)
	numbers = s.new("Mul", nil, s.reshaped(s.cast(numbers, most.Type.Elem), count, w.size), s.reshaped(most, count, 1))
	b := s.reshaped(s.resized(s.reshaped(numbers, count*w.size), size), w.rows, w.depth)
	return []*ir.Value{s.new("MatMul", nil, x, s.new("Transpose", ir.Attrs{"perm": []int64{1, 0}}, b))}
}

// bnb4Numbers are the values of so many numbers in q, and of one more if that is odd.
func (s *steps) bnb4Numbers(q *ir.Value, size int64, values []float64) *ir.Value {
	bytes := (size + 1) / 2
	s.holds(q, bytes)
	halves := s.cast(s.unpacked(4, false, s.n.data(q) != nil, q, bytes, 2), ir.I32)
	order := s.new("Gather", ir.Attrs{"axis": int64(1)}, halves, s.ints(1, 0))
	table := s.new("Const", ir.Attrs{"value": ir.Floats(ir.F32, []int{len(values)}, values...)})
	return s.new("Gather", nil, table, s.reshaped(order, 2*bytes))
}

// resized is the vector v cut off or filled up with zeros to that length.
func (s *steps) resized(v *ir.Value, length int64) *ir.Value {
	if s.err != nil {
		return nil
	}
	switch old, ok := v.Type.Shape[0].Const(); {
	case !ok || int64(old) > length:
		return s.new("Slice", nil, v, s.ints(0), s.ints(length))
	case int64(old) < length:
		return s.new("Pad", nil, v, s.ints(0, length-int64(old)))
	}
	return v
}
