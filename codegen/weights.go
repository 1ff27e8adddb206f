package codegen

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/gpamc/gpamc/codegen/lib"
	"github.com/gpamc/gpamc/ir"
)

// A layout says how a weight's elements are arranged in the package's file.
type layout string

const (
	plainLayout  layout = ""                                   // row by row
	linearLayout layout = "packed"                             // what the kernel linear reads, of a matrix [k, n]
	stackLayout  layout = "packed, one matrix after the other" // as linearLayout, of matrices [e, k, n]
	turnedLayout layout = "packed, turned"                     // what convTurned32 reads, of weights of a convolution
	bf16Layout   layout = "bf16"                               // those that gemmBF16 reads
	int8Layout   layout = "int8"                               // those that gemmInt8 reads
	bytesLayout  layout = "bytes"                              // those that gemmQuantized reads, of weights that are int8 in the model, with their scales and zero points
)

// blockedLayout are the panels that gemmBlocked reads, of so many bits an element, with the scales and zero points of blocks of so many
// rows.
func blockedLayout(bits, block int) layout {
	return layout(fmt.Sprintf("%d bits, in blocks of %d", bits, block))
}

// blockedInt8Layout are those that gemmBlockedInt8 reads.
func blockedInt8Layout(bits, block int) layout { return blockedLayout(bits, block) + rowsInInt8 }

const rowsInInt8 = ", for rows in int8"

// blocks is the bits of an element and the rows of a block, 0 in another layout.
func (as layout) blocks() (bits, rows int) {
	if n, _ := fmt.Sscanf(string(as), "%d bits, in blocks of %d", &bits, &rows); n < 2 {
		return 0, 0
	}
	return bits, rows
}

// gatesLayout are the panels that the recurrent kernels read, of weights [dirs, gates·hidden, k].
func gatesLayout(gates int) layout { return layout(fmt.Sprintf("packed in gates of 1/%d", gates)) }

// gates is how many gates the rows of each direction are, 0 in another layout.
func (as layout) gates() (n int) {
	fmt.Sscanf(string(as), "packed in gates of 1/%d", &n)
	return n
}

// corneredLayout are the rows that conv32 by pairs reads, of weights of convolutions in so many groups.
func corneredLayout(groups int) layout {
	return layout(fmt.Sprintf("rows with corners, 1/%d of them a group", groups))
}

// convGroups is how many groups there are, 0 in another layout.
func (as layout) convGroups() (n int) {
	fmt.Sscanf(string(as), "rows with corners, 1/%d of them a group", &n)
	return n
}

// A weightTable is what the emitted package reads its weights from: a struct for the main function and, for each other function, one
// struct a call.
type weightTable struct {
	structs map[*function]*weightStruct
}

type weightStruct struct {
	fields []weightField
	names  *namer
	stride int // bytes of one call's weights in the file
	offset int
}

type weightField struct {
	name, comment string
	elem          ir.Elem
	layout        layout
	values        []*ir.Value // one a call
	scales, zeros []*ir.Value // likewise, in bytesLayout and blockedLayout; nil where there is none
	count         int         // elements in the file
	offset        int         // within the struct's bytes
}

// weightExpr is the Go expression of a weight as fn sees it.
func (g *generator) weightExpr(fn *function, v *ir.Value, as layout) string {
	return g.scaledExpr(fn, v, nil, nil, as)
}

