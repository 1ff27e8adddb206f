package prog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// readTensor reads a tensor from an .npy file, or from an ONNX TensorProto in a .pb file.
func readTensor(path string) (tensor, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return tensor{}, err
	}
	read := readNpy
	if strings.EqualFold(filepath.Ext(path), ".pb") {
		read = readPB
	}
	t, err := read(b)
	if err != nil {
		return tensor{}, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// pbTypes are ONNX's element types by number. Those that Go has not are their bits.
var pbTypes = map[uint64]func(n int) any{
	1: slice[float32], 2: slice[uint8], 3: slice[int8], 4: slice[uint16], 5: slice[int16], 6: slice[int32], 7: slice[int64],
	9: slice[bool], 10: slice[uint16], 11: slice[float64], 12: slice[uint32], 13: slice[uint64], 14: slice[complex64],
	15: slice[complex128], 16: slice[uint16], 17: slice[uint8], 18: slice[uint8], 19: slice[uint8], 20: slice[uint8],
}

var errPB = errors.New("not an ONNX tensor")

// readPB reads a TensorProto: dims (1), data_type (2), raw_data (9), or the lists float_data (4), int32_data (5), int64_data (7),
// double_data (10) and uint64_data (11).
func readPB(b []byte) (tensor, error) {
	var t tensor
	var elem uint64
	var raw []byte
	lists := map[uint64][]uint64{}
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 {
			return t, errPB
		}
		b = b[n:]
		field, value, bytes, rest, err := pbField(key, b)
		if err != nil {
			return t, err
		}
		b = rest
		switch {
		case field == 1 || field == 4 || field == 5 || field == 7 || field == 10 || field == 11:
			values, err := pbList(field, key&7, value, bytes)
			if err != nil {
				return t, err
			}
			lists[field] = append(lists[field], values...)
		case field == 2:
			elem = value
		case field == 9:
			raw = bytes
		}
	}
	for _, d := range lists[1] {
		if int(d) < 0 {
			return t, errPB
		}
		t.Shape = append(t.Shape, int(d))
	}
	alloc := pbTypes[elem]
	if alloc == nil {
		return t, fmt.Errorf("elements of ONNX type %d", elem)
	}
	if raw == nil {
		raw = pbRaw(lists, binary.Size(alloc(1)))
	}
	return t.fill(alloc, raw)
}

// pbField reads what stands behind a key: a number, or bytes.
func pbField(key uint64, b []byte) (field, value uint64, bytes, rest []byte, err error) {
	field = key >> 3
	switch key & 7 {
	case 0:
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, 0, nil, nil, errPB
		}
		return field, v, nil, b[n:], nil
	case 1:
		if len(b) >= 8 {
			return field, binary.LittleEndian.Uint64(b), nil, b[8:], nil
		}
	case 2:
		v, n := binary.Uvarint(b)
		if n > 0 && v <= uint64(len(b)-n) {
			return field, 0, b[n : n+int(v)], b[n+int(v):], nil
		}
	case 5:
		if len(b) >= 4 {
			return field, uint64(binary.LittleEndian.Uint32(b)), nil, b[4:], nil
		}
	}
	return 0, 0, nil, nil, errPB
}

// pbList is a repeated field, packed or one at a time.
func pbList(field, wire, value uint64, b []byte) (out []uint64, err error) {
	if wire != 2 {
		return []uint64{value}, nil
	}
	for len(b) > 0 {
		switch field {
		case 4, 10:
			size := 4 + 4*int(field/10)
			if len(b) < size {
				return nil, errPB
			}
			x := uint64(binary.LittleEndian.Uint32(b))
			if size == 8 {
				x = binary.LittleEndian.Uint64(b)
			}
			out, b = append(out, x), b[size:]
		default:
			x, n := binary.Uvarint(b)
			if n <= 0 {
				return nil, errPB
			}
			out, b = append(out, x), b[n:]
		}
	}
	return out, nil
}

// pbRaw are the elements of whichever list is there as bytes.
func pbRaw(lists map[uint64][]uint64, size int) []byte {
	raw := []byte{}
	for _, field := range []uint64{4, 5, 7, 10, 11} {
		for _, x := range lists[field] {
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], x)
			if field == 4 && size == 8 { // complex64: two floats an element
				raw = append(raw, b[:4]...)
				continue
			}
			raw = append(raw, b[:min(size, 8)]...)
		}
	}
	return raw
}
