package suite

import (
	"maps"
	"slices"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
)

// load reads the case's model, with names for all sizes if opts ask for them.
func (c Case) load(opts Options) (p *ir.Program, err error) {
	for _, load := range c.spellings(opts) {
		if p, err = load(); err == nil {
			break
		}
	}
	return p, err
}

// spellings are the ways to read the case's model, of which the first that can be compiled is. With names for all sizes, one may be the
// length of a vector that says how many dimensions a value has, and then no package can be made, nor some programs; so the second way
// leaves the lengths of vectors of integers.
func (c Case) spellings(opts Options) []func() (*ir.Program, error) {
	if !opts.Dynamic {
		return []func() (*ir.Program, error){func() (*ir.Program, error) { return onnx.Import(c.Model()) }}
	}
	named := func(keep func(t ir.Type) bool) func() (*ir.Program, error) {
		return func() (*ir.Program, error) { return onnx.ImportNamed(c.Model(), keep) }
	}
	return []func() (*ir.Program, error){
		named(func(ir.Type) bool { return false }),
		named(func(t ir.Type) bool { return t.Rank() == 1 && t.Elem.IsInt() }),
	}
}

// oneByOne are other sizes than those recorded, of which a model may take some where others contradict its weights and attributes: 1 for
// each name alone, a little more and twice as much, then twice as much for all.
func oneByOne(recorded map[string]int) (envs []map[string]int) {
	all := maps.Clone(recorded)
	for _, name := range slices.Sorted(maps.Keys(recorded)) {
		was := recorded[name]
		for i, n := range []int{1, was + 1, 2 * was} {
			if was == 0 || n == was || i == 2 && was == 1 { // 0 elements are none to make others from
				continue
			}
			env := maps.Clone(recorded)
			env[name] = n
			envs = append(envs, env)
		}
		all[name] = 2 * was
	}
	if len(envs) > 0 {
		envs = append(envs, all)
	}
	return envs
}
