package passes

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// A golden case is a command line, IR text, ----, and what must come out; an empty line ends it. Commands:
//
//	pass NAME... expect=RULES [dims=b:2,s:5] [nan=zero] [off=RULES] [not=RULES]
//	why RULE NAME...
//	error
//
// A pass case names the rules that must fire, all of them and no other, and is evaluated before and after: for the dimensions given, for
// all of them 1, and for the first of them 0. nan=zero says that what was NaN before is 0 after. not=
// names rules that the case is there for not to fire, though it may, elsewhere in it.
type golden struct {
	file  string
	line  int // of the command
	words []string
	opts  map[string]string
	input string
	want  string
	at    [2]int // lines of want in the file
}

// covered says of each rule whether a case saw it fire, and whether one saw it not fire where it might have.
var covered = map[string]*struct{ fires, declines bool }{}

func TestGolden(t *testing.T) {
	for _, name := range Names(slices.Concat(Default, Kernel)) {
		covered[name] = new(struct{ fires, declines bool })
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runGolden(t, file) })
	}
	for _, pass := range slices.Concat(Default, Kernel) {
		if covered[pass.Name].fires {
			t.Errorf("a pass and a rule are both named %s", pass.Name)
		}
		delete(covered, pass.Name)
	}
	for name, c := range covered {
		if !c.fires || !c.declines {
			t.Errorf("rule %s: fires in a case: %v; has a case where it must not: %v", name, c.fires, c.declines)
		}
	}
}

// note enters a case in covered. A rule in not= must leave something in the case alone: it fires less often than it is tried, or never.
func (g *golden) note(t *testing.T, s Stats) {
	for name := range s.Fired {
		covered[name].fires = true
	}
	for _, name := range strings.FieldsFunc(g.opts["not"], func(r rune) bool { return r == ',' }) {
		if covered[name] == nil {
			g.fail(t, "no rule %s", name)
			continue
		}
		covered[name].declines = true
	}
}

