package pipeline

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
)

// Narrow makes of p the part that a user wants: inputs in set always have that value, and only results whose names match one of the patterns
// in only are left, all where there is none. Inputs that this leaves without a reader go, unless a size is known from them alone.
func Narrow(p *ir.Program, set map[string]string, only []string) error {
	if len(set) == 0 && len(only) == 0 {
		return nil
	}
	before := p.Main.Uses()
	for name, text := range set {
		if err := p.SetInput(name, text); err != nil {
			return err
		}
	}
	if err := keepResults(p.Main, only); err != nil {
		return err
	}
	// What the values decide must be gone before it shows what is read: these are the passes that everything begins with.
	if _, err := passes.Run(p, passes.Options{Only: []string{"fuse-quantized", "fold", "dce"}}); err != nil {
		return err
	}
	after := p.Main.Uses()
	needed := dimsComputedWith(p.Main)
	for i := len(p.Main.Params) - 1; i >= 0; i-- {
		x, rest := p.Main.Params[i], slices.Delete(slices.Clone(p.Main.Params), i, i+1)
		if before[x] > 0 && after[x] == 0 && sized(rest, needed) {
			p.Main.DropParam(i)
		}
	}
	return nil
}

func keepResults(f *ir.Func, only []string) error {
	if len(only) == 0 {
		return nil
	}
	var results []*ir.Value
	var names, all []string
	matched := map[string]bool{}
	for i, r := range f.Results {
		name := f.ResultName(i)
		all = append(all, strconv.Quote(name))
		for _, pattern := range only {
			ok, err := path.Match(pattern, name)
			if err != nil {
				return fmt.Errorf("%q is no pattern: %w", pattern, err)
			}
			if matched[pattern] = matched[pattern] || ok; ok && !slices.Contains(names, name) {
				results, names = append(results, r), append(names, name)
			}
		}
	}
	for _, pattern := range only {
		if !matched[pattern] {
			return fmt.Errorf("no output is called %q; there are %s", pattern, strings.Join(all, ", "))
		}
	}
	f.Results, f.ResultNames = results, names
	f.Prune()
	return nil
}

// dimsComputedWith are the names of dimensions that f's nodes mention.
func dimsComputedWith(f *ir.Func) map[string]bool {
	names := map[string]bool{}
	f.Walk(func(_ *ir.Func, n *ir.Node) {
		if s, ok := n.Attrs["value"].(ir.SymData); ok {
			for _, d := range s.Dims {
				d.Names(names)
			}
		}
		for _, r := range n.Results {
			for _, d := range r.Type.Shape {
				d.Names(names)
			}
		}
	})
	return names
}

// sized reports whether params know the sizes of all the names in needed; the data decide those with a question mark.
func sized(params []*ir.Value, needed map[string]bool) bool {
	have := map[string]bool{}
	for _, p := range params {
		for _, d := range p.Type.Shape {
			d.Names(have)
		}
	}
	for name := range needed {
		if !have[name] && !strings.HasPrefix(name, "?") {
			return false
		}
	}
	return true
}
