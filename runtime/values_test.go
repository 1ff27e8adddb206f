package runtime

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
)

// evalText evaluates expressions in the text form and returns their results as text.
func evalText(t *testing.T, results int, node string) (string, error) {
	t.Helper()
	names := []string{"a", "b", "c", "d"}[:results]
	list := strings.Join(names, ", ")
	f, err := ir.Parse("func f() {\n" + list + " = " + node + "\nreturn " + list + "\n}")
	if err != nil {
		return "", err
	}
	out, err := Eval(ir.NewProgram(f), nil, Options{})
	if err != nil {
		return "", err
	}
	texts := make([]string, len(out))
	for i, v := range out {
		g := ir.NewFunc("g")
		b := ir.NewBuilder(g)
		g.Return(b.Const(v.(*Tensor).Data()))
		text := g.String()
		if _, after, ok := strings.Cut(text, "value="); ok { // too long to stand in the return line
			text = strings.TrimSpace(after[:strings.IndexByte(after, '\n')])
		} else {
			text = strings.TrimSpace(text[strings.Index(text, "return")+6 : strings.LastIndexByte(text, '\n')-1])
		}
		texts[i] = strings.TrimSpace(strings.TrimSuffix(text, "\n"))
	}
	return strings.Join(texts, " "), nil
}

func TestValues(t *testing.T) {
	for _, c := range []struct{ node, want string }{
		// Rounding, signs and what is no number.
		{"Round(f32[5]{0.5,1.5,2.5,-0.5,-2.6})", "f32[5]{0,2,2,-0,-3}"},
		{"Sign(f32[3]{-2,0,nan})", "f32[3]{-1,0,nan}"},
		{"Max(f32[2]{1,inf}, f32[2]{nan,nan})", "f32[2]{nan,nan}"},
		{"Min(f32[2]{1,-inf}, f32[2]{nan,nan})", "f32[2]{nan,nan}"},
		{"IsInf(f32[4]{inf,-inf,nan,1}) detect_positive=0", "bool[4]{0,1,0,0}"},
		{"Add(f16[2]{2048,60000}, f16[2]{1,60000})", "f16[2]{2048,inf}"},
		{"Mul(bf16[1]{1.0078125}, bf16[1]{1.0078125})", "bf16[1]{1.015625}"},
		// Integers wrap, and division cuts towards zero.
		{"Add(i8[2]{127,-128}, i8[2]{1,-1})", "i8[2]{-128,127}"},
		{"Sub(u8[1]{3}, u8[1]{5})", "u8[1]{254}"},
		{"Mul(i32[1]{65536}, i32[1]{65536})", "i32[1]{0}"},
		{"Div(i32[4]{7,-7,7,-7}, i32[4]{2,2,-2,-2})", "i32[4]{3,-3,-3,3}"},
		{"Div(u64[1]{18446744073709551615}, u64[1]{2})", "u64[1]{9223372036854775807}"},
		{"Mod(i32[4]{7,-7,7,-7}, i32[4]{3,3,-3,-3})", "i32[4]{1,2,-2,-1}"},
		{"Mod(i32[4]{7,-7,7,-7}, i32[4]{3,3,-3,-3}) fmod=1", "i32[4]{1,-1,1,-1}"},
		{"Mod(f32[2]{-4.3,4.3}, f32[2]{2.1,2.1}) fmod=1", "f32[2]{-0.10000038,0.10000038}"},
		{"Pow(i32[2]{3,-2}, i64[2]{4,3})", "i32[2]{81,-8}"},
		{"Pow(f32[2]{2,4}, i32[2]{-1,2})", "f32[2]{0.5,16}"},
		{`BitShift(u8[2]{200,3}, u8[2]{1,9}) direction="LEFT"`, "u8[2]{144,0}"},
		{`BitShift(u8[2]{200,3}, u8[2]{1,1}) direction="RIGHT"`, "u8[2]{100,1}"},
		{"Greater(u64[1]{18446744073709551615}, u64[1]{1})", "bool[1]{1}"},
		{"Equal(f32[2]{nan,0}, f32[2]{nan,-0})", "bool[2]{0,1}"},
		{"Clip(f32[3]{-1,0,9}, f32[]{2}, f32[]{1})", "f32[3]{1,1,1}"},
		// Conversions.
		{"Cast(f32[4]{1.9,-1.9,300,nan}) to=9", "bool[4]{1,1,1,1}"},
		{"Cast(f32[2]{1.9,-1.9}) to=7", "[1,-1]"},
		{"Cast(f32[3]{500,-500,inf}) to=17", "f8e4m3fn[3]{448,-448,448}"},
		{"Cast(f32[3]{500,-500,inf}) to=17 saturate=0", "f8e4m3fn[3]{nan,nan,nan}"},
		{"Cast(f32[3]{500,-500,inf}) to=19 saturate=0", "f8e5m2[3]{512,-512,inf}"},
		{"Cast(f32[3]{3,5,6}) to=24", "f8e8m0[3]{4,8,8}"},
		{`Cast(f32[3]{3,5,6}) to=24 round_mode="down"`, "f8e8m0[3]{2,4,4}"},
		{`Cast(f32[3]{3,5,6}) to=24 round_mode="nearest"`, "f8e8m0[3]{4,4,8}"},
		{"Cast(f32[3]{0.25,0.75,7}) to=23", "f4e2m1[3]{0,1,6}"},
		{"Cast(i32[2]{9,-9}) to=22", "i4[2]{-7,7}"},
		{`Cast(str[4]{"1.5","-inf","NaN","1e3"}) to=1`, "f32[4]{1.5,-inf,nan,1000}"},
		{"Cast(f32[3]{1.5,-inf,2}) to=8", `str[3]{"1.5","-INF","2.0"}`},
		{"BitCast(f32[1]{1}) to=6", "i32[1]{1065353216}"},
		// Reductions.
		{"ReduceMax(f32[0,2]{}, [0])", "f32[1,2]{-inf,-inf}"},
		{"ReduceMin(i8[0]{})", "i8[1]{127}"},
		{"ReduceSum(f32[2,2]{1,2,3,4}) noop_with_empty_axes=1", "f32[2,2]{1,2,3,4}"},
		{"ReduceMean(i32[3]{1,2,5})", "i32[1]{2}"},
		{"ReduceL2(i32[2]{3,4})", "i32[1]{5}"},
		{"ReduceProd(f32[2,2]{1,2,3,4}, [1]) keepdims=0", "f32[2]{2,12}"},
		{"ArgMax(f32[4]{1,3,3,2})", "[1]"},
		{"ArgMax(f32[4]{1,3,3,2}) select_last_index=1", "[2]"},
		{"ArgMin(f32[3]{1,nan,0})", "[1]"},
		{"CumSum(i32[4]{1,2,3,4}, 0) exclusive=1 reverse=1", "i32[4]{9,7,4,0}"},
		{"CumProd(f32[3]{2,3,4}, 0)", "f32[3]{2,6,24}"},
		// Data movement.
		{"Slice([0,1,2,3,4,5], [-1], [-100], [0], [-2])", "[5,3,1]"},
		{"Slice([0,1,2,3,4,5], [9], [9223372036854775807])", "[]"},
		{"Gather([10,11,12], i64[2,2]{0,-1,1,2})", "i64[2,2]{10,12,11,12}"},
		{`ScatterElements([1,2,3], [0,0,-1], [5,6,7]) reduction="add"`, "[12,2,10]"},
		{`ScatterND(u8[3]{1,2,3}, i64[2,1]{1,1}, u8[2]{200,100}) reduction="max"`, "u8[3]{1,200,3}"},
		{"Pad([1,2,3], [2,2]) mode=\"reflect\"", "[3,2,1,2,3,2,1]"},
		{"Pad([1,2,3], [2,2]) mode=\"wrap\"", "[2,3,1,2,3,1,2]"},
		{"Pad([1,2,3], [-1,1], 9)", "[2,3,9]"},
		{"Trilu(i64[3,3]{1,2,3,4,5,6,7,8,9}, -1) upper=0", "i64[3,3]{0,0,0,4,0,0,7,8,0}"},
		{"OneHot([1,-1,7], 3, [0,1])", "i64[3,3]{0,1,0,0,0,1,0,0,0}"},
		{"NonZero(i64[2,2]{0,3,4,0})", "i64[2,2]{0,1,1,0}"},
		{"Range(f32[]{10}, f32[]{4}, f32[]{-2})", "f32[3]{10,8,6}"},
		{"ReverseSequence(i64[2,3]{1,2,3,4,5,6}, [2,3]) batch_axis=0 time_axis=1", "i64[2,3]{2,1,3,6,5,4}"},
		{"Compress(i64[2,3]{1,2,3,4,5,6}, bool[2]{0,1}) axis=1", "i64[2,1]{2,5}"},
		{"EyeLike(i64[2,3]{1,2,3,4,5,6}) k=1 dtype=1", "f32[2,3]{0,1,0,0,0,1}"},
		{"Det(f64[2,2]{1,2,3,4})", "f64[]{-2}"},
		{"Where(bool[2]{1,0}, str[1]{\"x\"}, str[2]{\"y\",\"z\"})", `str[2]{"x","z"}`},
	} {
		got, err := evalText(t, 1, c.node)
		if err != nil {
			t.Errorf("%s: %v", c.node, err)
			continue
		}
		if got != c.want {
			t.Errorf("%s is %s, want %s", c.node, got, c.want)
		}
	}
}

