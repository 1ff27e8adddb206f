package codegen_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// rowSums are sums of rows that are normalised. step is what is one step of each, "" where the sum and the normalization are apart.
var rowSums = []struct{ name, body, results, step string }{
	{"tokens and positions", `
		a@ = Gather(words, ids)
		b@ = Gather(places, row)
		s@ = Add(a@, b@)
		y@ = LayerNormalization(s@, g, h)`, "y@", "Gather, Gather, Add, LayerNormalization"},
	{"three tables, of which the last has the most rows", `
		a@ = Gather(words, ids)
		b@ = Gather(kinds, ids32) axis=-2
		c@ = Add(b@, a@)
		d@ = Gather(places, ids)
		s@ = Add(d@, c@)
		y@ = RMSNormalization(s@, g) epsilon=0.01`, "y@", "Gather, Gather, Add, Gather, Add, RMSNormalization"},
	{"a sum that others read too", `
		a@ = Gather(words, ids)
		s@ = Add(x, a@)
		y@ = LayerNormalization(s@, g)
		z@ = Linear(y@, w, _, s@)`, "y@, z@, s@", "Gather, Add, LayerNormalization"},
	{"two normalizations of one sum", `
		a@ = Gather(words, ids)
		s@ = Add(a@, x)
		y@ = LayerNormalization(s@, g, h)
		z@ = RMSNormalization(s@, h)`, "y@, z@", "Gather, Add, LayerNormalization"},
	{"rows in memory that repeat, and one row", `
		a@ = Gather(kinds, ids32)
		b@ = Add(block, g)
		c@ = Add(a@, each)
		s@ = Add(c@, b@)
		y@ = LayerNormalization(s@, g, h)`, "y@", "Gather, Add, Add, LayerNormalization"},
	{"positions that are added to a bias first", `
		a@ = Gather(words, ids)
		p@ = Gather(places, row)
		b@ = Add(p@, g)
		s@ = Add(a@, b@)
		y@ = LayerNormalization(s@, g, h)`, "y@", "Gather, Add, Gather, Add, LayerNormalization"},
	{"rows with gaps behind them", `
		a@ = Gather(wide, ids)
		s@ = Add(a@, gains)
		n@ = LayerNormalization(s@, gains)
		y@ = Linear(n@, down)`, "y@", "Gather, Add, LayerNormalization"},
	{"a single row", `
		a@ = Gather(words, id)
		s@ = Add(a@, g)
		y@ = LayerNormalization(s@, g, h)`, "y@", "Gather, Add, LayerNormalization"},
	{"one gathered, one that is a result", `
		a@ = Gather(words, ids)
		b@ = Gather(places, ids)
		s@ = Add(a@, b@)
		y@ = LayerNormalization(s@, g, h)`, "y@, b@", "Gather, Add, LayerNormalization"},
	{"more than are added in one step", `
		a@ = Gather(words, ids)
		b@ = Gather(places, ids)
		c@ = Add(a@, b@)
		d@ = Add(c@, x)
		e@ = Add(g, d@)
		f@ = Add(e@, x)
		i@ = Add(f@, g)
		j@ = Add(i@, x)
		k@ = Add(j@, g)
		l@ = Gather(kinds, row)
		s@ = Add(k@, l@)
		y@ = LayerNormalization(s@, g, h)`, "y@", "Gather, Add, LayerNormalization"},
	{"a sum that is read before", `
		a@ = Gather(words, ids)
		s@ = Add(a@, x)
		z@ = Relu(s@)
		y@ = LayerNormalization(s@, g, h)`, "y@, z@", ""},
	{"nothing gathered", `
		s@ = Add(each, x)
		y@ = LayerNormalization(s@, g, h)`, "y@", ""},
	{"gathered twice the same", `
		a@ = Gather(words, ids)
		s@ = Add(a@, a@)
		y@ = LayerNormalization(s@, g, h)`, "y@", ""},
	{"a column", `
		a@ = Gather(words, ids)
		s@ = Add(a@, column)
		y@ = LayerNormalization(s@, g, h)`, "y@", ""},
	{"rows that neither repeat in turn nor one after the other", `
		a@ = Gather(words, grid)
		s@ = Add(a@, between)
		y@ = LayerNormalization(s@, g, h)`, "y@", ""},
	{"a table that the run knows", `
		a@ = Gather(table, ids)
		s@ = Add(a@, x)
		y@ = LayerNormalization(s@, g, h)`, "y@", ""},
	{"columns", `
		a@ = Gather(words, [0,5,5,-1]) axis=1
		s@ = Add(a@, four)
		y@ = LayerNormalization(s@, four)`, "y@", ""},
	{"normalised over two axes", `
		a@ = Gather(words, three)
		s@ = Add(a@, g)
		y@ = LayerNormalization(s@, matrix) axis=-2`, "y@", ""},
	{"double precision", `
		a@ = Gather(double, ids)
		s@ = Add(a@, doubled)
		y@ = LayerNormalization(s@, doubled)`, "y@", ""},
	{"half precision", `
		a@ = Gather(half, ids)
		c@ = Cast(a@) to=1
		s@ = Add(c@, eight)
		y@ = LayerNormalization(s@, eight)`, "y@", ""},
}

// summed matches the line of a sum that is normalised.
var summed = regexp.MustCompile(`\ts@ = .*`)

