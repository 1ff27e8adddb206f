// Package ort runs models with ONNX Runtime, on tensors of the compiler's.
package ort

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"unsafe"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/onnx/pb"
	ortgo "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/proto"
)

// Start finds ONNX Runtime; the functions here that need it call it.
var Start = sync.OnceValue(func() error {
	lib := os.Getenv("ORT_LIB")
	if lib == "" {
		return errors.New("ORT_LIB must name the shared library of ONNX Runtime; scripts/install-onnxruntime prints it")
	}
	ortgo.SetSharedLibraryPath(lib)
	return ortgo.InitializeEnvironment(ortgo.WithLogLevelFatal())
})

// A Session is a model that is loaded.
type Session struct {
	Inputs, Outputs []*pb.ValueInfoProto // of the graph, initializers left out
	session         *ortgo.DynamicAdvancedSession
	widened         map[int]ir.Elem // outputs that a Cast at the end makes float32, because the binding loses half of two-byte elements
}

// Options choose how a model runs.
type Options struct {
	Threads   int  // 0: as ONNX Runtime likes
	Unchanged bool // run the graph as it is, without ONNX Runtime's own rewriting
}

// Open loads a model.
func Open(path string, o Options) (*Session, error) {
	if err := Start(); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &pb.ModelProto{}
	if err := proto.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &Session{Outputs: slices.Clone(m.GetGraph().GetOutput())}
	stored := map[string]bool{}
	for _, t := range m.GetGraph().GetInitializer() {
		stored[t.GetName()] = true
	}
	for _, in := range m.GetGraph().GetInput() {
		if !stored[in.GetName()] {
			s.Inputs = append(s.Inputs, in)
		}
	}
	options, err := o.build()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	in, out := names(s.Inputs), names(s.Outputs)
	if s.widened = widen(m); len(s.widened) > 0 {
		if b, err = proto.Marshal(m); err == nil {
			s.session, err = ortgo.NewDynamicAdvancedSessionWithONNXData(b, in, names(m.Graph.Output), options)
		}
	} else {
		s.session, err = ortgo.NewDynamicAdvancedSession(path, in, out, options)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (o Options) build() (*ortgo.SessionOptions, error) {
	options, err := ortgo.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	if o.Threads > 0 {
		err = errors.Join(options.SetIntraOpNumThreads(o.Threads), options.SetInterOpNumThreads(1))
	}
	if o.Unchanged {
		err = errors.Join(err, options.SetGraphOptimizationLevel(ortgo.GraphOptimizationLevelDisableAll))
	}
	return options, err
}

func names(infos []*pb.ValueInfoProto) []string {
	out := make([]string, len(infos))
	for i, v := range infos {
		out[i] = v.GetName()
	}
	return out
}

// Close frees the model.
func (s *Session) Close() error { return s.session.Destroy() }

// Run computes the outputs.
func (s *Session) Run(inputs []onnx.Value) ([]onnx.Value, error) {
	in, err := toORT(inputs)
	if err != nil {
		return nil, err
	}
	defer destroy(in)
	out, err := s.outputs(len(in))
	if err != nil {
		return nil, err
	}
	defer func() { destroy(out) }()
	if err := s.session.Run(in, out); err != nil {
		return nil, err
	}
	values := make([]onnx.Value, len(out))
	for i, v := range out {
		if values[i], err = fromORT(v); err != nil {
			return nil, fmt.Errorf("output %q: %w", s.Outputs[i].GetName(), err)
		}
		values[i].Name = s.Outputs[i].GetName()
		if e, ok := s.widened[i]; ok {
			values[i].Tensor = narrow(values[i].Tensor, e)
		}
	}
	return values, nil
}

// outputs has a place for each output, filled for scalars only: the binding cannot make those by itself.
func (s *Session) outputs(inputs int) ([]ortgo.Value, error) {
	if inputs == 0 {
		return nil, errors.New("the binding cannot run models without inputs")
	}
	out := make([]ortgo.Value, len(s.Outputs))
	for i, info := range s.Outputs {
		t := info.GetType().GetTensorType()
		if t.GetShape() == nil || len(t.Shape.Dim) > 0 || t.ElemType == int32(ir.String) {
			continue
		}
		var err error
		if out[i], err = scalar(ir.Elem(t.ElemType), nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Bind prepares a run that can be repeated without copying: for timing.
func (s *Session) Bind(inputs []onnx.Value) (run func() error, done func(), err error) {
	in, err := toORT(inputs)
	if err != nil {
		return nil, nil, err
	}
	out, err := s.outputs(len(in))
	if err == nil {
		err = s.session.Run(in, out) // allocates the outputs
	}
	if err != nil {
		destroy(in)
		return nil, nil, err
	}
	return func() error { return s.session.Run(in, out) }, func() { destroy(in); destroy(out) }, nil
}

func destroy(vs []ortgo.Value) {
	for _, v := range vs {
		if v != nil {
			v.Destroy()
		}
	}
}

func toORT(vs []onnx.Value) (out []ortgo.Value, err error) {
	for _, v := range vs {
		var o ortgo.Value
		switch {
		case v.Kind == ir.Sequence:
			var elems []ortgo.Value
			if elems, err = toORT(v.Elems); err == nil {
				o, err = ortgo.NewSequence(elems)
			}
		case v.Kind != ir.Tensor || v.Tensor == nil:
			err = errors.New("optional inputs are not supported")
		default:
			o, err = tensorToORT(v.Tensor)
		}
		if err != nil {
			destroy(out)
			return nil, fmt.Errorf("input %q: %w", v.Name, err)
		}
		out = append(out, o)
	}
	return out, nil
}

func tensorToORT(d *ir.Data) (ortgo.Value, error) {
	shape := make([]int64, len(d.Shape))
	for i, n := range d.Shape {
		shape[i] = int64(n)
	}
	if len(shape) == 0 && d.Elem != ir.String {
		return scalar(d.Elem, d.Bytes())
	}
	if d.Elem == ir.String {
		t, err := ortgo.NewStringTensor(shape)
		if err != nil {
			return nil, err
		}
		return t, t.SetContents(d.Str)
	}
	return ortgo.NewCustomDataTensor(shape, slices.Clone(onnx.Pack(d)), ortgo.TensorElementDataType(d.Elem))
}

// typeFromORT is the element type that ONNX Runtime names by a number. Those of two bits come out one lower than they go in.
func typeFromORT(t uint32) ir.Elem {
	if e := ir.Elem(t); e == ir.U2-1 || e == ir.I2-1 {
		return e + 1
	}
	return ir.Elem(t)
}

func fromORT(v ortgo.Value) (onnx.Value, error) {
	if s, ok := v.(*ortgo.Sequence); ok {
		out := onnx.Value{Kind: ir.Sequence}
		elems, err := s.GetValues()
		if err != nil {
			return out, err
		}
		for _, e := range elems {
			x, err := fromORT(e)
			if err != nil {
				return out, err
			}
			out.Elems = append(out.Elems, x)
		}
		return out, nil
	}
	e := typeFromORT(uint32(v.DataType()))
	var shape []int
	n := 1
	for _, k := range v.GetShape() {
		shape = append(shape, int(k))
		n *= int(k)
	}
	var b []byte
	var text []string
	var err error
	switch t := v.(type) {
	case *ortgo.StringTensor:
		text, err = t.GetContents()
	case *ortgo.CustomDataTensor:
		packed := t.GetData() // of small types the binding gives a byte an element, which is more than there is
		packed = packed[:min(len(packed), (n*e.Bits()+7)/8)]
		b, err = onnx.Unpack(e, slices.Clone(packed), n)
	default:
		if b = scalarBytes(v); b == nil {
			b, err = typedBytes(v)
		}
	}
	if err != nil {
		return onnx.Value{}, err
	}
	d := ir.Raw(e, shape, b)
	if e == ir.String {
		d = ir.Strings(shape, text...)
	}
	return onnx.Value{Tensor: d}, d.Check()
}

func typedBytes(v ortgo.Value) ([]byte, error) {
	switch t := v.(type) {
	case *ortgo.Tensor[float32]:
		return bytesOf(t.GetData()), nil
	case *ortgo.Tensor[float64]:
		return bytesOf(t.GetData()), nil
	case *ortgo.Tensor[int8]:
		return bytesOf(t.GetData()), nil
	case *ortgo.Tensor[uint8]:
		return bytesOf(t.GetData()), nil
	case *ortgo.Tensor[int16]:
		return bytesOf(t.GetData()), nil
	case *ortgo.Tensor[uint16]:
		return bytesOf(t.GetData()), nil
	case *ortgo.Tensor[int32]:
		return bytesOf(t.GetData()), nil
	case *ortgo.Tensor[uint32]:
		return bytesOf(t.GetData()), nil
	case *ortgo.Tensor[int64]:
		return bytesOf(t.GetData()), nil
	case *ortgo.Tensor[uint64]:
		return bytesOf(t.GetData()), nil
	case *ortgo.Tensor[bool]:
		return bytesOf(t.GetData()), nil
	}
	return nil, fmt.Errorf("a %T is not supported", v)
}

// bytesOf copies the memory of xs, which the machines that ONNX Runtime runs on keep little-endian.
func bytesOf[T any](xs []T) []byte {
	if len(xs) == 0 {
		return []byte{}
	}
	return slices.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&xs[0])), len(xs)*int(unsafe.Sizeof(xs[0]))))
}

// OpenNamed loads a model of which the names of the inputs and outputs are known, and reads nothing of it itself: for measuring what
// loading costs ONNX Runtime.
func OpenNamed(path string, inputs, outputs []string, o Options) (*Session, error) {
	if err := Start(); err != nil {
		return nil, err
	}
	options, err := o.build()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	s := &Session{Outputs: make([]*pb.ValueInfoProto, len(outputs))}
	if s.session, err = ortgo.NewDynamicAdvancedSession(path, inputs, outputs, options); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