func TestSeveralResults(t *testing.T) {
	for _, c := range []struct {
		results    int
		node, want string
	}{
		{2, "TopK([3,1,3,2], [3])", "[3,3,2] [0,2,3]"},
		{2, "TopK(f32[3]{3,1,2}, [1]) largest=0", "f32[1]{1} [1]"},
		{4, "Unique([2,1,1,3,4,3])", "[1,2,3,4] [1,0,3,4] [1,0,0,2,3,2] [2,1,2,1]"},
		{4, "Unique([2,1,1,3,4,3]) sorted=0", "[2,1,3,4] [0,1,3,4] [0,1,1,2,3,2] [1,2,2,1]"},
		{3, "Split([1,2,3,4,5,6,7], _) num_outputs=3", "[1,2,3] [4,5,6] [7]"},
	} {
		got, err := evalText(t, c.results, c.node)
		if err != nil || got != c.want {
			t.Errorf("%s is %s (%v), want %s", c.node, got, err, c.want)
		}
	}
}

func TestWrongDataIsAnError(t *testing.T) {
	for _, c := range []struct{ node, want string }{
		{"Gather([1,2], [2])", "index 2 is not within 2 elements"},
		{"GatherND(i64[2,2]{1,2,3,4}, i64[1,2]{0,5})", "axis 1: index 5"},
		{"Div([1,2], [1,0])", "an integer divided by zero"},
		{"Mod(u64[1]{1}, u64[1]{0})", "an integer divided by zero"},
		{"Expand([1], [-1])", "a dimension of -1"},
		{"Range(1, 5, 0)", "a delta of 0"},
		{`Cast(str[1]{"x"}) to=1`, `parsing "x"`},
		{"TensorScatter(f32[1,2,1]{1,2}, f32[1,1,1]{3}, [2])", "position 2"},
		{"ReverseSequence(i64[2,1]{1,2}, [3])", "length 3"},
	} {
		_, err := evalText(t, 1, c.node)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.node, err, c.want)
		}
	}
}
