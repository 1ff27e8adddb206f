package codegen_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestLongLoops compiles a loop whose body is longer than what is put into one function, and that has operators with the names of Go's
// own things in it.
func TestLongLoops(t *testing.T) {
	var body strings.Builder
	at := "e"
	for i := range 70 {
		op := []string{"Round", "Tanh", "Floor", "Exp", "Sin"}[i%5]
		fmt.Fprintf(&body, "h%d = %s(%s)\n", i, op, at)
		at = fmt.Sprintf("h%d", i)
	}
	p := program(t, `func f(x f32[b,3], y f32[2,3]) {
		all, rows = Scan(f32[3]{0,0,0}, x) num_scan_inputs=1 body=func(sum f32[3], e f32[3]) {
			`+body.String()+`
			next = Add(sum, `+at+`)
			return next, `+at+`
		}
		after = Round(rows)
		return all, after
	}`)
	compareCompiled(t, p, []string{"all", "after"}, map[string]int{"b": 3})
}

// TestLayersShareConstants compiles equal layers that have weights of their own and read one constant of integers, too large for the source.
func TestLayersShareConstants(t *testing.T) {
	table := func(typ, x string) string {
		return "Const() value=" + typ + "{" + strings.Repeat(x+",", 69) + x + "}\n"
	}
	layers := "shared = " + table("i64[70]", "3")
	at, sum := "x", "y"
	for i := range 5 {
		layers += fmt.Sprintf("t%d = %s", i, table("f32[70]", fmt.Sprint(i+1)))
		layers += fmt.Sprintf("a%d = Gather(shared, %s)\nb%d = Gather(t%d, a%d)\nc%d = Sin(b%d)\nd%d = Add(c%d, %s)\n", i, at, i, i, i, i, i, i, i, sum)
		at, sum = fmt.Sprintf("a%d", i), fmt.Sprintf("d%d", i)
	}
	p := program(t, "func f(x i64[b], y f32[b]) {\n"+layers+"return "+sum+"\n}")
	compareCompiled(t, p, []string{sum}, map[string]int{"b": 3})
}

// TestSliceOfLastRows: a slice from -s on is s rows, or all where s is 0.
func TestSliceOfLastRows(t *testing.T) {
	p := program(t, `func f(x f32[p+s,3], q f32[s,3]) {
    n = Neg(dim(s))
    from = Reshape(n, [1])
    last = Slice(x, from, [9223372036854775807], [0])
    wide = Slice(x, [-3], [9223372036854775807], [0])
    back = Slice(x, [-2], [-9223372036854775807], [0], [-1])
    sum = Add(last, q)
    return last, wide, back, sum
}
`)
	sizes := []map[string]int{{"p": 4, "s": 2}, {"p": 0, "s": 1}, {"p": 1, "s": 0}, {"p": 0, "s": 5}}
	compareCompiled(t, p, []string{"last", "wide", "back", "sum"}, sizes...)
}