// rowSumProgram is all of them in one program and, with Identity behind each sum, all of them again, in which that is a step of its own.
func rowSumProgram() (text string, names []string) {
	var b strings.Builder
	b.WriteString(`func f(ids i64[b,s], ids32 i32[b,s], row i64[s], id i64[], three i64[b,3], grid i64[b,s,3], x f32[b,s,24],
		block f32[1,s,24], each f32[b,1,24], column f32[b,s,1], between f32[b,1,3,24], table f32[6,24]) {
		words = Weight() name="words" type=f32[6,24]
		places = Weight() name="places" type=f32[9,24]
		kinds = Weight() name="kinds" type=f32[6,24]
		g = Weight() name="g" type=f32[24]
		h = Weight() name="h" type=f32[24]
		w = Weight() name="w" type=f32[24,24]
		wide = Weight() name="wide" type=f32[6,1024]
		gains = Weight() name="gains" type=f32[1024]
		down = Weight() name="down" type=f32[1024,5]
		four = Weight() name="four" type=f32[4]
		matrix = Weight() name="matrix" type=f32[3,24]
		double = Weight() name="double" type=f64[6,8]
		doubled = Weight() name="doubled" type=f64[8]
		half = Weight() name="half" type=f16[6,8]
		eight = Weight() name="eight" type=f32[8]
`)
	var results []string
	for _, suffix := range []string{"", "x"} {
		for i, c := range rowSums {
			body := c.body
			if suffix != "" {
				body = summed.ReplaceAllString(body, "$0\n\t\tsame@ = Identity(s@)")
				body = strings.ReplaceAll(body, "Normalization(s@", "Normalization(same@")
			}
			for _, r := range strings.Split(c.results, ", ") {
				results = append(results, strings.ReplaceAll(r, "@", fmt.Sprint(i, suffix)))
				names = append(names, c.name+suffix)
			}
			b.WriteString(strings.ReplaceAll(body, "@", fmt.Sprint(i, suffix)))
		}
	}
	fmt.Fprintf(&b, "\n\t\treturn %s\n}", strings.Join(results, ", "))
	return b.String(), names
}

// TestRowSums compiles sums of rows that are normalised: what is one step, that it computes the same as the steps one after the other, bit
// for bit, on any number of threads, and refuses the same indices.
func TestRowSums(t *testing.T) {
	text, names := rowSumProgram()
	p := program(t, text)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	steps := string(out.Files["steps.go"])
	want := map[string]int{}
	for _, c := range rowSums {
		if c.step != "" {
			want["// "+c.step+" f32"]++
			want["sumNorm(s.ctx"]++
		}
	}
	for text, times := range want {
		if n := strings.Count(steps, text); n != times {
			t.Errorf("%q %d times instead of %d", text, n, times)
		}
	}
	if t.Failed() {
		t.Log(steps)
	}
	testEmitted(t, out, "testdata/sums_test.go.txt")
	sizes := []map[string]int{{"b": 1, "s": 1}, {"b": 3, "s": 5}, {"b": 2, "s": 0}}
	compareCompiled(t, p, names, sizes...)
}

// TestRowSumLayers: layers that begin with a normalization leave the first to the step that adds up tokens and positions. They keep it where
// nothing is gathered in a run, and where what it normalises goes on as well.
func TestRowSumLayers(t *testing.T) {
	for _, c := range []struct {
		x0, residual string
		sums         int
	}{
		{"Add(tokens, given)", "n", 1},
		{"Add(tokens, positions)", "n", 1},
		{"Add(given, positions)", "n", 0},
		{"Add(tokens, positions)", "x", 0},
	} {
		var b strings.Builder
		fmt.Fprintf(&b, `func f(ids i64[b,s], given f32[b,s,WIDTH]) {
			words = Weight() name="words" type=f32[9,WIDTH]
			places = Weight() name="places" type=f32[9,WIDTH]
			tokens = Gather(words, ids)
			row i64[s] = Range(0, dim(s), 1)
			positions = Gather(places, row)
			x0 = %s
			g = Weight() name="g" type=f32[WIDTH]
`, c.x0)
		for i := range 3 {
			fmt.Fprintf(&b, `
			g%[1]d = Weight() name="g%[1]d" type=f32[WIDTH]
			up%[1]d = Weight() name="up%[1]d" type=f32[WIDTH,8]
			mid%[1]d = Weight() name="mid%[1]d" type=f32[8,8]
			down%[1]d = Weight() name="down%[1]d" type=f32[8,WIDTH]
			n%[1]d = LayerNormalization(x%[1]d, g%[1]d)
			u%[1]d = Linear(n%[1]d, up%[1]d) act="gelu"
			v%[1]d = Linear(u%[1]d, mid%[1]d) act="tanh"
			x%[2]d = Linear(v%[1]d, down%[1]d, _, %[3]s%[1]d)
`, i, i+1, c.residual)
		}
		b.WriteString("\t\t\ty = LayerNormalization(x3, g)\n\t\t\treturn y\n\t\t}")
		p := program(t, strings.ReplaceAll(b.String(), "WIDTH", "24"))
		out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
		if err != nil {
			t.Fatal(err)
		}
		steps := string(out.Files["steps.go"])
		sums, norms := strings.Count(steps, "sumNorm(s.ctx"), strings.Count(steps, "layerNorm(s.ctx")
		if sums != c.sums || norms != 2-sums || !strings.Contains(steps, "len(w.layer)") {
			t.Errorf("%s, residual %s: %d sums instead of %d:\n%s", c.x0, c.residual, sums, c.sums, steps)
		}
		compareCompiled(t, p, []string{"y"}, map[string]int{"b": 2, "s": 3})
	}
}
