// Package prog is the source of the program that gpamc emits beside a package: it runs the model on files.
package prog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// A tensor is what a file holds: Data is a slice of a Go type.
type tensor struct {
	Shape []int
	Data  any
}

var npyTypes = map[string]func(n int) any{
	"<f4": slice[float32], "<f8": slice[float64], "|i1": slice[int8], "<i2": slice[int16], "<i4": slice[int32], "<i8": slice[int64],
	"|u1": slice[uint8], "<u2": slice[uint16], "<u4": slice[uint32], "<u8": slice[uint64], "|b1": slice[bool], "<f2": slice[uint16],
	"<c8": slice[complex64], "<c16": slice[complex128],
}

func slice[T any](n int) any { return make([]T, n) }

var (
	npyDescr = regexp.MustCompile(`'descr':\s*'([^']*)'`)
	npyOrder = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	npyShape = regexp.MustCompile(`'shape':\s*\(([^)]*)\)`)
)

// readNpy reads NumPy's format, rows first.
func readNpy(b []byte) (tensor, error) {
	if len(b) < 10 || string(b[:6]) != "\x93NUMPY" {
		return tensor{}, fmt.Errorf("not an .npy file")
	}
	begin, size := 10, int(binary.LittleEndian.Uint16(b[8:]))
	if b[6] > 1 && len(b) >= 12 {
		begin, size = 12, int(binary.LittleEndian.Uint32(b[8:]))
	}
	if size < 0 || size > len(b)-begin {
		return tensor{}, fmt.Errorf("the header is cut off")
	}
	header := string(b[begin : begin+size])
	descr, order, dims := npyDescr.FindStringSubmatch(header), npyOrder.FindStringSubmatch(header), npyShape.FindStringSubmatch(header)
	if order != nil && order[1] == "True" {
		return tensor{}, errors.New("its elements are in Fortran order: np.ascontiguousarray puts them in C's")
	}
	if descr == nil || order == nil || dims == nil {
		return tensor{}, fmt.Errorf("a header that is not understood: %s", strings.TrimSpace(header))
	}
	var t tensor
	for _, s := range strings.Split(dims[1], ",") {
		if s = strings.TrimSpace(s); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil || n < 0 {
				return tensor{}, fmt.Errorf("shape (%s)", dims[1])
			}
			t.Shape = append(t.Shape, n)
		}
	}
	alloc := npyTypes[descr[1]]
	if alloc == nil {
		return tensor{}, fmt.Errorf("elements of type %s", descr[1])
	}
	return t.fill(alloc, b[begin+size:])
}

// fill reads the elements, little-endian, after a look at how many there can be.
func (t tensor) fill(alloc func(n int) any, b []byte) (tensor, error) {
	n := 1
	for _, d := range t.Shape {
		if d > 0 && n > len(b)/d+1 {
			return tensor{}, fmt.Errorf("%d bytes for shape %v", len(b), t.Shape)
		}
		n *= d
	}
	if size := binary.Size(alloc(1)); len(b) != n*size {
		return tensor{}, fmt.Errorf("%d bytes for shape %v, which takes %d", len(b), t.Shape, n*size)
	}
	t.Data = alloc(n)
	return t, binary.Read(bytes.NewReader(b), binary.LittleEndian, t.Data)
}

// writeNpy writes NumPy's format.
func writeNpy(path string, t tensor) error {
	descr := ""
	for name, alloc := range npyTypes {
		if name != "<f2" && fmt.Sprintf("%T", alloc(0)) == fmt.Sprintf("%T", t.Data) {
			descr = name
		}
	}
	if descr == "" {
		return fmt.Errorf("%s: .npy files do not hold %T", path, t.Data)
	}
	dims := ""
	for _, d := range t.Shape {
		dims += strconv.Itoa(d) + ","
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, dims)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	if err := binary.Write(&b, binary.LittleEndian, t.Data); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}
