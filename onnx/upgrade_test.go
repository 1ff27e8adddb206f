package onnx

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// upgradeCases has, for every row of upgrades and more, an old spelling and what it is today.
var upgradeCases = []struct {
	rows            string // "Op/since" of the rows that it shows
	opset           int64
	inputs, outputs string
	node            *pb.NodeProto
	want            string
}{
	{"Add/7 Sub/7 Mul/7 Div/7 Pow/7", 6, "x f32[2,3,4], y f32[3]", "z f32[2,3,4]", op("z = Add(x, y)", attr("broadcast", 1), attr("axis", 1)), `
		v1 f32[3,1] = Unsqueeze(y, [1])
		v2 f32[2,3,4] = Add(x, v1)
		return z=v2`},
	{"Equal/7 Greater/7 Less/7 And/7 Or/7 Xor/7", 6, "x i32[2,3], y i32[3]", "z bool[2,3]", op("z = Equal(x, y)", attr("broadcast", 1)), `
		v1 bool[2,3] = Equal(x, y)
		return z=v1`},
	{"PRelu/7", 5, "x f32[2,3,4], s f32[3]", "z f32[2,3,4]", op("z = PRelu(x, s)", attr("consumed_inputs", []int64{0})), `
		v1 f32[3,1] = Unsqueeze(s, [1])
		v2 f32[2,3,4] = PRelu(x, v1)
		return z=v2`},
	{"Gemm/7", 6, "x f32[2,3], y f32[3,4], c f32[4]", "z f32[2,4]", op("z = Gemm(x, y, c)", attr("broadcast", 1)), `
		v1 f32[2,4] = Gemm(x, y, c)
		return z=v1`},
	{"BatchNormalization/7 BatchNormalization/9 BatchNormalization/14", 6, "x f32[2,3,4], s f32[3], b f32[3], m f32[3], v f32[3]", "z f32[2,3,4]",
		op("z = BatchNormalization(x, s, b, m, v)", attr("is_test", 1), attr("spatial", 1)), `
		v1 f32[2,3,4] = BatchNormalization(x, s, b, m, v)
		return z=v1`},
	{"Cast/6", 5, "x f32[2]", "z i64[2]", op("z = Cast(x)", &pb.AttributeProto{Name: "to", Type: pb.AttributeProto_STRING, S: []byte("INT64")}), `
		v1 i64[2] = Cast(x) to=7
		return z=v1`},
	{"Clip/11", 10, "x f64[2]", "z f64[2]", op("z = Clip(x)", attr("max", 6.0)), `
		v1 f64[2] = Clip(x, _, 6)
		return z=v1`},
	{"Concat/4", 3, "x f32[2,3], y f32[2,4]", "z f32[2,7]", op("z = Concat(x, y)"), `
		v1 f32[2,7] = Concat(x, y) axis=1
		return z=v1`},
	{"DFT/20", 17, "x f32[2,8,1]", "z f32[2,8,2]", op("z = DFT(x)"), `
		v1 f32[2,8,2] = DFT(x, _, i64[]{1})
		return z=v1`},
	{"Dropout/7 Dropout/12", 6, "x f32[2]", "z f32[2]", op("z = Dropout(x)", attr("ratio", 0.5), attr("is_test", 1)), `
		v1 f32[2] = Dropout(x, 0.5)
		return z=v1`},
	{"Dropout/10", 9, "x f32[2]", "z f32[2], k f32[2]", op("z, k = Dropout(x)", attr("ratio", 0.5)), `
		v1 f32[2], v2 bool[2] = Dropout(x, 0.5)
		v3 f32[2] = Cast(v2) to=1
		return z=v1, k=v3`},
	{"GridSample/20", 16, "x f32[1,1,4,4], g f32[1,2,2,2]", "z f32[1,1,2,2]", op("z = GridSample(x, g)", attr("mode", "bicubic")), `
		v1 f32[1,1,2,2] = GridSample(x, g) mode="cubic"
		return z=v1`},
	{"GroupNormalization/21", 18, "x f32[n,6,4], s f32[2], b f32[2]", "z f32[n,6,4]", op("z = GroupNormalization(x, s, b)", attr("num_groups", 2)), `
		v1 f32[2,1] = Reshape(s, [2,1])
		v2 f32[2,3] = Expand(v1, [2,3])
		v3 f32[6] = Reshape(v2, [-1])
		v4 f32[2,1] = Reshape(b, [2,1])
		v5 f32[2,3] = Expand(v4, [2,3])
		v6 f32[6] = Reshape(v5, [-1])
		v7 f32[n,6,4] = GroupNormalization(x, v3, v6) num_groups=2
		return z=v7`},
	{"Softmax/13 LogSoftmax/13", 11, "x f32[b,2,3]", "z f32[b,2,3]", op("z = Softmax(x)"), `
		v1 f32[b,6] = Flatten(x)
		v2 f32[b,6] = Softmax(v1)
		v3 i64[3] = Shape(x)
		v4 f32[b,2,3] = Reshape(v2, v3)
		return z=v4`},
	{"Hardmax/13", 11, "x f32[b,2,3]", "z f32[b,2,3]", op("z = Hardmax(x)", attr("axis", 2)), `
		v1 f32[b,2,3] = Hardmax(x)
		return z=v1`},
	{"Pad/2 Pad/11", 1, "x f32[2]", "z f32[4]", op("z = Pad(x)", attr("paddings", []int64{1, 1}), attr("value", 2.0)), `
		v1 f32[4] = Pad(x, [1,1], 2)
		return z=v1`},
	{"ReduceSum/13", 11, "x f32[2,3]", "z f32[2]", op("z = ReduceSum(x)", attr("axes", []int64{1}), attr("keepdims", 0)), `
		v1 f32[2] = ReduceSum(x, [1]) keepdims=0
		return z=v1`},
	{"ReduceL1/18 ReduceL2/18 ReduceLogSum/18 ReduceLogSumExp/18 ReduceMax/18 ReduceMean/18 ReduceMin/18 ReduceProd/18 ReduceSumSquare/18", 17,
		"x f32[2,3]", "z f32[1,1]", op("z = ReduceMean(x)", attr("axes", []int64{})), `
		v1 f32[1,1] = ReduceMean(x)
		return z=v1`},
	{"Reshape/5", 4, "x f32[2,3]", "z f32[6]", op("z = Reshape(x)", attr("shape", []int64{-1})), `
		v1 f32[6] = Reshape(x, [-1])
		return z=v1`},
	{"Resize/11 Upsample/10", 9, "x f32[1,1,2,2], s f32[4]", "z f32[1,1,4,4]", op("z = Upsample(x, s)", attr("mode", "linear")), `
		v1 f32[1,1,4,4] = Resize(x, _, s) coordinate_transformation_mode="asymmetric" mode="linear"
		return z=v1`},
	{"Upsample/9", 7, "x f32[1,1,2,2]", "z f32[1,1,4,4]", op("z = Upsample(x)", attr("scales", []float64{1, 1, 2, 2})), `
		v1 f32[1,1,4,4] = Resize(x, _, f32[4]{1,1,2,2}) coordinate_transformation_mode="asymmetric" nearest_mode="floor"
		return z=v1`},
	{"Upsample/7", 6, "x f32[1,1,2,2]", "z f32[1,1,4,6]", op("z = Upsample(x)", attr("height_scale", 2.0), attr("width_scale", 3.0)), `
		v1 f32[1,1,4,6] = Resize(x, _, f32[4]{1,1,2,3}) coordinate_transformation_mode="asymmetric" nearest_mode="floor"
		return z=v1`},
	{"RoiAlign/16", 10, "x f32[1,2,4,4], r f32[3,4], i i64[3]", "z f32[3,2,1,1]", op("z = RoiAlign(x, r, i)"), `
		v1 f32[3,2,1,1] = RoiAlign(x, r, i) coordinate_transformation_mode="output_half_pixel"
		return z=v1`},
	{"Scatter/11", 10, "x f32[4], i i64[2], u f32[2]", "z f32[4]", op("z = Scatter(x, i, u)"), `
		v1 f32[4] = ScatterElements(x, i, u)
		return z=v1`},
	{"Slice/10", 9, "x f32[4,5]", "z f32[4,2]", op("z = Slice(x)", attr("starts", []int64{1}), attr("ends", []int64{3}), attr("axes", []int64{1})), `
		v1 f32[4,2] = Slice(x, [1], [3], [1])
		return z=v1`},
	{"Split/13", 11, "x f32[6]", "y f32[2], z f32[4]", op("y, z = Split(x)", attr("split", []int64{2, 4})), `
		v1 f32[2], v2 f32[4] = Split(x, [2,4])
		return y=v1, z=v2`},
	{"Split/18", 13, "x f32[6]", "y f32[3], z f32[3]", op("y, z = Split(x)"), `
		v1 f32[3], v2 f32[3] = Split(x) num_outputs=2
		return y=v1, z=v2`},
	{"Squeeze/13", 11, "x f32[1,2,1]", "z f32[1,2]", op("z = Squeeze(x)", attr("axes", []int64{2})), `
		v1 f32[1,2] = Squeeze(x, [2])
		return z=v1`},
	{"Unsqueeze/13", 7, "x f32[2]", "z f32[1,2]", op("z = Unsqueeze(x)", attr("axes", []int64{0})), `
		v1 f32[1,2] = Unsqueeze(x, [0])
		return z=v1`},
	{"", 11, "x f32[1,1,2,2], r f32[0], s f32[4]", "z f32[...]",
		op("z = Resize(x, r, s)", attr("coordinate_transformation_mode", "tf_half_pixel_for_nn")), `
		v1 f32[?1,?1.1,?1.2,?1.3] = Resize(x, _, s) nearest_mode="ceil"
		return z=v1`},
	{"TopK/10", 9, "x f32[5]", "y f32[2], z i64[2]", op("y, z = TopK(x)", attr("k", 2)), `
		v1 f32[2], v2 i64[2] = TopK(x, [2])
		return y=v1, z=v2`},
	{"", 16, "x f32[1,1,2,2], r f32[0], s f32[0], n i64[4]", "z f32[...]", op("z = Resize(x, r, s, n)", attr("mode", "linear")), `
		v1 f32[?1,?1.1,?1.2,?1.3] = Resize(x, _, _, n) mode="linear"
		return z=v1`},
	{"", 15, "x f32[2], y i64[3]", "z i64[2]", op("z = CastLike(x, y)"), `
		v1 i64[2] = Cast(x) to=7
		return z=v1`},
}