// scaledExpr is weightExpr of a weight in a layout that has the scales and zero points of its columns in it.
func (g *generator) scaledExpr(fn *function, v, scale, zero *ir.Value, as layout) string {
	owner := g.main()
	if slices.Contains(fn.weights, v) || slices.Contains(fn.weights, scale) || slices.Contains(fn.weights, zero) {
		owner = fn
	}
	if g.weights.structs == nil {
		g.weights.structs = map[*function]*weightStruct{}
	}
	st := g.weights.structs[owner]
	if st == nil {
		st = &weightStruct{names: newNamer(map[string]bool{})}
		for _, f := range g.fns[1:] {
			if owner == g.main() {
				st.names.take(f.name, "layer")
			}
		}
		g.weights.structs[owner] = st
	}
	prefix := "w."
	if owner != fn {
		prefix = "s.m.w."
	}
	for _, f := range st.fields {
		if f.values[0] == v && f.layout == as && f.scales[0] == scale && f.zeros[0] == zero {
			return prefix + f.name
		}
	}
	f := weightField{elem: as.elem(v.Type.Elem), layout: as, values: owner.each(v), scales: owner.each(scale), zeros: owner.each(zero),
		count: storedLen(v, zero != nil, as)}
	f.name = st.names.take(g.weightName(v), "weight1")
	f.comment = v.Type.String()
	if as != plainLayout {
		f.comment += ", " + string(as)
	}
	st.fields = append(st.fields, f)
	return prefix + f.name
}

// each is what a weight of the function is in each of its calls.
func (fn *function) each(v *ir.Value) []*ir.Value {
	if len(fn.calls) == 0 {
		return []*ir.Value{v}
	}
	all := make([]*ir.Value, len(fn.calls))
	for c, call := range fn.calls {
		all[c] = v
		if i := slices.Index(fn.weights, v); i >= 0 {
			all[c] = call.weights[i]
		}
	}
	return all
}

// elem is the type of the elements in the file of a weight of type e.
func (as layout) elem(e ir.Elem) ir.Elem {
	if bits, _ := as.blocks(); bits > 0 || as == bf16Layout || as == int8Layout || as == bytesLayout {
		return ir.U32
	}
	return e
}

// storedLen is the number of elements that a weight takes in a layout, with or without zero points.
func storedLen(v *ir.Value, zeros bool, as layout) int {
	shape, _ := v.Type.Static()
	if bits, block := as.blocks(); bits > 0 {
		if as == blockedInt8Layout(bits, block) {
			return lib.PackedBlockedInt8Len(bits, shape[0], shape[1], block)
		}
		return lib.PackedBlockedLen(bits, shape[0], shape[1], block)
	}
	if gates := as.gates(); gates > 0 {
		return lib.PackedGatesLen(shape[0]*gates, shape[1]/gates, shape[2])
	}
	if as.convGroups() > 0 {
		return lib.CorneredRowsLen(shape[0], (&ir.Data{Shape: shape[1:]}).Len())
	}
	switch as {
	case linearLayout:
		return lib.LinearLen(shape[0], shape[1])
	case stackLayout:
		return shape[0] * lib.LinearLen(shape[1], shape[2])
	case turnedLayout:
		return lib.LinearLen((&ir.Data{Shape: shape[1:]}).Len(), shape[0])
	case bf16Layout:
		return lib.PackedBF16Len(shape[0], shape[1])
	case int8Layout:
		return lib.PackedInt8Len(shape[0], shape[1])
	case bytesLayout:
		return lib.PackedBytesLen(shape[0], shape[1], zeros)
	}
	return (&ir.Data{Shape: shape}).Len()
}

// weightName makes a field's name from the model's name of the weight without its numbers, or from the node that uses it.
func (g *generator) weightName(v *ir.Value) string {
	name := constWeight + "."
	if v.Is(ir.Weight) {
		name = v.Def.Str("name")
	}
	if anonymous(name) {
		for _, n := range g.p.Main.Nodes {
			if slices.Contains(n.Args, v) && n.Name != "" {
				name = n.Name
				break
			}
		}
	}
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '.' || r == '/' || r == ':' })
	parts = slices.DeleteFunc(parts, func(s string) bool { return strings.Trim(s, "0123456789") == "" })
	if len(parts) > 3 {
		parts = parts[len(parts)-3:]
	}
	return goName(strings.Join(parts, "_"), false)
}

// anonymous reports whether an exporter made the name up.
func anonymous(name string) bool {
	if strings.Contains(name, "::") || strings.HasPrefix(name, constWeight+".") {
		return true
	}
	return strings.IndexFunc(name, unicode.IsLetter) < 0
}