func runGolden(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	var out []string
	last := 0
	for _, g := range parseGolden(t, file, lines) {
		got := g.run(t)
		if strings.TrimSpace(got) != strings.TrimSpace(g.want) && os.Getenv("GPAMC_UPDATE") == "" {
			t.Errorf("%s:%d: got\n%s\nwant\n%s", file, g.line, got, g.want)
		}
		out = append(append(out, lines[last:g.at[0]]...), strings.TrimSpace(got))
		last = g.at[1]
	}
	if os.Getenv("GPAMC_UPDATE") != "" {
		out = append(out, lines[last:]...)
		if err := os.WriteFile(file, []byte(strings.Join(out, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func parseGolden(t *testing.T, file string, lines []string) (gs []*golden) {
	for i := 0; i < len(lines); i++ {
		if lines[i] == "" || lines[i][0] == '#' {
			continue
		}
		g := &golden{file: file, line: i + 1, opts: map[string]string{}}
		for _, w := range strings.Fields(lines[i]) {
			if k, v, ok := strings.Cut(w, "="); ok {
				g.opts[k] = v
			} else {
				g.words = append(g.words, w)
			}
		}
		begin := i + 1
		for i < len(lines) && lines[i] != "----" {
			i++
		}
		if i == len(lines) {
			t.Fatalf("%s:%d: no ----", file, g.line)
		}
		g.input = strings.Join(lines[begin:i], "\n") + "\n"
		begin = i + 1
		for i < len(lines) && lines[i] != "" {
			i++
		}
		g.at = [2]int{begin, i}
		g.want = strings.Join(lines[min(begin, len(lines)):i], "\n")
		gs = append(gs, g)
	}
	return gs
}

func (g *golden) fail(t *testing.T, format string, args ...any) {
	t.Errorf("%s:%d: %s", g.file, g.line, fmt.Sprintf(format, args...))
}

func (g *golden) run(t *testing.T) string {
	p, err := ir.ParseProgram(g.input)
	if err != nil {
		if g.words[0] != "error" {
			g.fail(t, "%v", err)
		}
		return "error: " + err.Error()
	}
	fillWeights(p)
	before := p.Clone()
	o := Options{}
	names := g.words[1:]
	if g.words[0] == "why" {
		o.Why, names = names[0], names[1:]
	}
	if off := g.opts["off"]; off != "" {
		o.Off = strings.Split(off, ",")
	}
	for _, name := range names {
		o.Passes = append(o.Passes, passNamed(t, name))
	}
	if err := o.Check(); err != nil {
		t.Fatalf("%s:%d: %v", g.file, g.line, err)
	}
	s := run(t, p, o)
	g.agree(t, before, p)
	if again, err := ir.Parse(p.String()); err != nil || again.String() != p.String() {
		g.fail(t, "the output does not go round: %v", err)
	}
	if o.Why != "" {
		return s.Why
	}
	fired := slices.Sorted(maps.Keys(s.Fired))
	g.note(t, s)
	want := []string{}
	if e := g.opts["expect"]; e != "" {
		want = strings.Split(e, ",")
	}
	slices.Sort(want)
	if !slices.Equal(fired, want) {
		g.fail(t, "the rules that fired are expect=%s, not %s", strings.Join(fired, ","), strings.Join(want, ","))
	}
	return p.String()
}

func passNamed(t *testing.T, name string) Pass {
	for _, pass := range slices.Concat(Default, Kernel) {
		if pass.Name == name {
			return pass
		}
	}
	t.Fatalf("no pass %s", name)
	return Pass{}
}

// fillWeights gives the weights of a program from text data that their names decide.
func fillWeights(p *ir.Program) {
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		if n.Op == ir.Weight {
			name := n.Str("name")
			seed := uint64(len(name))
			for _, c := range name {
				seed = seed*31 + uint64(c)
			}
			p.Weights[name] = runtime.RandomTensor(n.Out().Type, seed, map[string]int{}).Data()
		}
	})
}

// agree evaluates both programs and compares.
func (g *golden) agree(t *testing.T, before, after *ir.Program) {
	names := map[string]bool{}
	for _, v := range before.Main.Params {
		for _, d := range v.Type.Shape {
			d.Names(names)
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	given := map[string]int{}
	for i, name := range sorted {
		given[name] = 2 + i
	}
	for _, s := range strings.FieldsFunc(g.opts["dims"], func(r rune) bool { return r == ',' }) {
		name, n, _ := strings.Cut(s, ":")
		given[name], _ = strconv.Atoi(n)
	}
	ones, empty := map[string]int{}, maps.Clone(given)
	for i, name := range sorted {
		ones[name] = 1
		if i == 0 {
			empty[name] = 0
		}
	}
	if !g.compare(t, before, after, given) {
		g.fail(t, "the input cannot be evaluated for %v", given)
	}
	if len(sorted) > 0 {
		g.compare(t, before, after, ones)
		g.compare(t, before, after, empty)
	}
}

// compare reports whether the program before could be evaluated.
func (g *golden) compare(t *testing.T, before, after *ir.Program, dims map[string]int) bool {
	in := runtime.RandomInputs(before.Main, 7, dims)
	x, err := runtime.Eval(before, in, runtime.Options{Dims: dims})
	if err != nil {
		t.Logf("%s:%d: %v: %v", g.file, g.line, dims, err)
		return false
	}
	y, err := runtime.Eval(after, in, runtime.Options{Dims: dims})
	if err != nil {
		g.fail(t, "after, with %v: %v\n%s", dims, err, after)
		return true
	}
	for i := range x {
		a, ok1 := x[i].(*runtime.Tensor)
		b, ok2 := y[i].(*runtime.Tensor)
		if !ok1 || !ok2 {
			continue
		}
		if err := g.same(a, b); err != nil {
			g.fail(t, "result %d with %v: %v", i, dims, err)
		}
	}
	return true
}

// same allows a difference of c·eps·√K·scale, with c·√K = 64 and the scale that of the largest element.
func (g *golden) same(a, b *runtime.Tensor) error {
	if a.Elem != b.Elem || !slices.Equal(a.Shape, b.Shape) {
		return fmt.Errorf("%s became %s", a.Type(), b.Type())
	}
	if a.S != nil || a.C != nil {
		if !slices.Equal(a.S, b.S) || !slices.Equal(a.C, b.C) {
			return fmt.Errorf("%v %v became %v %v", a.S, a.C, b.S, b.C)
		}
		return nil
	}
	eps := map[ir.Elem]float64{ir.F32: 0x1p-23, ir.F64: 0x1p-52, ir.F16: 0x1p-10, ir.BF16: 0x1p-7}[a.Elem]
	scale := 1.0
	for i := range a.Len() {
		if x := math.Abs(a.Float(i)); !math.IsInf(x, 0) {
			scale = max(scale, x)
		}
	}
	for i := range a.Len() {
		x, y := a.Float(i), b.Float(i)
		if math.IsNaN(x) && (math.IsNaN(y) || g.opts["nan"] == "zero" && y == 0) {
			continue
		}
		if x != y && !(math.Abs(x-y) <= 64*eps*scale) {
			return fmt.Errorf("element %d was %v and is %v", i, x, y)
		}
	}
	return nil
}
