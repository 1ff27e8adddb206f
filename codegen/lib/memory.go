package lib

import (
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// view sees n elements of b from a byte on as values of type T. The bytes must be aligned for T, as those of aligned and mapFile are.
func view[T any](b []byte, offset, n int) []T {
	if n == 0 {
		return nil
	}
	var t T
	b = b[offset : offset+n*int(unsafe.Sizeof(t))]
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n)
}

// reinterpret sees values of one type as values of another of the same size.
func reinterpret[T, U any](x []U) []T {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&x[0])), len(x))
}

// cacheLine is the alignment of all buffers.
const cacheLine = 64

// aligned allocates n bytes that begin a cache line.
func aligned(n int) []byte {
	b := make([]byte, n+cacheLine)
	skip := int(-uintptr(unsafe.Pointer(&b[0])) & (cacheLine - 1))
	return b[skip : skip+n : skip+n]
}

// misaligned tells whether x begins within a cache line, as what is embedded may: the linker goes by 32 bytes.
func misaligned(x []float32) bool { return uintptr(unsafe.Pointer(&x[0]))%cacheLine != 0 }

// embedded is a file that go:embed has put into a string, without a copy where it lies on a boundary of 8 bytes.
func embedded(s string) []byte {
	if len(s) == 0 {
		return nil
	}
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	if uintptr(unsafe.Pointer(&b[0]))%8 != 0 {
		c := aligned(len(b))
		copy(c, b)
		return c
	}
	return b
}

// checkWeights reports weights that are not those that the package was made with, which end in their sum, and a machine that they are
// not made for. It does not read them.
func checkWeights(b []byte, size int, sum uint64) error {
	one := uint16(1)
	if *(*byte)(unsafe.Pointer(&one)) != 1 {
		return fmt.Errorf("weights are little-endian, this machine is not")
	}
	if len(b) != size {
		return fmt.Errorf("weights of %d bytes, the model has %d", len(b), size)
	}
	if *(*uint64)(unsafe.Pointer(&b[size-8])) != sum {
		return fmt.Errorf("the weights are of another model, or were not compiled together with this package")
	}
	return nil
}

// An arena is laid out by take and then allocated once.
type arena struct {
	mem  []byte
	size int
}

// take reserves n bytes and returns where they will begin.
func (a *arena) take(n int) int {
	at := a.size
	a.size += (n + cacheLine - 1) &^ (cacheLine - 1)
	return at
}

// allocate sees to it that the memory is there; it keeps what it has when that is enough.
func (a *arena) allocate() {
	if len(a.mem) < a.size {
		a.mem = aligned(a.size)
	}
}

// grow returns a slice of n elements, of x's memory where that is enough.
func grow[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}

// stride is the distance of a dimension's elements, 0 for a dimension of 1, which repeats.
func stride(dim, step int) int {
	if dim == 1 {
		return 0
	}
	return step
}

// agreed is a, which must be b: the number of elements of which a product is the sum.
func agreed(a, b int) int {
	if a != b {
		panic(inputError(fmt.Sprintf("%d elements along an axis cannot be multiplied with %d", a, b)))
	}
	return a
}

// declared refuses a dimension of a result that is not as the model says.
func declared(size, said int) {
	if size != said {
		panic(inputError(fmt.Sprintf("a result has a dimension of %d where the model declares %d", size, said)))
	}
}

// batchStride is step, or 0 where the only one of own stands for all dim.
func batchStride(own, dim, step int) int {
	if own == dim {
		return step
	}
	if own != 1 {
		panic(inputError(fmt.Sprintf("a dimension of %d cannot be broadcast to %d", own, dim)))
	}
	return 0
}

// elements is the number of elements of a shape; ok is false where a size is
// negative, or they are more than can be counted.
func elements(shape []int) (n int, ok bool) {
	n, some := 1, 1
	for _, d := range shape {
		if d < 0 {
			return 0, false
		}
		n *= d
		if d = max(d, 1); some > math.MaxInt/16/d {
			return 0, false
		}
		some *= d
	}
	return n, true
}

// room is the number of elements of a shape that a run finds out.
func room(shape []int) int {
	n, ok := elements(shape)
	if !ok {
		panic(inputError(fmt.Sprintf("impossible shape %v", slices.Clone(shape))))
	}
	return n
}

// checkInput reports an input of the wrong length, and one that is a result of
// a run before, whose memory this run uses for something else.
func checkInput[T any](a *arena, name string, x []T, typ string, shape []int) error {
	want, ok := elements(shape)
	if !ok {
		return fmt.Errorf("input %q: there is no %s of shape %v", name, typ, slices.Clone(shape)) // of the clone, since what an error holds is on the heap
	}
	if len(x) != want {
		return fmt.Errorf("input %q has %d elements; %s has %d", name, len(x), typ, want)
	}
	if len(x) > 0 && len(a.mem) > 0 {
		at, from := uintptr(unsafe.Pointer(&x[0])), uintptr(unsafe.Pointer(&a.mem[0]))
		if at >= from && at < from+uintptr(len(a.mem)) {
			return fmt.Errorf("input %q is a result of this session's last run, which the next one writes over: copy it", name)
		}
	}
	return nil
}

// checkDim reports an impossible size.
func checkDim(name string, n int) error {
	if n < 0 {
		return fmt.Errorf("dimension %s is %d", name, n)
	}
	return nil
}

// tensorData is the elements of t if they are of type T.
func tensorData[T any](t Tensor, name string, rank int) ([]T, error) {
	x, ok := t.Data.([]T)
	if !ok {
		return nil, fmt.Errorf("input %q is %T instead of %T", name, t.Data, x)
	}
	if len(t.Shape) != rank {
		return nil, fmt.Errorf("input %q has shape %v instead of %d dimensions", name, t.Shape, rank)
	}
	return x, nil
}

// checkShape reports a shape that does not fit the other inputs' dimensions.
func checkShape(name string, got, want []int) error {
	for i, n := range want {
		if got[i] != n {
			return fmt.Errorf("input %q has shape %v instead of %v", name, got, want)
		}
	}
	return nil
}

// A Tensor is an input or output in the general form that RunTensors takes: Data is a slice of the elements, row by row. Elements of
// types that Go has not are their bits: uint16 for float16 and bfloat16, uint8 for floats of eight bits and less. Of a sequence, or an
// optional, which holds one value or none, Data is a []Tensor.
type Tensor struct {
	Shape []int
	Data  any
}

// copyStrided brings elements that lie apart together: y is row by row, element (i, j, ...) of it is x[i*strides[0]+j*strides[1]+...].
func copyStrided[T any](y, x []T, shape, strides []int) {
	if len(y) == 0 {
		return
	}
	copyStridedFrom(y, x, 0, shape, strides)
}

// copyStridedFrom is copyStrided where element 0 lies at x[at], so that strides can be negative.
func copyStridedFrom[T any](y, x []T, at int, shape, strides []int) {
	rank := len(shape)
	if rank == 0 {
		y[0] = x[at]
		return
	}
	n, step := shape[rank-1], strides[rank-1]
	if rank == 1 {
		copyRow(y[:n], x, at, step)
		return
	}
	size := len(y) / max(shape[0], 1)
	for i := range shape[0] {
		copyStridedFrom(y[i*size:(i+1)*size], x, at+i*strides[0], shape[1:], strides[1:])
	}
}

func copyRow[T any](y, x []T, at, step int) {
	switch step {
	case 1:
		copy(y, x[at:at+len(y)])
	case 0:
		for i := range y {
			y[i] = x[at]
		}
	default:
		for i := range y {
			y[i] = x[at+i*step]
		}
	}
}
