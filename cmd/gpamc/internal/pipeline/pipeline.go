// Package pipeline is the way from an imported program to an emitted package: sizes that are fixed, passes, code.
package pipeline

import (
	"slices"

	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
)

// Options say how a program is compiled.
type Options struct {
	Codegen codegen.Options
	Dims    map[string]int // sizes of named dimensions that the package is made for
	Off     []string       // passes and rules not to run
	Dump    func(d passes.PassDump)
}

// List is the passes that a program goes through before its code is generated.
func List() []passes.Pass { return slices.Concat(passes.Default, passes.Kernel) }

// Compile emits a package for p, which is not changed.
func Compile(p *ir.Program, o Options) (*codegen.Output, error) {
	q := p.Clone()
	if err := q.FixDims(o.Dims); err != nil {
		return nil, err
	}
	if _, err := passes.Run(q, passes.Options{Passes: List(), Off: o.Off, Dump: o.Dump}); err != nil {
		return nil, err
	}
	out, err := codegen.Compile(q, o.Codegen)
	if err != nil {
		return nil, err
	}
	if out.Weights != nil {
		out.Files[codegen.WeightsFile] = out.Weights
	}
	return out, nil
}
