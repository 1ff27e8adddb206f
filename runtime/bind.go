package runtime

import (
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// Bind checks inputs against the parameters of f and enters what the names of their dimensions stand for into env. The error names
// every input that does not fit.
func Bind(f *ir.Func, inputs []Value, env map[string]int) error {
	if len(inputs) != len(f.Params) {
		names := make([]string, len(f.Params))
		for i, p := range f.Params {
			names[i] = p.Name
		}
		return fmt.Errorf("%d inputs instead of %d: %s", len(inputs), len(f.Params), strings.Join(names, ", "))
	}
	// Single names first: they decide expressions, wherever these stand.
	var errs []string
	for _, exprs := range []bool{false, true} {
		for i, p := range f.Params {
			if err := bindType(p.Type, inputs[i], env, exprs); err != nil {
				errs = append(errs, fmt.Sprintf("input %q: %v", p.Name, err))
			}
		}
		if len(errs) > 0 {
			return fmt.Errorf("%s", strings.Join(errs, "; "))
		}
	}
	return nil
}

func bindType(t ir.Type, v Value, env map[string]int, exprs bool) error {
	switch x := v.(type) {
	case nil:
		return fmt.Errorf("a value of type %s is missing", t)
	case *Tensor:
		if t.Kind != ir.Tensor {
			return fmt.Errorf("%s instead of %s", x.Type(), t)
		}
		return bindTensor(t, x, env, exprs)
	default:
		if t.Kind != v.Type().Kind {
			return fmt.Errorf("%s instead of %s", v.Type(), t)
		}
	}
	return nil
}

func bindTensor(t ir.Type, x *Tensor, env map[string]int, exprs bool) error {
	if t.Elem != ir.NoElem && t.Elem != x.Elem {
		return fmt.Errorf("%s instead of %s", x.Type(), t)
	}
	if !t.Ranked() {
		return nil
	}
	if t.Rank() != x.Rank() {
		return fmt.Errorf("%s instead of %s: %d dimensions instead of %d", x.Type(), t, x.Rank(), t.Rank())
	}
	for i, d := range t.Shape {
		if _, single := d.Name(); single != !exprs && !d.IsConst() {
			continue
		}
		if !exprs {
			if name, ok := d.Name(); ok && !has(env, name) {
				env[name] = x.Shape[i]
				continue
			}
		} else if err := solve(d, x.Shape[i], env); err != nil {
			return fmt.Errorf("%s instead of %s: dimension %d is %d: %w", x.Type(), t, i, x.Shape[i], err)
		}
		if n, ok := d.Eval(env); ok && n != x.Shape[i] {
			if d.IsConst() {
				return fmt.Errorf("%s instead of %s: dimension %d is %d instead of %d", x.Type(), t, i, x.Shape[i], n)
			}
			return fmt.Errorf("%s instead of %s: dimension %d is %d, but %s is %d", x.Type(), t, i, x.Shape[i], d, n)
		}
	}
	return nil
}

func has(env map[string]int, name string) bool { _, ok := env[name]; return ok }

// solve enters the one name of d that env lacks, when d is linear in it.
func solve(d ir.Dim, value int, env map[string]int) error {
	names := map[string]bool{}
	d.Names(names)
	unknown := ""
	for name := range names {
		if has(env, name) {
			continue
		}
		if unknown != "" {
			return nil
		}
		unknown = name
	}
	at := func(n int) (int, bool) {
		return d.Subst(map[string]ir.Dim{unknown: ir.N(n)}).Eval(env)
	}
	zero, ok0 := at(0)
	one, ok1 := at(1)
	if unknown == "" || !ok0 || !ok1 || one == zero {
		return nil
	}
	n := (value - zero) / (one - zero)
	if got, ok := at(n); !ok || got != value || n < 0 {
		return fmt.Errorf("no %s makes %s so", unknown, d)
	}
	env[unknown] = n
	return nil
}

// bindResult checks a result against its type and enters the dimensions that only the data decides.
func bindResult(t ir.Type, v Value, env map[string]int) error {
	x, ok := v.(*Tensor)
	if !ok || x == nil || !t.Ranked() || t.Kind != ir.Tensor {
		return nil
	}
	if t.Elem != x.Elem {
		panic(fmt.Sprintf("BUG: %s computed for %s", x.Type(), t))
	}
	if t.Rank() != x.Rank() {
		return fmt.Errorf("computed %s where %s was inferred", x.Type(), t)
	}
	for i, d := range t.Shape {
		name, single := d.Name()
		if single && (strings.HasPrefix(name, "?") || !has(env, name)) {
			env[name] = x.Shape[i]
			continue
		}
		if n, ok := d.Eval(env); ok && n != x.Shape[i] {
			return fmt.Errorf("computed %s where %s was inferred, dimension %d being %d", x.Type(), t, i, n)
		}
	}
	return nil
}

// rebind enters the dimensions of a body's argument, whatever they were before.
func rebind(t ir.Type, v Value, env map[string]int) {
	x, ok := v.(*Tensor)
	if !ok || x == nil || t.Rank() != x.Rank() {
		return
	}
	for i, d := range t.Shape {
		if name, ok := d.Name(); ok {
			env[name] = x.Shape[i]
		}
	}
}
