// Command sidebyside compares an emitted package with ONNX Runtime: it compiles a model with gpamc, builds a program around the
// package, and runs the two in turns on the same inputs.
//
//	go run ./sidebyside [-threads 1,2] [-n 50] MODEL-DIR...
//
// A MODEL-DIR is laid out as an ONNX backend test: model.onnx and test_data_set_0/input_N.pb. ORT_LIB names ONNX Runtime's library.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	threads := flag.String("threads", "1,2", "numbers of threads")
	rounds := flag.Int("n", 50, "number of runs of each")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Args(), strings.Split(*threads, ","), *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "sidebyside:", err)
		os.Exit(1)
	}
}

// A row is what compare prints of one program.
type row struct {
	Name   string  `json:"name"`
	Load   float64 `json:"load_ms"`
	Median float64 `json:"median_ms"`
	Min    float64 `json:"min_ms"`
}

func run(models, threads []string, rounds int) error {
	tmp, err := os.MkdirTemp("", "sidebyside-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	compare := filepath.Join(tmp, "compare")
	if _, err := command(".", nil, "go", "build", "-o", compare, "./compare"); err != nil {
		return err
	}
	fmt.Printf("%-32s %7s %12s %12s %7s %10s %10s\n", "median (min), ms", "threads", "onnxruntime", "gpamc", "ratio", "load", "load")
	for i, model := range models {
		program, err := build(filepath.Join(tmp, fmt.Sprint(i)), model)
		if err != nil {
			return err
		}
		for _, t := range threads {
			out, err := command(".", nil, compare, "-json", "-threads", t, "-n", fmt.Sprint(rounds), "-with", program+" "+t,
				filepath.Join(model, "model.onnx"), filepath.Join(model, "test_data_set_0"))
			if err != nil {
				return err
			}
			var rows []row
			if err := json.Unmarshal(out, &rows); err != nil || len(rows) != 2 {
				return fmt.Errorf("compare printed %s: %v", out, err)
			}
			a, b := rows[0], rows[1]
			fmt.Printf("%-32s %7s %5.2f (%.2f) %5.2f (%.2f) %6.2fx %9.1f %9.1f\n", filepath.Base(model), t,
				a.Median, a.Min, b.Median, b.Min, a.Median/b.Median, a.Load, b.Load)
		}
	}
	return nil
}

// build makes a program around the package that gpamc emits for a model: in dir a module that holds both and uses this repository to
// read the inputs.
func build(dir, model string) (string, error) {
	repo, err := filepath.Abs("..")
	if err != nil {
		return "", err
	}
	if model, err = filepath.Abs(model); err != nil {
		return "", err
	}
	sum, err := os.ReadFile(filepath.Join(repo, "go.sum"))
	if err != nil {
		return "", err
	}
	files := map[string]string{
		"go.mod":  fmt.Sprintf(moduleFile, repo),
		"go.sum":  string(sum),
		"main.go": programFile,
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			return "", err
		}
	}
	if _, err := command(repo, nil, "go", "run", "./cmd/gpamc", "compile", filepath.Join(model, "model.onnx"),
		"-o", filepath.Join(dir, "model"), "--package", "model"); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "program")
	_, err = command(dir, []string{"CGO_ENABLED=0", "GOFLAGS=-mod=mod"}, "go", "build", "-o", program, ".")
	return program, err
}

func command(dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out, nil
}

const moduleFile = `module sidebyside

go 1.26

require github.com/gpamc/gpamc v0.0.0

replace github.com/gpamc/gpamc => %s
`

// programFile loads, writes a line, and then for each line that it reads runs once and writes how many nanoseconds that took.
const programFile = `package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"time"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"sidebyside/model"
)

func main() {
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(threads, dir string) error {
	n, err := strconv.Atoi(threads)
	if err != nil {
		return err
	}
	m, err := model.Load()
	if err != nil {
		return err
	}
	s, err := m.NewSession(model.Options{Threads: n})
	if err != nil {
		return err
	}
	in, err := inputs(dir)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		start := time.Now()
		if _, err := s.RunTensors(in); err != nil {
			return err
		}
		fmt.Println(time.Since(start).Nanoseconds())
	}
	return lines.Err()
}

func inputs(dir string) (in []model.Tensor, err error) {
	for i := 0; ; i++ {
		path := filepath.Join(dir, fmt.Sprintf("input_%d.pb", i))
		if _, err := os.Stat(path); err != nil {
			return in, nil
		}
		v, err := onnx.ReadValue(path, ir.Type{})
		if err != nil {
			return nil, err
		}
		in = append(in, model.Tensor{Shape: v.Tensor.Shape, Data: elements(v.Tensor)})
	}
}

func elements(d *ir.Data) any {
	types := map[ir.Elem]reflect.Type{ir.F32: reflect.TypeFor[float32](), ir.I64: reflect.TypeFor[int64](), ir.I32: reflect.TypeFor[int32](),
		ir.Bool: reflect.TypeFor[bool](), ir.F64: reflect.TypeFor[float64]()}
	s := reflect.MakeSlice(reflect.SliceOf(types[d.Elem]), d.Len(), d.Len())
	for i := range d.Len() {
		switch e := s.Index(i); {
		case d.Elem == ir.Bool:
			e.SetBool(d.Int(i) != 0)
		case d.Elem.IsFloat():
			e.SetFloat(d.Float(i))
		default:
			e.SetInt(d.Int(i))
		}
	}
	return s.Interface()
}
`
