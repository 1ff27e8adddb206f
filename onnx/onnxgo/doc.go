// Package onnxgo makes gpamc a backend of github.com/owulveryck/onnx-go: a program that runs its models with
//
//	backend := gorgonnx.NewGraph()
//
// switches with
//
//	backend := onnxgo.NewGraph()
//
// and gets every operator that gpamc knows, fused where gpamc fuses, and computed by the reference runtime.
//
// onnx-go reads the file and hands a backend its nodes. What it does not hand on shapes this package: the opset, see Graph.Opset,
// and which values are outputs, see Node.GetTensor. What it cannot read (graphs as attributes, types such as float16) it refuses
// before a backend hears of it.
package onnxgo
