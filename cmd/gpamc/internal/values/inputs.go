package values

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
)

// Inputs reads the files given as NAME=FILE for the parameters of f, in their order. The error has all that is wrong.
func Inputs(f *ir.Func, files []string) ([]onnx.Value, error) {
	paths := map[string]string{}
	var errs []error
	for _, s := range files {
		name, path, ok := strings.Cut(s, "=")
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("--input %s: want NAME=FILE", s))
			continue
		case param(f, name) < 0:
			errs = append(errs, fmt.Errorf("--input %s: the model has no input %q", s, name))
		case paths[name] != "":
			errs = append(errs, fmt.Errorf("--input %s: input %q is given twice", s, name))
		}
		paths[name] = path
	}
	out := make([]onnx.Value, len(f.Params))
	for i, p := range f.Params {
		path, ok := paths[p.Name]
		if !ok {
			errs = append(errs, fmt.Errorf("input %q, %s, is missing: give --input %s=FILE", p.Name, p.Type, p.Name))
			continue
		}
		var err error
		if out[i], err = Read(path, p.Type); err != nil {
			errs = append(errs, fmt.Errorf("input %q: %w", p.Name, err))
		}
	}
	return out, errors.Join(errs...)
}

func param(f *ir.Func, name string) int {
	for i, p := range f.Params {
		if p.Name == name {
			return i
		}
	}
	return -1
}

// Summary is a tensor's type with its first elements.
func Summary(v onnx.Value) string {
	if v.Kind != ir.Tensor {
		return fmt.Sprintf("%s of %d elements", Type(v), len(v.Elems))
	}
	d := v.Tensor
	var s []string
	for i := range min(d.Len(), 6) {
		s = append(s, element(d, i))
	}
	if d.Len() > len(s) {
		s = append(s, "...")
	}
	return fmt.Sprintf("%s %s", d.Type(), strings.Join(s, " "))
}

// Size prints a number of bytes for people.
func Size(n int) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
