package passes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
)

// TestNotation matches patterns with the node that computes a function's first result.
func TestNotation(t *testing.T) {
	const params = "x f32[2,3], y f32[2,3], z f32[2,3], k f32[2,3]"
	for _, c := range []struct {
		pattern, body string
		want          string // names that are bound, "" when it does not match
	}{
		{"(Add a b)", "r = Add(x, y)", "a=x b=y"},
		{"(Mul a b)", "r = Add(x, y)", ""},
		{"(Mul|Add a b)", "r = Add(x, y)", "a=x b=y"},
		{"(Add a a)", "r = Add(x, x)", "a=x"},
		{"(Add a a)", "r = Add(x, y)", ""},
		// Both orders of commuting arguments, with backtracking: the first order binds a, and then fails.
		{"(Add (Neg a) b)", "n = Neg(y)\nr = Add(x, n)", "a=y b=x"},
		{"(Add (Mul a b) (Mul a c))", "n = Mul(y, x)\nm = Mul(z, y)\nr = Add(n, m)", "a=y b=x c=z"},
		{"(Sub (Neg a) b)", "n = Neg(y)\nr = Sub(x, n)", ""},
		// Attributes are closed.
		{"(Softmax a)", "r = Softmax(x)", "a=x"},
		{"(Softmax a)", "r = Softmax(x) axis=0", ""},
		{"(Softmax a axis=0)", "r = Softmax(x) axis=0", "a=x"},
		{"(Softmax a axis=0)", "r = Softmax(x)", ""},
		{"(Softmax a axis=_)", "r = Softmax(x) axis=0", "a=x"},
		{"(Gelu a *=_)", "r = Gelu(x) approximate=\"tanh\"", "a=x"},
		{"(Transpose a perm=[1,0])", "r = Transpose(x) perm=[1,0]", "a=x"},
		{"(Transpose a perm=[0,1])", "r = Transpose(x) perm=[1,0]", ""},
		{"(Gelu a approximate=tanh)", "r = Gelu(x) approximate=\"tanh\"", "a=x"},
		// A node inside has no use outside.
		{"(Neg (Relu a))", "n = Relu(x)\nr = Neg(n)", "a=x"},
		{"(Neg (Relu a))", "n = Relu(x)\nm = Abs(n)\nr = Neg(n)\nreturn r, m", ""},
		{"(Neg (Relu a))", "n = Relu(x)\nr = Neg(n)\nreturn r, n", ""},
		{"(Neg *(Relu a))", "n = Relu(x)\nr = Neg(n)\nreturn r, n", "a=x"},
		{"(Neg b:*(Relu a))", "n = Relu(x)\nr = Neg(n)\nreturn r, n", "a=x b=n"},
		{"(Mul d:(Relu a) d)", "n = Relu(x)\nr = Mul(n, n)", "a=x d=n"},
		{"(Mul d:(Relu a) (Neg d))", "n = Relu(x)\nm = Neg(n)\nr = Mul(m, n)", "a=x d=n"},
		// Constants: any, near a number, equal ones under one name.
		{"(Mul a #c)", "r = Mul(x, 3)", "a=x c=3"},
		{"(Mul a #c)", "r = Mul(x, f32[1]{3})", ""},
		{"(Mul a #0.7071067811865476)", "r = Mul(x, 0.70710677)", "a=x"},
		{"(Mul a #0.7071067811865476)", "r = Mul(x, 0.70711)", ""},
		{"(Mul a #0)", "r = Mul(x, 1e-30)", ""},
		{"(Mul a #-inf)", "r = Mul(x, -inf)", "a=x"},
		{"(Add (Mul a #c) #c)", "n = Mul(x, 3)\nr = Add(n, 3)", "a=x c=3"},
		{"(Add (Mul a #c) #c)", "n = Mul(x, 3)\nr = Add(n, 4)", ""},
		{"(ReduceSum a [1])", "r = ReduceSum(x, [1])", "a=x"},
		{"(ReduceSum a [1])", "r = ReduceSum(x, [0])", ""},
		// Arguments that are absent, may be absent, and any number of them.
		{"(Clip a _ b)", "r = Clip(x, _, 1)", "a=x b=1"},
		{"(Clip a _ b)", "r = Clip(x, 0, 1)", ""},
		{"(Clip a b? c?)", "r = Clip(x, 0)", "a=x b=0 c=-"},
		{"(Clip a)", "r = Clip(x, 0)", ""},
		{"(Concat a... axis=_)", "r = Concat(x, y, z) axis=1", "a=[x y z]"},
		{"(Concat a b... axis=_)", "r = Concat(x, y, z) axis=1", "a=x b=[y z]"},
		// Results of their own.
		{"(Sub (Split@1 a axis=1 num_outputs=_) b)", "u, v = Split(k) axis=1 num_outputs=2\nr = Sub(v, u)", "a=k b=u"},
		{"(Sub (Split@0 a num_outputs=_) (Split@1 a num_outputs=_))", "u, v = Split(k) num_outputs=2\nr = Sub(u, v)", "a=k"},
		{"(Sub (Split@0 a num_outputs=_) (Split@1 a num_outputs=_))", "u, v = Split(k) num_outputs=2\nr = Sub(v, u)", ""},
	} {
		if got := matched(t, c.pattern, params, c.body); got != c.want {
			t.Errorf("%s with %q: %q, want %q", c.pattern, c.body, got, c.want)
		}
	}
}

