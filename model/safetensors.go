package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/mapped"
)

// maxHeader is the length of a safetensors header that readers accept, by the format's definition.
const maxHeader = 100 << 20

// dtypes are the element types by their names in safetensors.
var dtypes = map[string]ir.Elem{
	"F64": ir.F64, "F32": ir.F32, "F16": ir.F16, "BF16": ir.BF16, "F8_E4M3": ir.F8E4M3FN, "F8_E5M2": ir.F8E5M2, "F8_E8M0": ir.F8E8M0,
	"I64": ir.I64, "I32": ir.I32, "I16": ir.I16, "I8": ir.I8, "U64": ir.U64, "U32": ir.U32, "U16": ir.U16, "U8": ir.U8, "BOOL": ir.Bool,
	"C64": ir.C64,
}

// A File is the contents of a safetensors file.
type File struct {
	Tensors map[string]*ir.Data
	Meta    map[string]string // __metadata__
}

// OpenSafetensors maps a file. The tensors are pieces of the mapping, which lasts as long as the process.
func OpenSafetensors(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return mapSafetensors(f, path)
}

func mapSafetensors(f *os.File, path string) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: no regular file", path)
	}
	b, err := mapped.File(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	st, err := ParseSafetensors(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return st, nil
}

// ParseSafetensors reads the contents of a file: eight bytes with the length of the header, the header, a JSON object, and the
// elements. The tensors are pieces of b. Each byte behind the header must belong to one tensor.
func ParseSafetensors(b []byte) (*File, error) {
	if len(b) < 8 {
		return nil, fmt.Errorf("no safetensors file: %d bytes, the length of the header takes 8", len(b))
	}
	n := binary.LittleEndian.Uint64(b)
	switch {
	case n > maxHeader:
		return nil, fmt.Errorf("no safetensors file, or a damaged one: a header of %d bytes, at most %d are allowed", n, maxHeader)
	case n > uint64(len(b)-8):
		return nil, fmt.Errorf("a header of %d bytes, but only %d follow", n, len(b)-8)
	}
	p := &headerParser{f: &File{Tensors: map[string]*ir.Data{}}, data: b[8+n:]}
	if err := p.parse(b[8 : 8+n]); err != nil {
		return nil, err
	}
	return p.f, nil
}

// A headerParser collects the tensors of a header.
type headerParser struct {
	f     *File
	data  []byte
	spans []span
}

// A span is where a tensor's elements lie behind the header.
type span struct {
	name       string
	begin, end int
}

func (p *headerParser) parse(header []byte) error {
	if len(header) == 0 || header[0] != '{' {
		return errors.New("the header does not begin with {")
	}
	if !utf8.Valid(header) {
		return errors.New("the header is no UTF-8")
	}
	if err := eachKey(header, p.entry); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	return p.cover()
}

func (p *headerParser) entry(name string, value []byte) error {
	if name != "__metadata__" {
		if err := p.tensor(name, value); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		return nil
	}
	p.f.Meta = map[string]string{}
	return eachKey(value, func(key string, value []byte) error {
		var s string
		if value[0] != '"' || json.Unmarshal(value, &s) != nil {
			return fmt.Errorf("__metadata__: %q is no string", key)
		}
		p.f.Meta[key] = s
		return nil
	})
}

func (p *headerParser) tensor(name string, value []byte) error {
	var dtype string
	var shape, offsets []int
	err := eachKey(value, func(key string, value []byte) (err error) {
		switch key {
		case "dtype":
			if value[0] != '"' || json.Unmarshal(value, &dtype) != nil {
				err = fmt.Errorf("dtype is %s, no string", clip(value))
			}
		case "shape":
			shape, err = naturals(key, value)
		case "data_offsets":
			offsets, err = naturals(key, value)
		default:
			err = fmt.Errorf("unknown key %q; there are dtype, shape and data_offsets", key)
		}
		return err
	})
	if err != nil {
		return err
	}
	e, ok := dtypes[dtype]
	switch {
	case dtype == "":
		return errors.New("dtype is missing")
	case !ok:
		return fmt.Errorf("dtype %q is not supported", dtype)
	case shape == nil:
		return errors.New("shape is missing")
	case len(offsets) != 2:
		return errors.New("data_offsets must be two numbers, begin and end")
	}
	begin, end := offsets[0], offsets[1]
	if begin > end || end > len(p.data) {
		return fmt.Errorf("data_offsets [%d,%d] do not lie within the %d bytes of the file's data", begin, end, len(p.data))
	}
	d := ir.Raw(e, shape, p.data[begin:end:end])
	if err := d.Check(); err != nil {
		return fmt.Errorf("data_offsets [%d,%d]: %w", begin, end, err)
	}
	if i := slices.IndexFunc(d.Bytes(), func(c byte) bool { return c > 1 }); e == ir.Bool && i >= 0 {
		return fmt.Errorf("element %d is %d, no BOOL", i, d.Bytes()[i])
	}
	p.f.Tensors[name] = d
	p.spans = append(p.spans, span{name, begin, end})
	return nil
}

// cover reports data that belongs to two tensors or to none.
func (p *headerParser) cover() error {
	slices.SortFunc(p.spans, func(a, b span) int {
		if a.begin != b.begin {
			return a.begin - b.begin
		}
		return a.end - b.end
	})
	at, last := 0, ""
	for _, s := range p.spans {
		switch {
		case s.begin < at:
			return fmt.Errorf("tensor %q overlaps tensor %q: it begins at byte %d of the data, the other ends at %d", s.name, last, s.begin, at)
		case s.begin > at:
			return fmt.Errorf("%d bytes of data before tensor %q belong to no tensor", s.begin-at, s.name)
		}
		at, last = s.end, s.name
	}
	if at < len(p.data) {
		return fmt.Errorf("%d bytes at the end of the file belong to no tensor", len(p.data)-at)
	}
	return nil
}

// eachKey visits the keys of a JSON object with their values as text. A key that appears twice is an error: readers would differ.
func eachKey(object []byte, visit func(key string, value []byte) error) error {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("%s is no JSON object", clip(object))
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return fmt.Errorf("no JSON: %w", err)
		}
		key := t.(string) // in an object, More and Token give nothing else
		if seen[key] {
			return fmt.Errorf("%q appears twice", key)
		}
		seen[key] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("%q: no JSON: %w", key, err)
		}
		if err := visit(key, value); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("no JSON: %w", err)
	}
	if rest := bytes.TrimLeft(object[dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return fmt.Errorf("%s stands behind the JSON object", clip(rest))
	}
	return nil
}

// naturals reads a list of integers that are not negative.
func naturals(key string, value []byte) ([]int, error) {
	var raw []json.RawMessage
	if value[0] != '[' || json.Unmarshal(value, &raw) != nil {
		return nil, fmt.Errorf("%s is %s, no list", key, clip(value))
	}
	ns := make([]int, len(raw))
	for i, r := range raw {
		n, err := strconv.ParseUint(string(r), 10, 64)
		if err != nil || n > math.MaxInt {
			return nil, fmt.Errorf("%s has %s, which is no size", key, clip(r))
		}
		ns[i] = int(n)
	}
	return ns, nil
}

// clip is the beginning of text from a file, for a message.
func clip(b []byte) string {
	const most = 40
	if len(b) > most {
		return strconv.Quote(string(b[:most])) + "..."
	}
	return strconv.Quote(string(b))
}
