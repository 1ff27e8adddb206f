package ir

import "testing"

func TestDimAlgebra(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"batch*seq*48/48", "batch*seq"},
		{"b*seq*48/(4*12)", "b*seq"},
		{"(4*a+4*b)/(a+b)", "4"},
		{"a+b-a", "b"},
		{"(w+2)/3", "(w+2)/3"},
		{"(6*w+2)/3", "2*w"},
		{"(6*w+a)/3+1", "(a/3)+2*w+1"},
		{"(6*w+5)/4", "((3*w)/2)+1"},
		{"(768*w-768*(w%512)+7)/393216", "(-(w%512)+w)/512"},
		{"max(a,a+1)", "a+1"},
		{"max(a,a-a%8)", "a"},
		{"min(a-a%8+8,a)", "a"},
		{"max(7,a%8)", "7"},
		{"min(b,a)", "min(a,b)"},
		{"max(min(a,64),a)", "a"},
		{"min(max(a,b),b)", "b"},
		{"-a+3", "-a+3"},
		{"7%4", "3"},
		{"(a*b+a*c)/(b+c)", "a"},
	} {
		d, err := ParseDim(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		want, err := ParseDim(c.want)
		if err != nil || !d.Equal(want) || d.String() != c.want {
			t.Errorf("%s is %s, want %s", c.in, d, c.want)
		}
	}
}

func TestTextGoesRound(t *testing.T) {
	const src = `func f(x f32[b,3], "odd name" i64[?3]) {
    v1 f32[b,3] = Identity(x)
    v2 f32[2,5] = Const() value=f32[2,5]{1,2,3,4,5,6,7,8,9,1.5}
    v3 f32[4,8] = Weight() name="w" type=f32[4,8]
    return out=v1, v2, [b,2*b+1], "odd name", v3
}
`
	f, err := Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	f.ResultNames = []string{"out", "", "", "", ""}
	if got := f.String(); got != src {
		t.Errorf("got\n%s\nwant\n%s", got, src)
	}
}

func TestFixDims(t *testing.T) {
	f, err := Parse("func f(x f32[b,seq,8]) {\ny = Reshape(x, [b*seq,8])\nreturn y\n}")
	if err != nil {
		t.Fatal(err)
	}
	p := NewProgram(f)
	if err := p.FixDims(map[string]int{"batch": 2}); err == nil {
		t.Error("an unknown name passes")
	}
	if err := p.FixDims(map[string]int{"seq": 5}); err != nil {
		t.Fatal(err)
	}
	if err := Verify(f); err != nil {
		t.Error(err)
	}
	if got, want := f.Results[0].Type.String(), "f32[5*b,8]"; got != want {
		t.Errorf("the result is %s, want %s", got, want)
	}
}