// layOut gives every weight its place in the file, each on a cache line of its own, and returns the file's size.
func (t *weightTable) layOut(fns []*function) int {
	size := 0
	for _, fn := range fns {
		st := t.structs[fn]
		if st == nil {
			continue
		}
		st.offset, st.stride = size, 0
		for i := range st.fields {
			f := &st.fields[i]
			f.offset = st.stride
			st.stride = align(st.stride + f.count*f.elem.Size())
		}
		size += st.stride * len(st.fields[0].values)
	}
	return size
}

func align(n int) int { return (n + 63) &^ 63 }

// writeWeights writes the package's weights, one after the other, and behind them the beginning of their checksum, for Load to see that they
// are the ones it is made for. A package without any has no file, unless it is to map one.
func (g *generator) writeWeights(out *Output, size int) (checksum uint64, err error) {
	if size == 0 && !g.opts.File {
		return 0, nil
	}
	out.Size = size + signature
	to := g.opts.Weights
	if to == nil {
		memory := bytes.NewBuffer(make([]byte, 0, out.Size))
		defer func() { out.Weights = memory.Bytes() }()
		to = memory
	}
	sum := sha256.New()
	both := io.MultiWriter(to, sum)
	for _, fn := range g.fns {
		st := g.weights.structs[fn]
		if st == nil {
			continue
		}
		for call := range st.fields[0].values {
			for i := range st.fields {
				b, err := g.stored(&st.fields[i], call)
				if err != nil {
					return 0, err
				}
				if _, err := both.Write(b); err != nil {
					return 0, err
				}
			}
		}
	}
	b := sum.Sum(nil)[:signature]
	_, err = to.Write(b)
	return binary.LittleEndian.Uint64(b), err
}

// signature is how many bytes of their checksum stand behind the weights.
const signature = 8

// stored is what a weight of a call is in the file, to where the next one begins.
func (g *generator) stored(f *weightField, call int) ([]byte, error) {
	var parts [3]*ir.Data
	for i, v := range []*ir.Value{f.values[call], f.scales[call], f.zeros[call]} {
		if v == nil {
			continue
		}
		var err error
		if parts[i], err = g.data(v); err != nil {
			return nil, err
		}
	}
	out := make([]byte, align(f.count*f.elem.Size()))
	store(out, parts[0], parts[1], parts[2], f.layout)
	return out, nil
}

func (g *generator) data(v *ir.Value) (*ir.Data, error) {
	if d := v.Const(); d != nil {
		return d, nil
	}
	name := v.Def.Str("name")
	d := g.p.Weights[name]
	if d == nil {
		return nil, fmt.Errorf("weight %q has no data", name)
	}
	if !d.Type().Equal(v.Type) {
		return nil, fmt.Errorf("weight %q is %s, its data is %s", name, v.Type, d.Type())
	}
	return d, nil
}

