package onnxgo_test

import (
	"fmt"
	"log"

	gonnx "github.com/gpamc/gpamc/onnx/onnxgo"
	"github.com/owulveryck/onnx-go"
	"gorgonia.org/tensor"
)

// A program written for onnx-go, with another backend.
func Example() {
	backend := gonnx.NewGraph() // was: gorgonnx.NewGraph()
	model := onnx.NewModel(backend)
	if err := model.UnmarshalBinary(softmaxModel); err != nil {
		log.Fatal(err)
	}
	if err := model.SetInput(0, tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{0, 0, 1, 1}))); err != nil {
		log.Fatal(err)
	}
	if err := backend.Run(); err != nil {
		log.Fatal(err)
	}
	output, err := model.GetOutputTensors()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(output[0].Shape(), output[0].Data())
	// Output: (2, 2) [0.5 0.5 0.5 0.5]
}

// softmaxModel is y = Softmax(x) with x of 2 rows and 2 columns, as a file has it.
var softmaxModel = []byte("\x08\x04:>\n\x0f\n\x01x\x12\x01y\"\aSoftmax\x12\x01gZ\x13\n\x01x\x12\x0e\n\f\b\x01\x12\b\n\x02\b\x02\n\x02\b\x02b\x13\n\x01y\x12\x0e\n\f\b\x01\x12\b\n\x02\b\x02\n\x02\b\x02B\x02\x10\t")
