package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/gpamc/gpamc/bench/internal/served"
)

// A peer is a build of the program that runs gomlx's Go backend.
type peer struct {
	Name string `json:"build"`
	side
	Ratio      float64 `json:"ratio_of_medians"`   // to ours
	Difference float64 `json:"largest_difference"` // between a result and ours
}

func (p peer) String() string {
	return fmt.Sprintf(" | %16.2f %6.1f %6.1f %4d %5.1f  %.0e", p.Median, p.Ready, p.First, p.Peak>>20, p.Ratio, p.Difference)
}

// peerHeader goes behind runHeader.
func peerHeader(names []string) (s string) {
	for _, n := range names {
		s += fmt.Sprintf(" | %12s: ms  ready  first   MB ratio  diff.", n)
	}
	return s
}

// experiment is what GOEXPERIMENT is for the builds of gomlx.
var experiment = map[string]string{"gomlx": "", "gomlx-simd": "simd"}

// peers are the builds of gomlx that the Go toolchain can make.
func peers() []string {
	if _, err := command(".", []string{"GOEXPERIMENT=simd"}, "go", "env", "GOEXPERIMENT"); err != nil {
		fmt.Fprintln(os.Stderr, "sidebyside: without gomlx-simd:", err)
		return []string{"gomlx"}
	}
	return []string{"gomlx", "gomlx-simd"}
}

// allowed is how far a result of random encoders and decoders, which is of size 1, can be from another's by rounding.
const allowed = 1e-3

// difference is the largest between the results of the last runs of two programs.
func difference(a, b *served.Program, results int) (largest float64, err error) {
	dir, err := os.MkdirTemp("", "results-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var saved [2]string
	for i, p := range []*served.Program{a, b} {
		saved[i] = filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(saved[i], 0o777); err != nil {
			return 0, err
		}
		if err := p.Save(saved[i]); err != nil {
			return 0, err
		}
	}
	for i := range results {
		name := fmt.Sprintf("output_%d.raw", i)
		x, err := os.ReadFile(filepath.Join(saved[0], name))
		if err != nil {
			return 0, err
		}
		y, err := os.ReadFile(filepath.Join(saved[1], name))
		if err != nil {
			return 0, err
		}
		if len(x) != len(y) {
			return 0, fmt.Errorf("result %d has %d elements, ours %d", i, len(y)/4, len(x)/4)
		}
		for k := 0; k < len(x); k += 4 {
			d := math.Abs(float64(float32At(x[k:])) - float64(float32At(y[k:])))
			if !(d <= allowed) { // nor NaN
				return 0, fmt.Errorf("element %d of result %d is %v, ours %v", k/4, i, float32At(y[k:]), float32At(x[k:]))
			}
			largest = max(largest, d)
		}
	}
	return largest, nil
}

func float32At(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
