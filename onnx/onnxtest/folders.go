package onnxtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gpamc/gpamc/onnx/pb"
)

// Write lays s out in dir as an ONNX backend test, without outputs.
func (s Sample) Write(dir string) error {
	set := filepath.Join(dir, "test_data_set_0")
	if err := os.MkdirAll(set, 0o777); err != nil {
		return err
	}
	if s.External {
		var data []byte
		for _, t := range s.Model.Graph.Initializer {
			data = moveOut(t, "model.onnx.data", data)
		}
		if err := os.WriteFile(filepath.Join(dir, "model.onnx.data"), data, 0o666); err != nil {
			return err
		}
	}
	if err := writeMessage(filepath.Join(dir, "model.onnx"), s.Model); err != nil {
		return err
	}
	for i, in := range s.Inputs {
		if err := writeMessage(filepath.Join(set, fmt.Sprintf("input_%d.pb", i)), in); err != nil {
			return err
		}
	}
	return nil
}

// moveOut puts t's data behind what is in the file already.
func moveOut(t *pb.TensorProto, location string, data []byte) []byte {
	entry := func(key, value string) *pb.StringStringEntryProto {
		return &pb.StringStringEntryProto{Key: key, Value: value}
	}
	t.ExternalData = []*pb.StringStringEntryProto{
		entry("location", location), entry("offset", strconv.Itoa(len(data))), entry("length", strconv.Itoa(len(t.RawData))),
	}
	data = append(data, t.RawData...)
	t.DataLocation, t.RawData = pb.TensorProto_EXTERNAL, nil
	return data
}