// store writes d, with the scales and zero points of its columns where the layout has them, to the file's part dst.
func store(dst []byte, d, scale, zero *ir.Data, as layout) {
	if as == plainLayout {
		copy(dst, d.Bytes())
		return
	}
	if as == stackLayout {
		b, step := d.Bytes(), 4*lib.LinearLen(d.Shape[1], d.Shape[2])
		size := len(b) / max(d.Shape[0], 1)
		for i := range d.Shape[0] {
			store(dst[i*step:], ir.Raw(d.Elem, d.Shape[1:], b[i*size:][:size]), nil, nil, linearLayout)
		}
		return
	}
	var zeros []byte
	if zero != nil {
		zeros = zero.Bytes()
	}
	k, n := d.Shape[0], d.Shape[1]
	width, block := as.blocks()
	switch {
	case as == bytesLayout:
		words := make([]uint32, lib.PackedBytesLen(k, n, zero != nil))
		lib.PackBytes(words, d.Bytes(), float32s(scale), zeros, k, n)
		putWords(dst, words)
	case width > 0 && as == blockedInt8Layout(width, block):
		words := make([]uint32, lib.PackedBlockedInt8Len(width, k, n, block))
		lib.PackBlockedInt8(width, words, d.Bytes(), float32s(scale), zeros, k, n, block)
		putWords(dst, words)
	case width > 0:
		words := make([]uint32, lib.PackedBlockedLen(width, k, n, block))
		lib.PackBlocked(width, words, d.Bytes(), float32s(scale), zeros, k, n, block)
		putWords(dst, words)
	case as == bf16Layout:
		words := make([]uint32, lib.PackedBF16Len(k, n))
		lib.PackBF16(words, float32s(d), k, n)
		putWords(dst, words)
	case as == int8Layout:
		words := make([]uint32, lib.PackedInt8Len(k, n))
		lib.PackInt8(words, float32s(d), k, n)
		putWords(dst, words)
	case as.gates() > 0:
		packed := make([]float32, lib.PackedGatesLen(k*as.gates(), n/as.gates(), d.Shape[2]))
		lib.PackGates(packed, float32s(d), k*as.gates(), n/as.gates(), d.Shape[2])
		putFloats(dst, packed)
	case as.convGroups() > 0:
		features, channels, groups := k, n, as.convGroups()
		places := (&ir.Data{Shape: d.Shape[2:]}).Len()
		cornered := make([]float32, lib.CorneredRowsLen(features, channels*places))
		lib.CornerRows(cornered, float32s(d), groups, features/groups, channels, places)
		putFloats(dst, cornered)
	case as == turnedLayout:
		features, channels, places := k, n, (&ir.Data{Shape: d.Shape[2:]}).Len()
		packed := make([]float32, lib.LinearLen(channels*places, features))
		lib.PackTurned(packed, float32s(d), features, channels, places)
		putFloats(dst, packed)
	default:
		packed := make([]float32, lib.LinearLen(k, n))
		lib.PackLinear(packed, float32s(d), k, n)
		putFloats(dst, packed)
	}
}

func putWords(dst []byte, words []uint32) {
	for i, x := range words {
		binary.LittleEndian.PutUint32(dst[4*i:], x)
	}
}

func putFloats(dst []byte, xs []float32) {
	for i, x := range xs {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
	}
}

func float32s(d *ir.Data) []float32 {
	x, b := make([]float32, d.Len()), d.Bytes()
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

// declare writes the types of the tables.
func (g *generator) declareWeights(b *strings.Builder) {
	b.WriteString("// weights are the model's parameters, in the layouts that its steps read.\ntype weights struct {\n")
	if st := g.weights.structs[g.main()]; st != nil {
		st.declare(b)
	}
	for _, fn := range g.fns[1:] {
		if g.weights.structs[fn] != nil {
			fmt.Fprintf(b, "\t%s [%d]%sWeights\n", fn.name, len(fn.calls), fn.name)
		}
	}
	b.WriteString("}\n")
	for _, fn := range g.fns[1:] {
		if st := g.weights.structs[fn]; st != nil {
			fmt.Fprintf(b, "\n// %sWeights are the parameters of one call of %s.\ntype %sWeights struct {\n", fn.name, fn.name, fn.name)
			st.declare(b)
			b.WriteString("}\n")
		}
	}
}

func (st *weightStruct) declare(b *strings.Builder) {
	for _, f := range st.fields {
		fmt.Fprintf(b, "\t%s []%s // %s\n", f.name, goType(f.elem), f.comment)
	}
}

// bindWeights writes the statements that make the tables from the file's bytes b.
func (g *generator) bindWeights(b *strings.Builder) {
	if st := g.weights.structs[g.main()]; st != nil {
		for _, f := range st.fields {
			fmt.Fprintf(b, "\tm.w.%s = view[%s](b, %d, %d)\n", f.name, goType(f.elem), st.offset+f.offset, f.count)
		}
	}
	for _, fn := range g.fns[1:] {
		st := g.weights.structs[fn]
		if st == nil {
			continue
		}
		fmt.Fprintf(b, "\tfor i := range m.w.%s {\n\t\tl, b := &m.w.%s[i], b[%d+i*%d:]\n", fn.name, fn.name, st.offset, st.stride)
		for _, f := range st.fields {
			fmt.Fprintf(b, "\t\tl.%s = view[%s](b, %d, %d)\n", f.name, goType(f.elem), f.offset, f.count)
		}
		b.WriteString("\t}\n")
	}
}