func TestUpgrades(t *testing.T) {
	shown := map[string]bool{}
	for _, c := range upgradeCases {
		t.Run(fmt.Sprintf("%s-%d", c.node.OpType, c.opset), func(t *testing.T) {
			wantText(t, testModel(t, c.opset, c.inputs, c.outputs, c.node), c.want)
		})
		for _, r := range strings.Fields(c.rows) {
			shown[r] = true
		}
	}
	shown["Tile/6"], shown["Scan/9"] = true, true // the one only refuses, the other has a test of its own
	for _, u := range upgrades {
		if key := fmt.Sprintf("%s/%d", u.op, u.since); !shown[key] {
			t.Errorf("no case shows the upgrade %s", key)
		}
	}
}

// A Resize of opset 10 shrinks to the nearest above and enlarges from the nearest below.
func TestResizeBothWays(t *testing.T) {
	scales := attr("value", tensorProto("", ir.Floats(ir.F32, []int{4}, 1, 1, 2, 0.5)))
	wantText(t, testModel(t, 10, "x f32[1,1,4,4]", "z f32[...]", op("s = Constant()", scales), op("z = Resize(x, s)")), `
		v1 f32[1,1,4,2] = Resize(x, _, f32[4]{1,1,1,0.5}) coordinate_transformation_mode="asymmetric" nearest_mode="ceil"
		v2 f32[1,1,8,2] = Resize(v1, _, f32[4]{1,1,2,1}) coordinate_transformation_mode="asymmetric" nearest_mode="floor"
		return z=v2`)
	wantText(t, testModel(t, 10, "x f32[1,1,4,4], s f32[4]", "z f32[...]", op("z = Resize(x, s)")), `
		v1 f32[4] = Min(s, 1)
		v2 f32[?3,?3.1,?3.2,?3.3] = Resize(x, _, v1) coordinate_transformation_mode="asymmetric" nearest_mode="ceil"
		v3 f32[4] = Max(s, 1)
		v4 f32[?6,?6.1,?6.2,?6.3] = Resize(v2, _, v3) coordinate_transformation_mode="asymmetric" nearest_mode="floor"
		return z=v4`)
}

