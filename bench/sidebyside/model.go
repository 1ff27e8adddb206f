package main

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gpamc/gpamc/onnx/onnxtest"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

// A modelRow is what is known of a model before it runs.
type modelRow struct {
	Name    string  `json:"model"`
	Model   int64   `json:"model_bytes"`
	Program int64   `json:"program_bytes"` // the program around the emitted package, with the weights
	Code    int64   `json:"code_bytes"`    // the same without them
	Compile float64 `json:"compile_ms"`
	Build   float64 `json:"go_build_ms"`
}

const modelHeader = "model            ONNX file  program  without weights   compile   go build"

func (m modelRow) String() string {
	mb := func(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
	return fmt.Sprintf("%-15s %10s %10s %14s %7.1f s %8.1f s", m.Name, mb(m.Model), mb(m.Program), mb(m.Code), m.Compile/1e3, m.Build/1e3)
}

// A model is on the disk, with a program around its package.
type model struct {
	modelRow
	float, path, program string   // the model in float32, what ONNX Runtime gets of it, the other side's program
	in, out              []string // names
	vocab                int64
}

// prepare makes the model that goes by name, or takes the one in the folder of that name, and builds its program.
func (o *options) prepare(name string, tools map[string]string) (*model, error) {
	m := &model{modelRow: modelRow{Name: filepath.Base(name)}, float: filepath.Join(name, "model.onnx")}
	dir := filepath.Join(o.cache, m.Name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	if len(o.dirs) == 0 {
		t, err := onnxtest.Named(name)
		if err != nil {
			return nil, err
		}
		if m.float = filepath.Join(dir, "model.onnx"); !exists(m.float) {
			if err := t.Write(dir, 1, 16); err != nil {
				return nil, err
			}
		}
	}
	path, err := filepath.Abs(m.float)
	if err != nil {
		return nil, err
	}
	m.float, m.path = path, path
	if err := m.read(); err != nil {
		return nil, err
	}
	compile := []string{tools["gpamc"], "compile", m.float}
	switch o.precision {
	case "bf16", "int8":
		compile = append(compile, "--precision", o.precision)
	case "quantized":
		compile[2] = filepath.Join(dir, "quantized.onnx")
	}
	if o.precision == "int8" || o.precision == "quantized" {
		if err := m.quantize(filepath.Join(dir, "quantized.onnx")); err != nil {
			return nil, err
		}
	}
	return m, m.build(dir, compile)
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// open reads the model in float32.
func (m *model) open() (*pb.ModelProto, error) {
	b, err := os.ReadFile(m.float)
	if err != nil {
		return nil, err
	}
	m.Model = int64(len(b))
	p := &pb.ModelProto{}
	if err := proto.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("%s: %w", m.float, err)
	}
	return p, nil
}

// quantize writes to path what ONNX Runtime gets of the model.
func (m *model) quantize(path string) error {
	p, err := m.open()
	if err != nil {
		return err
	}
	onnxtest.QuantizeDynamic(p)
	b, err := proto.Marshal(p)
	if err != nil {
		return err
	}
	m.path, m.Model = path, int64(len(b))
	return os.WriteFile(path, b, 0o666)
}

// read takes from the model's file what is to be known.
func (m *model) read() error {
	p, err := m.open()
	if err != nil {
		return err
	}
	stored := map[string]bool{}
	for _, t := range p.Graph.Initializer {
		stored[t.GetName()] = true
		if len(t.Dims) == 2 {
			m.vocab = max(m.vocab, t.Dims[0])
		}
	}
	for _, v := range p.Graph.Input {
		if !stored[v.GetName()] {
			m.in = append(m.in, v.GetName())
		}
	}
	for _, v := range p.Graph.Output {
		m.out = append(m.out, v.GetName())
	}
	return nil
}

//go:embed program.txt
var programFile []byte

// build makes a program around the package that gpamc emits: in dir a module that holds both and depends on nothing.
func (m *model) build(dir string, compile []string) error {
	for name, text := range map[string][]byte{"go.mod": []byte("module sidebyside\n\ngo 1.24\n"), "main.go": programFile} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			return err
		}
	}
	pkg := filepath.Join(dir, "model")
	if err := os.RemoveAll(pkg); err != nil {
		return err
	}
	begin := time.Now()
	if _, err := command(dir, nil, append(compile, "-o", pkg, "--package", "model")...); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(pkg, "go.mod")); err != nil && !os.IsNotExist(err) {
		return err
	}
	m.Compile = milliseconds(time.Since(begin))
	begin = time.Now()
	m.program = filepath.Join(dir, "program")
	if _, err := command(dir, []string{"CGO_ENABLED=0", "GOWORK=off"}, "go", "build", "-o", m.program, "."); err != nil {
		return err
	}
	m.Build = milliseconds(time.Since(begin))
	info, err := os.Stat(m.program)
	if err != nil {
		return err
	}
	weights, err := os.Stat(filepath.Join(pkg, "weights.bin"))
	if err != nil {
		return err
	}
	m.Program, m.Code = info.Size(), info.Size()-weights.Size()
	return nil
}

// inputs writes inputs of a size to a folder: for ONNX Runtime as it is used to, and for the emitted package's program, which is to
// have no more to read them with than the standard library, as numbers alone.
func (m *model) inputs(cache string, z size) (string, error) {
	dir := filepath.Join(cache, m.Name, z.String())
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	t := onnxtest.Transformer{Vocab: m.vocab, Causal: len(m.in) == 1, Seed: 1}
	for i, in := range t.Inputs(z.Batch, z.Length) {
		b, err := proto.Marshal(in)
		if err != nil {
			return "", err
		}
		raw := binary.LittleEndian.AppendUint64(nil, uint64(z.Batch))
		raw = append(binary.LittleEndian.AppendUint64(raw, uint64(z.Length)), in.RawData...)
		for name, data := range map[string][]byte{"pb": b, "raw": raw} {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("input_%d.%s", i, name)), data, 0o666); err != nil {
				return "", err
			}
		}
	}
	return dir, nil
}
