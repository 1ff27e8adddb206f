package onnx

import (
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/onnx/onnxtest"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

// What is not supported of a quantized operator is an error that says so, never another result.
func TestQuantizedRefused(t *testing.T) {
	set := func(attr string, v any) func(n *pb.NodeProto) {
		return func(n *pb.NodeProto) {
			n.Attribute = slices.DeleteFunc(n.Attribute, func(a *pb.AttributeProto) bool { return a.Name == attr })
			n.Attribute = append(n.Attribute, onnxtest.Attr(attr, v))
		}
	}
	input := func(i int, name string) func(n *pb.NodeProto) {
		return func(n *pb.NodeProto) {
			for len(n.Input) <= i {
				n.Input = append(n.Input, "")
			}
			n.Input[i] = name
		}
	}
	for _, c := range []struct {
		sample string
		change func(n *pb.NodeProto)
		want   string
	}{
		{"matmul-4bits-16", set("bits", 3), "weights of 3 bits are not supported"},
		{"matmul-4bits-16", set("block_size", 24), "block_size is 24: a power of 2 from 16 on is wanted"},
		{"matmul-4bits-16", set("weight_prepacked", 1), "a weight that is packed for a device is not supported"},
		{"matmul-4bits-16", set("K", 80), "packed numbers are u8[6,3,8]: 240 bytes are wanted"},
		{"matmul-4bits-groups", input(3, "Scales"), "zero points are not supported together with g_idx"},
		{"matmul-nf4", set("transB", 0), "transB=0, which is for training, is not supported"},
		{"matmul-nf4", set("quant_type", 2), "quant_type is 2: 0 or 1 is wanted"},
		{"gather-4bits", set("quantize_axis", 0), "in blocks along axis 0, chosen along axis 0"},
		{"gather-4bits", set("block_size", 32), "3 scales for 40 elements in blocks of 32"},
		{"gather-4bits", set("bits", 1), "numbers of 1 bits are not supported"},
		{"integer-to-float", input(2, "W"), "input 2 is i8[8,6]: one number is wanted"},
		{"qgemm", input(8, ""), "y_scale and y_zero_point go together"},
		{"qlinear-softmax", func(n *pb.NodeProto) { n.Attribute = nil }, `attribute "opset" is missing`},
		{"qlinear-average-pool", set("dilations", []int64{2, 1}), `attribute "dilations" is not supported`},
		{"qattention", set("do_rotary", 1), "do_rotary=1 is not supported"},
		{"qattention", set("past_present_share_buffer", 1), "past_present_share_buffer=1 is not supported"},
		{"moe-bias", input(6, "Up"), "fc3 is not supported"},
		{"moe-bias", set("use_sparse_mixer", 1), "use_sparse_mixer=1 is not supported"},
		{"moe-bias", set("activation_type", "tanh"), `activation_type "tanh" is not supported`},
		{"moe-swiglu", set("swiglu_fusion", 2), "swiglu_fusion=2 is not supported"},
		{"qmoe-4bits", set("quant_type", "fp8"), `quant_type "fp8" is not supported`},
		{"qmoe-4bits", set("weights_prepacked", 1), "weights that are packed for a device are not supported"},
		{"qmoe-4bits", input(15, "Up"), "a scale of floats of 8 or 4 bits is not supported"},
	} {
		m := proto.Clone(contributedSample(t, c.sample)).(*pb.ModelProto)
		c.change(m.Graph.Node[0])
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ImportBytes("m.onnx", b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.sample, err, c.want)
		}
	}
}

func contributedSample(t *testing.T, name string) *pb.ModelProto {
	for _, s := range onnxtest.Contributed() {
		if s.Name == name {
			return s.Model
		}
	}
	t.Fatalf("no sample is called %q", name)
	return nil
}
