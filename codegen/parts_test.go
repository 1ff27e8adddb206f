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

// TestLayersShareConstants compiles equal layers that read one constant, too large for the source.
func TestLayersShareConstants(t *testing.T) {
	shared := "f32[70]{" + strings.TrimSuffix(strings.Repeat("0.5,", 70), ",") + "}"
	var layers strings.Builder
	layers.WriteString("table = Const() value=" + shared + "\n")
	at := "x"
	for i := range 5 {
		fmt.Fprintf(&layers, "a%d = Mul(%s, table)\nb%d = Sin(a%d)\nc%d = Sub(b%d, table)\nd%d = Cos(c%d)\n", i, at, i, i, i, i, i, i)
		at = fmt.Sprintf("d%d", i)
	}
	p := program(t, `func f(x f32[b,70]) {
		`+layers.String()+`
		return `+at+`
	}`)
	compareCompiled(t, p, []string{at}, map[string]int{"b": 3})
}
