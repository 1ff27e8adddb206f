package values

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// NumPy's names of element types, in the little-endian form that files have. Types that NumPy lacks travel in .pb files.
var npyTypes = map[string]ir.Elem{
	"<f4": ir.F32, "<f8": ir.F64, "<f2": ir.F16, "|i1": ir.I8, "<i2": ir.I16, "<i4": ir.I32, "<i8": ir.I64,
	"|u1": ir.U8, "<u2": ir.U16, "<u4": ir.U32, "<u8": ir.U64, "|b1": ir.Bool, "<c8": ir.C64, "<c16": ir.C128,
}

const npyMagic = "\x93NUMPY"

// ParseNpy reads the contents of a .npy file.
func ParseNpy(b []byte) (*ir.Data, error) {
	header, body, err := npyHeader(b)
	if err != nil {
		return nil, err
	}
	find := func(pattern string) (string, error) {
		m := regexp.MustCompile(pattern).FindStringSubmatch(header)
		if m == nil {
			return "", fmt.Errorf("a damaged .npy file: its header is %q", header)
		}
		return m[1], nil
	}
	descr, err1 := find(`'descr':\s*'([^']*)'`)
	fortran, err2 := find(`'fortran_order':\s*(True|False)`)
	dims, err3 := find(`'shape':\s*\(([0-9, ]*)\)`)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	e, ok := npyTypes[descr]
	if !ok {
		return nil, fmt.Errorf("element type %q of the .npy file is not supported", descr)
	}
	d := ir.Raw(e, nil, body)
	for _, s := range strings.FieldsFunc(dims, func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, fmt.Errorf("shape (%s) of the .npy file: %w", dims, err)
		}
		d.Shape = append(d.Shape, n)
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	if fortran == "True" {
		d = rowMajor(d)
	}
	return d, nil
}

// npyHeader splits a file into its header's text and its data.
func npyHeader(b []byte) (header string, body []byte, err error) {
	if !bytes.HasPrefix(b, []byte(npyMagic)) || len(b) < 12 {
		return "", nil, errors.New("no .npy file")
	}
	start, size := 10, int(binary.LittleEndian.Uint16(b[8:]))
	if b[6] >= 2 {
		start, size = 12, int(binary.LittleEndian.Uint32(b[8:]))
	}
	if size < 0 || size > len(b)-start {
		return "", nil, errors.New("a truncated .npy file")
	}
	return string(b[start : start+size]), b[start+size:], nil
}

// rowMajor brings a tensor that is stored column by column into our order.
func rowMajor(d *ir.Data) *ir.Data {
	out := ir.NewData(d.Elem, d.Shape...)
	to, b, size := out.Bytes(), d.Bytes(), d.Elem.Size()
	at := make([]int, len(d.Shape))
	for i := range d.Len() {
		from, step := 0, 1
		for axis, k := range at {
			from += k * step
			step *= d.Shape[axis]
		}
		copy(to[i*size:], b[from*size:(from+1)*size])
		advance(at, d.Shape)
	}
	return out
}

// advance steps at to the next place in row-major order.
func advance(at, shape []int) {
	for axis := len(at) - 1; axis >= 0; axis-- {
		if at[axis]++; at[axis] < shape[axis] {
			return
		}
		at[axis] = 0
	}
}

// FormatNpy is d as a .npy file. What NumPy has no type for becomes the smallest of its types that holds it: floats float32, small
// integers int8 and uint8.
func FormatNpy(d *ir.Data) ([]byte, error) {
	if d.Elem == ir.String {
		return nil, errors.New("strings cannot be written as .npy, only as .pb")
	}
	d = widen(d)
	name := ""
	for descr, e := range npyTypes {
		if e == d.Elem {
			name = descr
		}
	}
	dims := make([]string, len(d.Shape))
	for i, n := range d.Shape {
		dims[i] = strconv.Itoa(n)
	}
	shape := strings.Join(dims, ", ")
	if len(dims) == 1 {
		shape += ","
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", name, shape)
	pad := 63 - (10+len(header))%64 // the data begins at a multiple of 64
	header += strings.Repeat(" ", pad) + "\n"
	if len(header) > math.MaxUint16 {
		return nil, fmt.Errorf("rank %d is more than a .npy file holds", len(d.Shape))
	}
	b := append([]byte(npyMagic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	return slices.Concat(b, []byte(header), d.Bytes()), nil
}

func widen(d *ir.Data) *ir.Data {
	e := d.Elem
	switch {
	case e == ir.BF16 || e.IsFloat() && e.Bits() <= 8:
		e = ir.F32
	case e == ir.I4 || e == ir.I2:
		e = ir.I8
	case e == ir.U4 || e == ir.U2:
		e = ir.U8
	default:
		return d
	}
	out := ir.NewData(e, d.Shape...)
	for i := range d.Len() {
		out.SetFloat(i, d.Float(i))
	}
	return out
}
