// Package wire is how gpamc talks to a program that holds packages it has emitted: requests on the program's standard input, replies
// on its standard output. The package is compiled into that program too, so that it depends on nothing but the standard library.
package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A Tensor has its elements as ir.Data has them; Elem is ONNX's number of the type. A List, a sequence or an optional, has Items instead.
type Tensor struct {
	Elem  uint8
	Shape []int
	Bytes []byte
	Str   []string
	List  bool
	Items []Tensor
}

// A Request asks for one package to be loaded and run.
type Request struct {
	Package int
	Threads int
	Inputs  []Tensor
	// Runs and Nanoseconds are for measuring: run at least so many times, and for so long. Both 0 is one run.
	Runs        int
	Nanoseconds int64
}

// A Reply has the outputs of the last run, or what went wrong.
type Reply struct {
	Error   string // of Load, NewSession or Run
	Panic   string // the value and the stack
	Outputs []Tensor
	Load    int64   // nanoseconds
	Times   []int64 // of each run, when measuring
	Steps   []int64 // medians of all runs but the first, in packages that measure their steps
	Peak    int64   // the most memory that the process had, in bytes
}

// limit is how long a list may be that the other side announces: what is longer is damage.
const limit = 1 << 40

// listElem stands where a tensor has its element type; lists are nested no deeper than maxNesting.
const (
	listElem   = -1
	maxNesting = 8
)

// An Encoder writes messages.
type Encoder struct {
	w   *bufio.Writer
	err error
}

// NewEncoder makes an encoder that writes to w.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{w: bufio.NewWriterSize(w, 1<<16)} }

func (e *Encoder) int(n int64) {
	if e.err == nil {
		e.err = binary.Write(e.w, binary.LittleEndian, n)
	}
}

func (e *Encoder) bytes(b []byte) {
	e.int(int64(len(b)))
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
}

func (e *Encoder) ints(ns []int64) {
	e.int(int64(len(ns)))
	for _, n := range ns {
		e.int(n)
	}
}

func (e *Encoder) tensors(ts []Tensor) {
	e.int(int64(len(ts)))
	for _, t := range ts {
		if t.List {
			e.int(listElem)
			e.tensors(t.Items)
			continue
		}
		e.int(int64(t.Elem))
		e.int(int64(len(t.Shape)))
		for _, n := range t.Shape {
			e.int(int64(n))
		}
		e.bytes(t.Bytes)
		e.int(int64(len(t.Str)))
		for _, s := range t.Str {
			e.bytes([]byte(s))
		}
	}
}

func (e *Encoder) flush() error {
	if e.err == nil {
		e.err = e.w.Flush()
	}
	return e.err
}

// Request writes r.
func (e *Encoder) Request(r Request) error {
	e.int(int64(r.Package))
	e.int(int64(r.Threads))
	e.int(int64(r.Runs))
	e.int(r.Nanoseconds)
	e.tensors(r.Inputs)
	return e.flush()
}

// Reply writes r.
func (e *Encoder) Reply(r Reply) error {
	e.bytes([]byte(r.Error))
	e.bytes([]byte(r.Panic))
	e.tensors(r.Outputs)
	e.int(r.Load)
	e.ints(r.Times)
	e.ints(r.Steps)
	e.int(r.Peak)
	return e.flush()
}

// A Decoder reads messages.
type Decoder struct {
	r   *bufio.Reader
	err error
}

// NewDecoder makes a decoder that reads from r.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: bufio.NewReaderSize(r, 1<<16)} }

func (d *Decoder) int() (n int64) {
	if d.err == nil {
		d.err = binary.Read(d.r, binary.LittleEndian, &n)
	}
	return n
}

func (d *Decoder) count() int {
	n := d.int()
	if d.err == nil && (n < 0 || n > limit) {
		d.err = fmt.Errorf("a list of %d elements", n)
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

func (d *Decoder) bytes() []byte {
	n := d.count()
	if d.err != nil || n == 0 {
		return nil
	}
	b := make([]byte, n)
	_, d.err = io.ReadFull(d.r, b)
	return b
}

func (d *Decoder) ints() (ns []int64) {
	for range d.count() {
		if ns = append(ns, d.int()); d.err != nil {
			return nil
		}
	}
	return ns
}

func (d *Decoder) tensors() []Tensor { return d.nested(maxNesting) }

func (d *Decoder) nested(depth int) (ts []Tensor) {
	for range d.count() {
		elem := d.int()
		if elem == listElem && depth > 0 {
			ts = append(ts, Tensor{List: true, Items: d.nested(depth - 1)})
			continue
		}
		t := Tensor{Elem: uint8(elem)}
		for range d.count() {
			t.Shape = append(t.Shape, int(d.int()))
			if d.err != nil {
				return nil
			}
		}
		t.Bytes = d.bytes()
		for range d.count() {
			t.Str = append(t.Str, string(d.bytes()))
			if d.err != nil {
				return nil
			}
		}
		if ts = append(ts, t); d.err != nil {
			return nil
		}
	}
	return ts
}

// Request reads a request; the error is io.EOF when there is none left.
func (d *Decoder) Request() (Request, error) {
	r := Request{Package: int(d.int())}
	if errors.Is(d.err, io.EOF) {
		return r, io.EOF
	}
	r.Threads, r.Runs, r.Nanoseconds = int(d.int()), int(d.int()), d.int()
	r.Inputs = d.tensors()
	return r, d.err
}

// Reply reads a reply.
func (d *Decoder) Reply() (Reply, error) {
	r := Reply{Error: string(d.bytes()), Panic: string(d.bytes()), Outputs: d.tensors(), Load: d.int(), Times: d.ints(), Steps: d.ints(), Peak: d.int()}
	return r, d.err
}
