// Package suite runs folders of ONNX backend tests: a model, sets of inputs, and the outputs that are wanted.
package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
)

// A Case is one folder: model.onnx, and in test_data_set_N the files input_K.pb and output_K.pb.
type Case struct {
	Name string
	Dir  string
	Sets []string // names of the folders with data
	Tol  values.Tolerance
}

// Find returns the tests in dirs, each of which is a test or holds some at any depth. A test is named by its path in dir, or by its
// whole path where that name is taken. Tolerances come from a test's data.json where it has one, and else from tol.
func Find(dirs []string, tol values.Tolerance) ([]Case, error) {
	var cases []Case
	names := map[string]string{}
	for _, dir := range dirs {
		found := 0
		if target, err := filepath.EvalSymlinks(dir); err == nil { // WalkDir follows no links, not even the first
			dir = target
		}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() != "model.onnx" {
				return err
			}
			found++
			c, err := newCase(dir, filepath.Dir(path), tol)
			if other, taken := names[c.Name]; taken {
				if other == c.Dir {
					return err
				}
				c.Name = filepath.ToSlash(c.Dir)
			}
			names[c.Name] = c.Dir
			cases = append(cases, c)
			return err
		})
		if err != nil {
			return nil, err
		}
		if found == 0 {
			return nil, fmt.Errorf("%s: no test is here: a test is a folder with model.onnx and test_data_set_0", dir)
		}
	}
	return cases, nil
}

func newCase(top, dir string, tol values.Tolerance) (Case, error) {
	name, err := filepath.Rel(top, dir)
	if err != nil {
		return Case{}, err
	}
	if name == "." {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return Case{}, err
		}
		name = filepath.Base(abs)
	}
	c := Case{Name: filepath.ToSlash(name), Dir: dir, Tol: tol}
	sets, err := filepath.Glob(filepath.Join(glob(dir), "test_data_set_*"))
	if err != nil {
		return c, err
	}
	if len(sets) == 0 {
		return c, fmt.Errorf("%s: the test has no test_data_set_0", dir)
	}
	for _, s := range sets {
		c.Sets = append(c.Sets, filepath.Base(s))
	}
	slices.Sort(c.Sets)
	b, err := os.ReadFile(filepath.Join(dir, "data.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	var own struct{ Atol, Rtol *float64 }
	if err == nil {
		err = json.Unmarshal(b, &own)
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", filepath.Join(dir, "data.json"), err)
	}
	if own.Atol != nil {
		c.Tol.Abs = *own.Atol
	}
	if own.Rtol != nil {
		c.Tol.Rel = *own.Rtol
	}
	return c, nil
}

// glob escapes what filepath.Glob would take for a pattern.
func glob(dir string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// Model is the path of the case's model.
func (c Case) Model() string { return filepath.Join(c.Dir, "model.onnx") }

// A Set is one set of data. Outputs is nil where only inputs are recorded.
type Set struct {
	Name    string
	Inputs  []onnx.Value
	Outputs []onnx.Value
}

// Read reads the data sets of the case for its program.
func (c Case) Read(p *ir.Program) ([]Set, error) {
	var sets []Set
	for _, name := range c.Sets {
		s := Set{Name: name}
		var err error
		if s.Inputs, err = readFiles(filepath.Join(c.Dir, name, "input_"), paramTypes(p.Main)); err != nil {
			return nil, err
		}
		if s.Outputs, err = readFiles(filepath.Join(c.Dir, name, "output_"), resultTypes(p.Main)); err != nil {
			return nil, err
		}
		if len(s.Inputs) != len(p.Main.Params) {
			return nil, fmt.Errorf("%s: %d input files for the %d inputs of the model", name, len(s.Inputs), len(p.Main.Params))
		}
		if s.Outputs != nil && len(s.Outputs) != len(p.Main.Results) {
			return nil, fmt.Errorf("%s: %d output files for the %d outputs of the model", name, len(s.Outputs), len(p.Main.Results))
		}
		sets = append(sets, s)
	}
	return sets, nil
}

// Beside is the folder with the first set of data beside a model, or "".
func Beside(model string) string {
	dir := filepath.Join(filepath.Dir(model), "test_data_set_0")
	if info, err := os.Stat(dir); model == "" || err != nil || !info.IsDir() {
		return ""
	}
	return dir
}

// Inputs reads the inputs in a folder of data, and brings them to the sizes in dims.
func Inputs(p *ir.Program, dir string, dims map[string]int) ([]onnx.Value, error) {
	c := Case{Dir: filepath.Dir(dir), Sets: []string{filepath.Base(dir)}}
	sets, err := c.Read(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Dir, err)
	}
	if sets, err = resized(p, sets, Options{Dims: dims}); err != nil {
		return nil, err
	}
	return sets[0].Inputs, nil
}

func paramTypes(f *ir.Func) (ts []ir.Type) {
	for _, p := range f.Params {
		ts = append(ts, p.Type)
	}
	return ts
}

func resultTypes(f *ir.Func) (ts []ir.Type) {
	for _, r := range f.Results {
		ts = append(ts, r.Type)
	}
	return ts
}

// readFiles reads prefix0.pb, prefix1.pb and so on until one is missing.
func readFiles(prefix string, types []ir.Type) (vs []onnx.Value, err error) {
	for i := 0; ; i++ {
		path := prefix + strconv.Itoa(i) + ".pb"
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return vs, nil
		}
		var t ir.Type
		if i < len(types) {
			t = types[i]
		}
		v, err := onnx.ReadValue(path, t)
		if err != nil {
			return nil, err
		}
		if v.Kind == ir.Tensor && v.Tensor.Elem == ir.U16 && t.Elem == ir.BF16 {
			v.Tensor.Elem = ir.BF16 // whose bits ONNX's tests had as integers until 1.12
		}
		vs = append(vs, v)
	}
}
