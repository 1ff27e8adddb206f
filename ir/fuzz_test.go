package ir

import "testing"

// FuzzParse checks that the parser does not panic, and that what it reads comes back the same from its own text.
func FuzzParse(f *testing.F) {
	for _, op := range Ops() {
		if ex, err := op.ExampleFunc(); err == nil && ex != nil {
			f.Add(ex.String())
		}
	}
	f.Add("func f(x f32[b,3], \"odd name\" i64[?3]) {\nv = Const() value=f32[2]{1,-inf}\nreturn out=v, [b,2*b+1], dim((b+2)/3)\n}")
	f.Add("func f(c bool[], x f32[2]) {\ny = If(c) then_branch=func() {\nreturn x\n} else_branch=func() {\nz = Neg(x)\nreturn z\n}\nreturn y\n}")
	f.Add("func f(x seq(f32[...]), y opt(str[2])) { # comment\nreturn x, y, str[1]{\"a\\n\"}\n}")
	f.Fuzz(func(t *testing.T, src string) {
		fn, err := Parse(src)
		if err != nil {
			return
		}
		text := fn.String()
		again, err := Parse(text)
		if err != nil {
			t.Fatalf("%v\n%s\nfrom\n%s", err, text, src)
		}
		if got := again.String(); got != text {
			t.Fatalf("text changes:\n%s\n%s", text, got)
		}
	})
}
