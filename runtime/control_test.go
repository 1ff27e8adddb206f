package runtime

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
)

// evalFunc evaluates a whole function of vectors of numbers and gives its results as numbers, a line each.
func evalFunc(t *testing.T, src string, inputs ...Value) (string, error) {
	t.Helper()
	f, err := ir.Parse(src)
	if err != nil {
		return "", err
	}
	out, err := Eval(ir.NewProgram(f), inputs, Options{})
	if err != nil {
		return "", err
	}
	var lines []string
	for _, v := range out {
		x, ok := v.(*Tensor)
		if !ok {
			lines = append(lines, v.Type().String())
			continue
		}
		g := ir.NewFunc("g")
		g.Return(ir.NewBuilder(g).Const(x.Data()))
		text := g.String()
		lines = append(lines, text[strings.Index(text, "return ")+7:len(text)-3])
	}
	return strings.Join(lines, " "), nil
}

var two = Floats(ir.F32, []int{2}, 1, 2)

var controlCases = []struct {
	name, src string
	inputs    []Value
	want      string
}{
	{"branches of different shapes", `func f(c bool[], x f32[2]) {
			y = If(c) then_branch=func() {
				return x
			} else_branch=func() {
				d = Concat(x, x) axis=0
				return d
			}
			z = Add(y, y)
			return z
		}`, []Value{ScalarInt(ir.Bool, 0), two}, "f32[4]{2,4,2,4}"},
	{"a loop that counts, carries, collects", `func f(x f32[2]) {
			y, s = Loop(i64[]{3}, _, x) body=func(i i64[], c bool[], h f32[2]) {
				n = Cast(i) to=1
				a = Add(h, n)
				return c, a, n
			}
			return y, s
		}`, []Value{two}, "f32[2]{4,5} f32[3]{0,1,2}"},
	{"a loop that its condition ends", `func f(x i64[]) {
			y, s = Loop(_, bool[]{1}, x) body=func(i i64[], c bool[], h i64[]) {
				d = Add(h, h)
				l = Less(d, i64[]{20})
				return l, d, h
			}
			return y, s
		}`, []Value{ScalarInt(ir.I64, 3)}, "i64[]{24} [3,6,12]"},
	{"a loop that does not begin", `func f(x f32[2]) {
			y, s = Loop(i64[]{0}, _, x) body=func(i i64[], c bool[], h f32[2]) {
				return c, h, h
			}
			return y, s
		}`, []Value{two}, "f32[2]{1,2} f32[0,2]{}"},
	{"a value that grows", `func f(x f32[2]) {
			y = Loop(i64[]{2}, _, x) body=func(i i64[], c bool[], h f32[k]) {
				d = Concat(h, h) axis=0
				return c, d
			}
			z = Neg(y)
			return z
		}`, []Value{two}, "f32[8]{-1,-2,-1,-2,-1,-2,-1,-2}"},
	{"a loop in a loop, both using what is outside", `func f(x f32[2]) {
			y = Loop(i64[]{2}, _, x) body=func(i i64[], c bool[], h f32[2]) {
				z = Loop(i64[]{2}, _, h) body=func(j i64[], e bool[], g f32[2]) {
					a = Add(g, x)
					return e, a
				}
				return c, z
			}
			return y
		}`, []Value{two}, "f32[2]{5,10}"},
	{"a scan there and back", `func f(x f32[2,3]) {
			s, y = Scan(f32[2]{0,0}, x) num_scan_inputs=1 scan_input_axes=[1] scan_input_directions=[1] scan_output_axes=[1] scan_output_directions=[1] body=func(h f32[2], e f32[2]) {
				a = Add(h, e)
				return a, a
			}
			return s, y
		}`, []Value{Floats(ir.F32, []int{2, 3}, 1, 2, 3, 4, 5, 6)}, "f32[2]{6,15} f32[2,3]{6,5,3,15,11,6}"},
	{"sequences", `func f(x f32[2]) {
			e = SequenceEmpty()
			a = SequenceInsert(e, x)
			b = SequenceInsert(a, f32[1]{9}, i64[]{0})
			n = SequenceLength(b)
			m = SequenceMap(b) body=func(v f32[k]) {
				w = Neg(v)
				return w
			}
			c = ConcatFromSequence(m) axis=0
			d = SequenceErase(b, i64[]{-1})
			l = SequenceAt(d, i64[]{-1})
			return n, c, l
		}`, []Value{two}, "i64[]{2} f32[3]{-9,-1,-2} f32[1]{9}"},
	{"pieces", `func f(x f32[5]) {
			p = SplitToSequence(x, i64[]{2})
			l = SequenceAt(p, i64[]{-1})
			q = SplitToSequence(x, i64[2]{1,4})
			m = SequenceAt(q, i64[]{0})
			r = SplitToSequence(x) keepdims=0
			s = ConcatFromSequence(r) axis=0 new_axis=1
			return l, m, s
		}`, []Value{Floats(ir.F32, []int{5}, 1, 2, 3, 4, 5)}, "f32[1]{5} f32[1]{1} f32[5]{1,2,3,4,5}"},
	{"optionals", `func f(x f32[2]) {
			a = Optional(x)
			b = Optional(_) type=f32[2]
			h = OptionalHasElement(a)
			n = OptionalHasElement(b)
			v = OptionalGetElement(a)
			return h, n, v
		}`, []Value{two}, "bool[]{1} bool[]{0} f32[2]{1,2}"},
}

