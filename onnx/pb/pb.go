// Package pb holds the messages of ONNX's files: models (onnx-ml.proto3) and test data (onnx-data.proto3).
//
// The schemas are onnx/onnx's own, unchanged. What is generated from them is checked in, so that an ordinary build needs no protoc.
package pb

//go:generate sh generate
