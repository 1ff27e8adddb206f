package built

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
)

// A package as codegen emits it, but for what it computes.
const source = `package p

import ("errors"; "os")

type Model struct{}
type Options struct{ Threads int }
type Session struct{}
type Tensor struct { Shape []int; Data any }

func Load() (*Model, error) { return &Model{}, nil }
func (m *Model) NewSession(o Options) (*Session, error) { return &Session{}, nil }
func (s *Session) Close() {}
func (s *Session) RunTensors(in []Tensor) ([]Tensor, error) {
	_, _ = errors.New, os.Exit
	BODY
}
`

func TestOneProgramForAll(t *testing.T) {
	freshCache(t)
	bodies := map[string]string{
		"double it":  "y := []float32{}; for _, x := range in[0].Data.([]float32) { y = append(y, 2*x) }; return []Tensor{{in[0].Shape, y}}, nil",
		"error":      `return nil, errors.New("the input is wrong")`,
		"panic":      "var t []Tensor; return t[3:], nil",
		"crash":      `os.Stderr.WriteString("fatal error: gone"); os.Exit(2); return nil, nil`,
		"hang":       "select {}",
		"not a word": "return undefinedName, nil",
	}
	build := func() *Program {
		m, err := New()
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for name, body := range bodies {
			files := map[string][]byte{"p.go": []byte(strings.Replace(source, "BODY", body, 1)), "go.mod": []byte("module p\n")}
			if err := m.Add(name, Package{Files: files, Inputs: []Form{{Elem: ir.F32}}, Results: []Form{{Elem: ir.F32}}}); err != nil {
				t.Fatal(err)
			}
		}
		p, err := m.Build(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := build()
	own := bytes.Repeat([]byte{1}, 256<<20) // memory of this process, which is not the program's
	s := p.Serve()
	defer s.Close()
	do := func(name string) (Done, error) {
		in := onnx.Value{Tensor: ir.Floats(ir.F32, []int{2}, 1, 2)}
		return s.Run(Job{Package: name, Inputs: []onnx.Value{in}, Runs: 2, Limit: 10 * time.Second})
	}
	for name, want := range map[string]string{
		"error": "the input is wrong", "panic": "slice bounds out of range", "crash": "fatal error: gone",
		"not a word": "undefined: undefinedName", "hang": "all goroutines are asleep", "nobody": "BUG: no package",
	} {
		if _, err := do(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		d, err := do("double it") // whatever happened to the process
		if err != nil {
			t.Fatal(err)
		}
		if !d.Outputs[0].Tensor.Equal(ir.Floats(ir.F32, []int{2}, 2, 4)) || len(d.Times) < 2 || d.Load <= 0 || d.Peak <= 0 {
			t.Errorf("after %s: %+v", name, d)
		}
		if d.Peak >= int64(len(own)) {
			t.Errorf("after %s: the program had %d MB of memory", name, d.Peak>>20)
		}
	}
	start := time.Now()
	if again := build(); again.path != p.path || time.Since(start) > 2*time.Second {
		t.Errorf("built again: %s after %v", again.path, time.Since(start))
	}
}

func TestFoldersStayDifferent(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"a/b", "a_b", "a-b", "ab", "A", "a", "é", "internal", "testdata"} {
		folder := folderName(name)
		if other, ok := seen[folder]; ok {
			t.Errorf("%q and %q are both %s", name, other, folder)
		}
		seen[folder] = name
	}
}

// freshCache hides the programs that are kept from earlier runs, but not what the go command keeps.
func freshCache(t *testing.T) {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(out)))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
}

// A full disk is not the fault of a package.
func TestMachines(t *testing.T) {
	full := "# emitted/p-a\ncompile: writing output: write $WORK/b255/_pkg_.a: no space left on device\n"
	if got, want := machines(full), "compile: writing output: write $WORK/b255/_pkg_.a: no space left on device"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := machines("# emitted/p-a\np-a/a.go:3:1: undefined: x\n"); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestEmulator looks for the command that runs programs for another system, as go test does.
func TestEmulator(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	t.Setenv("GOOS", runtime.GOOS)
	t.Setenv("GOARCH", "")
	if by, err := emulator(); by != "" || err != nil {
		t.Errorf("programs for this system want %q, %v", by, err)
	}
	t.Setenv("GOOS", "plan9")
	t.Setenv("GOARCH", "arm")
	const name = "go_plan9_arm_exec"
	if _, err := emulator(); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("without a command the error is %v", err)
	}
	path := filepath.Join(dir, name+exe)
	if err := os.WriteFile(path, nil, 0o777); err != nil {
		t.Fatal(err)
	}
	if by, err := emulator(); by != path || err != nil {
		t.Errorf("programs for plan9 want %q, %v", by, err)
	}
}

// TestWeightsBeside runs a package whose weights are a file: it finds them beside the program, which is kept with them.
func TestWeightsBeside(t *testing.T) {
	freshCache(t)
	text := strings.Replace(source, "func Load() (*Model, error) { return &Model{}, nil }", `func Load(path string) (*Model, error) {
		b, err := os.ReadFile(path)
		number = float32(len(b))
		return &Model{}, err
	}
	var number float32`, 1)
	files := map[string][]byte{"p.go": []byte(strings.Replace(text, "BODY", "return []Tensor{{nil, []float32{number}}}, nil", 1))}
	for range 2 { // built, and then kept
		m, err := New()
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		w, err := m.Weights("p")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteString("seven b"); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := m.Add("p", Package{Files: files, Results: []Form{{Elem: ir.F32}}, Mapped: true}); err != nil {
			t.Fatal(err)
		}
		p, err := m.Build(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		s := p.Serve()
		defer s.Close()
		d, err := s.Run(Job{Package: "p", Runs: 1, Limit: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Outputs[0].Tensor.Float(0); got != 7 {
			t.Errorf("the package saw %g bytes of weights, want 7", got)
		}
	}
}