func TestControlFlow(t *testing.T) {
	for _, c := range controlCases {
		got, err := evalFunc(t, strings.ReplaceAll(c.src, "\t", ""), c.inputs...)
		if err != nil || got != c.want {
			t.Errorf("%s: %s (%v), want %s", c.name, got, err, c.want)
		}
	}
}

func TestWrongControlFlow(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"y = If(x) then_branch=func() {\nreturn x\n} else_branch=func() {\nreturn x\n}", "the condition is f32[2], not a boolean"},
		{"y = If(bool[]{1}) then_branch=func() {\nreturn x\n} else_branch=func() {\nreturn bool[]{1}\n}", "result 0 is f32[2] in one branch, bool[] in the other"},
		{"y = Loop(i64[]{1}, _, x) body=func(i i64[], c bool[]) {\nreturn c, x\n}", "the body has 2 parameters for 1 values"},
		{"y = Loop(i64[]{1}, _, x) body=func(i i64[], c bool[], h f32[2]) {\nreturn c, i\n}", "value 0 begins as f32[2], is f32[2] in the body, which makes it i64[]"},
		{"y = SequenceLength(x)", "a sequence is wanted, not f32[2]"},
		{"s = SequenceConstruct(x)\ny = SequenceAt(s, i64[]{1})", "index 1 is not within 1 elements"},
		{"s = SequenceEmpty()\ny = SequenceErase(s)", "the sequence is empty"},
		{"o = Optional(_) type=f32[2]\ny = OptionalGetElement(o)", "the optional holds nothing"},
		{"y = MatMul(x, f32[3]{1,2,3})", "inner dimensions 2 and 3"},
		{"y = Softmax(x) axis=1", "axis 1 is not within rank 1"},
		{`y = Einsum(x) equation="i->j"`, "'j' appears only in the result"},
		{"y = MaxPool(f32[1,1,1]{1}) kernel_shape=[3]", "a window of 3 does not fit into an axis of 1"},
		{"y = Conv(f32[1,2,2]{1,2,3,4}, f32[1,1,1]{1})", "has 2 channels"},
		{"y = LayerNormalization(x, f32[3]{1,2,3})", "cannot be broadcast to f32[2]"},
		{"y = LayerNormalization(f32[1,2]{1,2}, f32[2]{1,1}, i8[2]{0,0})", "the same type of elements"},
		{"y = ONNXAttention(f32[1,1,4]{1,2,3,4}, f32[1,1,4]{1,2,3,4}, f32[1,1,4]{1,2,3,4})", "needs q_num_heads and kv_num_heads"},
		{"y = GroupNormalization(f32[1,3,1]{1,2,3}, f32[3]{1,1,1}, f32[3]{0,0,0}) num_groups=2", "3 does not divide by 2"},
		{`y = RNN(f32[1,1,1]{1}, f32[1,1,1]{1}, f32[1,1,1]{1}) activations=["Sine"]`, `no activation "Sine"`},
		{`y = Resize(x, _, f32[1]{2}) mode="cubist"`, `mode "cubist"`},
		{"y = QuantizeLinear(x, f32[3]{1,1,1}) axis=0", "3 scales for an axis of 2"},
	} {
		_, err := evalFunc(t, "func f(x f32[2]) {\n"+c.src+"\nreturn y\n}", two)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.src, err, c.want)
		}
	}
}
