package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/gpamc/gpamc/bench/internal/served"
)

// leastCosine is what outputs have at least in common with those of float32: less is a mistake, not a matter of precision.
const leastCosine = 0.95

// served is the command by which a tool serves a model.
func (m *model) served(tool, threads, path, dir string) []string {
	return []string{tool, "-threads", threads, "-in", strings.Join(m.in, ","), "-out", strings.Join(m.out, ","), path, dir}
}

// reference is the model's first output, by ONNX Runtime in float32, for the inputs in dir.
func (m *model) reference(tools map[string]string, dir string) ([]float32, error) {
	p, err := served.Start(m.served(tools["ortserve"], "1", m.float, dir))
	if err != nil {
		return nil, err
	}
	defer p.End()
	return first(p)
}

// first is the first result of a program.
func first(p *served.Program) ([]float32, error) {
	dir, err := os.MkdirTemp("", "sidebyside-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := p.Save(dir); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, "output_0.raw"))
	if err != nil {
		return nil, err
	}
	x := make([]float32, len(b)/4)
	_, err = binary.Decode(b, binary.LittleEndian, x)
	return x, err
}

// like is the cosine of the angle between what p computes and what is wanted.
func like(p *served.Program, want []float32) (float64, error) {
	got, err := first(p)
	if err != nil {
		return 0, err
	}
	if len(got) != len(want) {
		return 0, fmt.Errorf("the first output has %d elements, and %d in float32", len(got), len(want))
	}
	var ab, aa, bb float64
	for i, x := range got {
		a, b := float64(x), float64(want[i])
		ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
	}
	cosine := ab / math.Sqrt(aa*bb)
	if !(cosine >= leastCosine) {
		return 0, fmt.Errorf("the first output has a cosine of %g with that of float32", cosine)
	}
	return cosine, nil
}
