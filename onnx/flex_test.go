package onnx

import (
	"testing"

	"github.com/gpamc/gpamc/onnx/pb"
)

func flexModel(t *testing.T, heads string, attrs ...*pb.AttributeProto) *pb.ModelProto {
	m := testModel(t, 26, "q f16[b,4,s,8], k f16[b,"+heads+",l,8], v f16[b,"+heads+",l,6], x f32[l]", "y f16[b,4,s,6]",
		op("y = ai.onnx.preview::FlexAttention(q, k, v)", attrs...))
	m.OpsetImport = append(m.OpsetImport, &pb.OperatorSetIdProto{Domain: previewDomain, Version: 1})
	return m
}

func TestFlexAttention(t *testing.T) {
	// The graph that changes the scores sees what is outside; the two query heads of a group share a head of v.
	mod := body(t, "p f32[b,4,s,l]", "r f32[b,4,s,l]", op("r = Add(p, x)"))
	wantText(t, flexModel(t, "2", attr("scale", 0.5), attr("score_mod", mod)), `
		v1 f16[b,4,s,l] = Scores(q, k) scale=0.5
		v2 f32[b,4,s,l] = Cast(v1) to=1
		v3 f32[b,4,s,l] = Add(v2, x)
		v4 f32[b,4,s,l] = Softmax(v3)
		v5 f16[b,2,1,l,6] = Unsqueeze(v, [2])
		v6 f16[b,2,2,l,6] = Expand(v5, [b,2,2,l,6])
		v7 f16[b,4,l,6] = Reshape(v6, [b,4,l,6])
		v8 f32[b,4,l,6] = Cast(v7) to=1
		v9 f32[b,4,s,6] = MatMul(v4, v8)
		v10 f16[b,4,s,6] = Cast(v9) to=10
		return y=v10`)
	two := body(t, "p f32[b,4,s,l], z f32[1]", "r f32[b,4,s,l]", op("r = Add(p, z)"))
	wantError(t, flexModel(t, "4", attr("prob_mod", two)), "prob_mod has 2 inputs and 1 outputs instead of one")
	wantError(t, flexModel(t, "3"), "FlexAttention", "4")
}
