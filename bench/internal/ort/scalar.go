package ort

import (
	"fmt"
	"unsafe"

	"github.com/gpamc/gpamc/ir"
	ortgo "github.com/yalue/onnxruntime_go"
)

// scalar makes the binding's separate type for tensors without dimensions from the bytes of one element.
func scalar(e ir.Elem, b []byte) (ortgo.Value, error) {
	switch e {
	case ir.F32:
		return scalarOf[float32](b)
	case ir.F64:
		return scalarOf[float64](b)
	case ir.I8:
		return scalarOf[int8](b)
	case ir.U8:
		return scalarOf[uint8](b)
	case ir.I16:
		return scalarOf[int16](b)
	case ir.U16:
		return scalarOf[uint16](b)
	case ir.I32:
		return scalarOf[int32](b)
	case ir.U32:
		return scalarOf[uint32](b)
	case ir.I64:
		return scalarOf[int64](b)
	case ir.U64:
		return scalarOf[uint64](b)
	case ir.Bool:
		return scalarOf[bool](b)
	}
	return nil, fmt.Errorf("the binding has no scalars of %s", e)
}

func scalarOf[T ortgo.TensorData](b []byte) (ortgo.Value, error) {
	var x T
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&x)), unsafe.Sizeof(x)), b)
	return ortgo.NewScalar(x)
}

// scalarBytes are the bytes of a scalar, nil for any other value.
func scalarBytes(v ortgo.Value) []byte {
	switch s := v.(type) {
	case *ortgo.Scalar[float32]:
		return bytesOf([]float32{s.GetData()})
	case *ortgo.Scalar[float64]:
		return bytesOf([]float64{s.GetData()})
	case *ortgo.Scalar[int8]:
		return bytesOf([]int8{s.GetData()})
	case *ortgo.Scalar[uint8]:
		return bytesOf([]uint8{s.GetData()})
	case *ortgo.Scalar[int16]:
		return bytesOf([]int16{s.GetData()})
	case *ortgo.Scalar[uint16]:
		return bytesOf([]uint16{s.GetData()})
	case *ortgo.Scalar[int32]:
		return bytesOf([]int32{s.GetData()})
	case *ortgo.Scalar[uint32]:
		return bytesOf([]uint32{s.GetData()})
	case *ortgo.Scalar[int64]:
		return bytesOf([]int64{s.GetData()})
	case *ortgo.Scalar[uint64]:
		return bytesOf([]uint64{s.GetData()})
	case *ortgo.Scalar[bool]:
		return bytesOf([]bool{s.GetData()})
	}
	return nil
}
