package ort

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/onnx/pb"
)

// ReadValues reads the files prefix_0.pb, prefix_1.pb ... of a folder, as many as there are declarations; ok is false where there are
// fewer.
func ReadValues(dir, prefix string, infos []*pb.ValueInfoProto) (vs []onnx.Value, ok bool, err error) {
	for i, info := range infos {
		path := filepath.Join(dir, fmt.Sprintf("%s_%d.pb", prefix, i))
		if _, err := os.Stat(path); err != nil {
			return vs, false, nil
		}
		v, err := onnx.ReadValue(path, ir.Type{Kind: kind(info)})
		if err != nil {
			return vs, false, err
		}
		vs = append(vs, v)
	}
	return vs, true, nil
}

func kind(info *pb.ValueInfoProto) ir.Kind {
	switch {
	case info.GetType().GetSequenceType() != nil:
		return ir.Sequence
	case info.GetType().GetOptionalType() != nil:
		return ir.Optional
	}
	return ir.Tensor
}
