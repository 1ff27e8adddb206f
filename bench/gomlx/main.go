// Command gomlx runs a model with gomlx's Go backend as often as it is asked to, for sidebyside: the peer among pure Go programs. It loads
// the model, writes a line, and then, for each line that it reads, runs once and writes the nanoseconds that took; a line that names a
// folder asks for the results of the last run instead. It is a module of its own, so that what gomlx depends on is nobody else's.
package main

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/onnx-gomlx/onnx/parser"
)

func main() {
	threads := flag.Int("threads", 1, "number of threads")
	in := flag.String("in", "", "names of the inputs, with commas between")
	out := flag.String("out", "", "names of the outputs")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: gomlx [-threads N] -in NAMES -out NAMES MODEL.onnx INPUT-DIR")
		os.Exit(2)
	}
	runtime.GOMAXPROCS(*threads) // which is what the backend makes its pool of workers by
	if err := serve(flag.Arg(0), flag.Arg(1), strings.Split(*in, ","), strings.Split(*out, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "gomlx:", err)
		os.Exit(1)
	}
}

// serve loads the model, which does not compile it: sizes are known at the first run only.
func serve(path, dir string, in, out []string) error {
	m, err := parser.ParseFile(path)
	if err != nil {
		return err
	}
	defer m.Close()
	store := model.NewStore()
	if err := m.VariablesToScope(store.RootScope()); err != nil {
		return err
	}
	backend, err := gobackend.New("")
	if err != nil {
		return err
	}
	exec, err := model.NewExec(backend, store, func(s *model.Scope, args []*graph.Node) []*graph.Node {
		named := map[string]*graph.Node{}
		for i, a := range args {
			named[in[i]] = a
		}
		return m.CallGraph(s, args[0].Graph(), named, out...)
	})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	args, err := inputs(dir, len(in))
	if err != nil {
		return err
	}
	var results []*tensors.Tensor
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if line := lines.Text(); line != "run" {
			if err := save(line, results); err != nil {
				return err
			}
			fmt.Println(0)
			continue
		}
		for _, r := range results {
			r.FinalizeAll() // its memory goes back to the backend: the next run has it
		}
		start := time.Now()
		if results, err = exec.Call(args...); err != nil {
			return err
		}
		fmt.Println(time.Since(start).Nanoseconds())
	}
	return lines.Err()
}

// inputs reads input_0.raw, input_1.raw ...: two sizes and the elements, all of 64 bits.
func inputs(dir string, n int) (args []any, err error) {
	for i := range n {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("input_%d.raw", i)))
		if err != nil {
			return nil, err
		}
		numbers := make([]int64, len(b)/8)
		for k := range numbers {
			numbers[k] = int64(binary.LittleEndian.Uint64(b[8*k:]))
		}
		args = append(args, tensors.FromFlatDataAndDimensions(numbers[2:], int(numbers[0]), int(numbers[1])))
	}
	return args, nil
}

// save writes results to output_0.raw, output_1.raw ... in dir: float32 numbers, and nothing else.
func save(dir string, results []*tensors.Tensor) error {
	for i, r := range results {
		numbers, err := tensors.CopyFlatData[float32](r)
		if err != nil {
			return err
		}
		b, err := binary.Append(nil, binary.LittleEndian, numbers)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("output_%d.raw", i)), b, 0o666); err != nil {
			return err
		}
	}
	return nil
}