func TestRefusedForms(t *testing.T) {
	bn := op("z, a, b = BatchNormalization(x, s, s, s, s)")
	wantError(t, testModel(t, 9, "x f32[2,3,4], s f32[3]", "z f32[2,3,4]", bn), "training is not supported")
	wantError(t, testModel(t, 7, "x f32[2,3,4], s f32[3]", "z f32[2,3,4]", op("z = BatchNormalization(x, s, s, s, s)", attr("spatial", 0))), "spatial=0")
	wantError(t, testModel(t, 5, "x f32[2], t i64[], a i64[]", "z f32[...]", op("z = Tile(x, t, a)")), "before opset 6 it is not supported")
	wantError(t, testModel(t, 8, "l i64[2], x f32[2,3]", "z f32[2,3]", op("z = Scan(l, x, x)", attr("num_scan_inputs", 1))), "of different lengths")
}

// The table must be in the order of versions, and every operator in it one that ONNX had then.
func TestUpgradeTable(t *testing.T) {
	last := map[string]int{}
	for _, u := range upgrades {
		if u.since <= last[u.op] {
			t.Errorf("%s: %d comes after %d", u.op, u.since, last[u.op])
		}
		last[u.op] = u.since
		if _, err := version(u.op, u.since-1); err != nil {
			t.Errorf("%s before %d: %v", u.op, u.since, err)
		}
		changed := false
		for _, v := range history[u.op] {
			changed = changed || v == u.since || v == -u.since
		}
		if !changed {
			t.Errorf("%s has no version %d", u.op, u.since)
		}
	}
	for op := range downgrades {
		if forms[op] <= oldestExport {
			t.Errorf("%s needs no downgrade", op)
		}
	}
}
