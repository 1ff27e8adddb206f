package ir

import (
	"strings"
	"testing"
)

func TestDimensionsStaySmall(t *testing.T) {
	f := NewFunc("f")
	b := NewBuilder(f)
	x := f.Param("x", T(F32, Sym("a"), Sym("b")))
	shape := b.New(Lookup("Shape"), nil, x)
	n := b.New(Lookup("ReduceSum"), nil, b.New(Lookup("Mul"), nil, shape, shape))
	for range 60 { // each squares a polynomial
		n = b.New(Lookup("Mul"), nil, n, n)
	}
	y := b.New(Lookup("ConstantOfShape"), nil, n)
	z := x
	for range 60 { // each doubles an axis and the expression for it
		z = b.New(Lookup("Concat"), Attrs{"axis": 0}, z, b.New(Lookup("Expand"), nil, z, b.New(Lookup("Shape"), nil, z)))
	}
	for _, v := range []*Value{y, z} {
		if s := v.Type.String(); len(s) > 1000 {
			t.Errorf("a type of %d characters: %s...", len(s), s[:100])
		}
	}
	d := Sym("a").Add(Sym("b")).Add(N(1))
	for range 9 {
		d = d.Mul(d)
	}
	if s := d.String(); !strings.HasPrefix(s, "?x") {
		t.Errorf("a product of %d characters", len(s))
	}
	if err := Verify(f); err != nil {
		t.Error(err)
	}
}

func TestReshapeCancels(t *testing.T) {
	f, err := Parse("func f(x f32[b,s]) {\n y = Reshape(x, [0,-1,128])\n return y\n}")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Results[0].Type.String(); got != "f32[b,s/128,128]" {
		t.Errorf("f32[b,s] in the shape [0,-1,128] is %s", got)
	}
}
