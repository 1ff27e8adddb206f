package pipeline

import (
	"testing"

	"github.com/gpamc/gpamc/ir"
)

func TestFix(t *testing.T) {
	p, err := ir.ParseProgram(`func f(x f32[b,s,8]) {
		v1 = Reshape(x, [b*s,8])
		v2 = Reshape(v1, [b,s,4,2])
		return y=v2
	}`)
	if err != nil {
		t.Fatal(err)
	}
	before := p.String()
	for _, c := range []struct {
		dims map[string]int
		want string
	}{
		{nil, before},
		{map[string]int{"s": 3}, `func f(x f32[b,3,8]) {
    v1 f32[3*b,8] = Reshape(x, [3*b,8])
    v2 f32[b,3,4,2] = Reshape(v1, [b,3,4,2])
    return y=v2
}
`},
		{map[string]int{"s": 3, "b": 2}, `func f(x f32[2,3,8]) {
    v1 f32[6,8] = Reshape(x, [6,8])
    v2 f32[2,3,4,2] = Reshape(v1, [2,3,4,2])
    return y=v2
}
`},
	} {
		q, err := Fix(p, c.dims)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.String(); got != c.want {
			t.Errorf("%v: got\n%s\nwant\n%s", c.dims, got, c.want)
		}
		if err := ir.Verify(q.Main); err != nil {
			t.Error(err)
		}
	}
	if p.String() != before {
		t.Error("the original changed")
	}
}