func matched(t *testing.T, pattern, params, body string) (found string) {
	if !strings.Contains(body, "return") {
		body += "\nreturn r"
	}
	p, err := ir.ParseProgram("func f(" + params + ") {\n" + body + "\n}")
	if err != nil {
		t.Fatal(err)
	}
	compiledPattern := parsePattern(pattern)
	rule := Rule{Name: "try", Pattern: pattern, Make: func(_ *ir.Builder, m *Match) *ir.Value {
		if found == "" && m.Root == p.Main.Results[0].Def { // the first of the ways to match
			found = bindings(compiledPattern, m)
		}
		return nil
	}}
	w := &rewriter{graph: newGraph(p), rules: compileRules([]Rule{rule}, nil), fired: map[string]int{}}
	w.run()
	return found
}

// bindings lists what the names of a pattern stand for, in order.
func bindings(p *pattern, m *Match) string {
	var out []string
	seen := map[string]bool{}
	var visit func(p *pattern)
	visit = func(p *pattern) {
		for _, a := range p.args {
			visit(a)
		}
		if p.name == "" || seen[p.name] {
			return
		}
		seen[p.name] = true
		text := func(v *ir.Value) string {
			switch {
			case v == nil:
				return "-"
			case v.Const() != nil:
				return fmt.Sprint(v.Const().Float(0))
			}
			return v.Name
		}
		if list, ok := m.lists[p.name]; ok {
			var names []string
			for _, v := range list {
				names = append(names, text(v))
			}
			out = append(out, fmt.Sprintf("%s=%v", p.name, names))
			return
		}
		out = append(out, p.name+"="+text(m.V(p.name)))
	}
	visit(p)
	return strings.Join(out, " ")
}

func TestBadPatternsAreBugs(t *testing.T) {
	for _, src := range []string{"", "x", "(", "(Add", "(Add x y", "(Nothing x)", "(Add x y) z", "(Add x y nothing=1)", "(Softmax x axis=one)", "s:x"} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "BUG:") {
					t.Errorf("%q: %v", src, r)
				}
			}()
			parsePattern(src)
		}()
	}
}

func TestShapeByName(t *testing.T) {
	p, err := ir.ParseProgram("func f(q f32[b,4,s,8], k f32[b,4,s,8], v f32[b,2,s,8]) {\nr = Add(q, k)\nreturn r, v\n}")
	if err != nil {
		t.Fatal(err)
	}
	m := &Match{vals: map[string]*ir.Value{"q": p.Main.Params[0], "k": p.Main.Params[1], "v": p.Main.Params[2]}}
	for _, c := range []struct {
		name, axes string
		want       bool
	}{
		{"q", "B H S D", true}, {"k", "B H S D", true}, {"v", "B H S D", false}, {"v", "B ? S D", true}, {"q", "B 4 S 8", true},
		{"q", "B H S", false}, {"q", "B B S D", false}, {"q", "B 5 S D", false},
	} {
		if got := m.Shape(c.name, c.axes); got != c.want {
			t.Errorf("%s is %q: %v", c.name, c.axes, got)
		}
	}
	if d := m.Dim("H"); !d.Is(4) {
		t.Errorf("H is %s", d)
	}
}
