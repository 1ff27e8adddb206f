// Package machine measures what a processor can do at most: multiplications with additions, and reading memory.
package machine

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

// A Machine is what was measured; the slices are by number of threads, from one on.
type Machine struct {
	Processor string    `json:"processor"`
	Cores     int       `json:"cores"`
	Set       string    `json:"instruction_set"`
	FMA       []float64 `json:"fma_gflops"` // float32, a multiplication and an addition being two
	Read      []float64 `json:"read_gbs"`   // from memory, in 10⁹ bytes a second
}

// Measure measures with 1 to threads threads.
func Measure(threads int) Machine {
	m := Machine{Processor: processor(), Cores: runtime.NumCPU(), Set: instructionSet}
	for n := 1; n <= threads && instructionSet != ""; n++ {
		m.FMA = append(m.FMA, best(n, func(int) float64 { return float64(multiply(fmaSteps)) }))
		blocks := make([][]float32, n)
		for i := range blocks {
			blocks[i] = make([]float32, readFloats)
			for k := range blocks[i] {
				blocks[i][k] = 1 // so that each page is there
			}
		}
		m.Read = append(m.Read, best(n, func(i int) float64 { read(blocks[i]); return 4 * readFloats }))
	}
	return m
}

const (
	fmaSteps   = 1 << 20
	readFloats = 64 << 20 // far more than any cache holds
	attempts   = 10
)

// best is the most that n threads did in a nanosecond, all together, of what f counts.
func best(n int, f func(thread int) float64) float64 {
	most := 0.0
	for range attempts {
		var wait sync.WaitGroup
		counts := make([]float64, n)
		start := time.Now()
		for i := range n {
			wait.Go(func() { counts[i] = f(i) })
		}
		wait.Wait()
		total := 0.0
		for _, c := range counts {
			total += c
		}
		most = max(most, total/float64(time.Since(start)))
	}
	return most
}

func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(b)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				return strings.Trim(name, " \t:\n")
			}
		}
	}
	return runtime.GOARCH
}

func (m Machine) String() string {
	s := fmt.Sprintf("%s, %d cores", m.Processor, m.Cores)
	for i := range m.FMA {
		s += fmt.Sprintf("; %d threads: %.0f GFLOP/s (%s), %.1f GB/s read", i+1, m.FMA[i], m.Set, m.Read[i])
	}
	return s
}
