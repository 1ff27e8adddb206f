package onnx

import (
	"math"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"github.com/gpamc/gpamc/runtime"
)

// The derivatives are what differences of the values say.
func TestGradient(t *testing.T) {
	grad := op("dx, dw, db = "+trainingDomain+"::Gradient(x, w, b)", attr("xs", []string{"x", "w", "b"}), attr("y", "z"))
	m := testModel(t, 21, "x f64[2,3], w f64[3,2], b f64[1,2], k f64[]", "z f64[2,2], dx f64[2,3], dw f64[3,2], db f64[1,2]",
		op("p = MatMul(x, w)"), op("q = Add(p, b)"), op("r = Tanh(q)"), op("s = Sigmoid(q)"), op("u = Mul(r, s)"), op("v = Exp(u)"),
		op("l = Log(v)"), op("a = Sqrt(v)"), op("e = Div(l, a)"), op("f = Sub(e, k)"), op("h = Relu(f)"), op("i = Neg(h)"), op("j = Identity(i)"),
		op("z = Add(j, v)"), grad)
	m.OpsetImport = append(m.OpsetImport, &pb.OperatorSetIdProto{Domain: trainingDomain, Version: 1})
	p, err := importProto(t, m)
	if err != nil {
		t.Fatal(err)
	}
	in := runtime.RandomInputs(p.Main, 3, nil)
	eval := func() []*runtime.Tensor {
		out, err := runtime.Eval(p, in, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var ts []*runtime.Tensor
		for _, v := range out {
			ts = append(ts, v.(*runtime.Tensor))
		}
		return ts
	}
	sum := func() (s float64) {
		z := eval()[0]
		for i := range z.Len() {
			s += z.Float(i)
		}
		return s
	}
	got := eval()[1:]
	for k, d := range got {
		x := in[k].(*runtime.Tensor)
		for i := range x.Len() {
			const h = 1e-5
			at := x.Float(i)
			x.SetFloat(i, at+h)
			up := sum()
			x.SetFloat(i, at-h)
			want := (up - sum()) / (2 * h)
			x.SetFloat(i, at)
			if math.Abs(d.Float(i)-want) > 1e-7 || want == 0 {
				t.Errorf("derivative %d of input %d is %g, want %g", i, k, d.Float(i), want)
			}
		}
	}
}

func TestGradientRefused(t *testing.T) {
	for want, nodes := range map[string][]*pb.NodeProto{
		"the gradient of Sin":   {op("y = Sin(x)"), op("d = "+trainingDomain+"::Gradient(x)", attr("xs", []string{"x"}), attr("y", "y"))},
		"y is not defined":      {op("y = Sin(x)"), op("d = "+trainingDomain+"::Gradient(x)", attr("xs", []string{"x"}), attr("y", "nobody"))},
		`is not the tensor "x"`: {op("y = Sin(x)"), op("d = "+trainingDomain+"::Gradient(y)", attr("xs", []string{"x"}), attr("y", "y"))},
	} {
		m := testModel(t, 21, "x f32[2]", "d "+ir.TN(ir.F32, 2).String(), nodes...)
		m.OpsetImport = append(m.OpsetImport, &pb.OperatorSetIdProto{Domain: trainingDomain, Version: 1})
		wantError(t, m, want)
	}
}
