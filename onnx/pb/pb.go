// Package pb holds the messages of ONNX's file format, generated from the schema that lies beside them.
//
// The schema is onnx/onnx's own onnx.proto3, unchanged. The generated file is checked in, so that an ordinary build needs no protoc.
package pb

//go:generate sh -c "protoc --go_out=. --go_opt=paths=source_relative --go_opt=Monnx.proto3=github.com/gpamc/gpamc/onnx/pb onnx.proto3 && mv onnx.proto3.pb.go onnx.pb.go"
