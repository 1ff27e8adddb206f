package codegen_test

import (
	"encoding/gob"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// examples is one program with the example of every operator whose values are all tensors; with dims, the sizes of the parameters are
// names, d3 for 3, and operators that need to know them, or that the reference refuses with these, are left out. ops says which
// operator each result is of.
func examples(t *testing.T, dims map[string]int) (p *ir.Program, ops []string) {
	t.Helper()
	f := ir.NewFunc("f")
	var results []*ir.Value
	for _, op := range ir.Ops() {
		ex, err := op.ExampleFunc()
		if err != nil {
			t.Fatalf("%s: %v", op.Name, err)
		}
		if ex == nil || !compilable(ex) {
			continue
		}
		alone := ir.NewFunc("f")
		out, err := addExample(alone, ex, op.Name, dims != nil)
		if err == nil {
			alone.Return(out...)
			err = evaluates(alone, dims)
		}
		if err == nil {
			out, err = addExample(f, ex, op.Name, dims != nil)
		}
		if err != nil && dims == nil {
			t.Fatalf("%s: %v", op.Name, err)
		}
		if err != nil {
			continue
		}
		for _, r := range out {
			results = append(results, r)
			ops = append(ops, op.Name)
		}
	}
	f.Return(results...)
	return ir.NewProgram(f), ops
}

// evaluates reports why f cannot be evaluated with those sizes, which need not make sense together.
func evaluates(f *ir.Func, dims map[string]int) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	_, err = runtime.Eval(ir.NewProgram(f), runtime.RandomInputs(f, 1, dims), runtime.Options{})
	return err
}

// addExample adds the nodes of an example to f.
func addExample(f, ex *ir.Func, name string, named bool) ([]*ir.Value, error) {
	b := ir.NewBuilder(f)
	m := map[*ir.Value]*ir.Value{}
	for _, v := range ex.Params {
		typ := v.Type
		if named {
			typ.Shape = slices.Clone(typ.Shape)
			for i, d := range typ.Shape {
				if k, ok := d.Const(); ok && k > 1 && v.Name != "w" { // the sizes of weights are known
					typ.Shape[i] = ir.Sym(fmt.Sprintf("d%d", k))
				}
			}
		}
		m[v] = f.Param(name+"_"+v.Name, typ)
	}
	for _, n := range ex.Nodes {
		args := make([]*ir.Value, len(n.Args))
		for i, a := range n.Args {
			args[i] = m[a]
		}
		c, err := b.Add(n.Op, len(n.Results), n.Attrs, nil, args...)
		if err != nil {
			return nil, err
		}
		for i, r := range n.Results {
			if m[r] = c.Results[i]; !m[r].Type.Ranked() {
				return nil, fmt.Errorf("the rank of the result is not known")
			}
		}
	}
	out := make([]*ir.Value, len(ex.Results))
	for i, r := range ex.Results {
		out[i] = m[r]
	}
	return out, nil
}

// compilable reports whether the values of f are tensors of known rank, and its nodes have no bodies.
func compilable(f *ir.Func) bool {
	ok := true
	for _, v := range f.Params {
		ok = ok && v.Type.Ranked()
	}
	f.Walk(func(_ *ir.Func, n *ir.Node) {
		ok = ok && len(n.Bodies) == 0 && n.Op != ir.Weight
		for _, v := range append(n.Results, n.Args...) {
			ok = ok && (v == nil || v.Type.Ranked())
		}
	})
	return ok
}

const exampleMain = `package main

import (
	"encoding/gob"
	"fmt"
	"io"
	"os"

	"emitted"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	m, err := emitted.Load()
	if err != nil {
		return err
	}
	s, err := m.NewSession(emitted.Options{Threads: 2})
	if err != nil {
		return err
	}
	f, err := os.Open("in.gob")
	if err != nil {
		return err
	}
	g, err := os.Create("out.gob")
	if err != nil {
		return err
	}
	from, to := gob.NewDecoder(f), gob.NewEncoder(g)
	for {
		var in []emitted.Tensor
		if err := from.Decode(&in); err != nil {
			if err == io.EOF {
				err = g.Close()
			}
			return err
		}
		out, err := s.RunTensors(in)
		if err == nil {
			err = to.Encode(out)
		}
		if err != nil {
			return err
		}
	}
}
`

// wireTensor is the Tensor of emitted packages.
type wireTensor struct {
	Shape []int
	Data  any
}

// TestExamplesCompiled compiles the example of every operator and compares with the reference.
func TestExamplesCompiled(t *testing.T) {
	p, ops := examples(t, nil)
	dir := compareCompiled(t, p, ops, nil)
	gotool(t, dir, nil, "vet", ".")
}

// TestExamplesOfAnySize does the same with sizes that are known only at run time: those of the examples, others, and none.
func TestExamplesOfAnySize(t *testing.T) {
	for _, c := range []struct {
		name  string
		least int // how many results there must be
		size  func(k int) int
	}{
		{"own", 180, func(k int) int { return k }},
		{"larger", 120, func(k int) int { return 2*k + 1 }},
		{"empty", 120, func(k int) int { return map[bool]int{true: 0, false: k}[k == 3] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dims := map[string]int{}
			for k := range 100 {
				dims[fmt.Sprintf("d%d", k)] = c.size(k)
			}
			p, ops := examples(t, dims)
			if len(ops) < c.least {
				t.Errorf("only %d results", len(ops))
			}
			dir := compareCompiled(t, p, ops, dims)
			gotool(t, dir, nil, "vet", ".")
		})
	}
}

// compareCompiled compiles p, runs it with one session for all the sizes, and compares with the reference. dir is where the package is.
func compareCompiled(t *testing.T, p *ir.Program, ops []string, sizes ...map[string]int) (dir string) {
	t.Helper()
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		var missing codegen.Missing
		if errors.As(err, &missing) {
			t.Fatalf("operators without Go: %v\n%v", missing.Ops(), err)
		}
		t.Fatal(err)
	}
	dir = t.TempDir()
	write(t, dir, out)
	if err := os.Mkdir(filepath.Join(dir, "try"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "try", "main.go"), []byte(exampleMain), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "in.gob"))
	if err != nil {
		t.Fatal(err)
	}
	to := gob.NewEncoder(f)
	wanted := make([][]runtime.Value, len(sizes))
	for k, dims := range sizes {
		inputs := runtime.RandomInputs(p.Main, 1, dims)
		if wanted[k], err = runtime.Eval(p, inputs, runtime.Options{}); err != nil {
			t.Fatalf("%v: %v", dims, err)
		}
		in := make([]wireTensor, len(inputs))
		for i, v := range inputs {
			in[i] = toWire(t, v.(*runtime.Tensor))
		}
		if err := to.Encode(in); err != nil {
			t.Fatal(err)
		}
	}
	gotool(t, dir, nil, "run", "./try")
	g, err := os.Open(filepath.Join(dir, "out.gob"))
	if err != nil {
		t.Fatal(err)
	}
	from := gob.NewDecoder(g)
	for k, want := range wanted {
		var got []wireTensor
		if err := from.Decode(&got); err != nil || len(got) != len(want) {
			t.Fatalf("%v: %d results, want %d: %v", sizes[k], len(got), len(want), err)
		}
		for i := range want {
			if why := differ(got[i], want[i].(*runtime.Tensor)); why != "" {
				t.Errorf("%v: %s: %s", sizes[k], ops[i], why)
			}
		}
	}
	return dir
}

// toWire converts an input of a type that Go has too.
func toWire(t *testing.T, x *runtime.Tensor) wireTensor {
	t.Helper()
	w := wireTensor{Shape: x.Shape}
	like := map[ir.Elem]any{ir.F32: []float32{}, ir.F64: []float64{}, ir.I8: []int8{}, ir.I16: []int16{}, ir.I32: []int32{}, ir.I64: []int64{},
		ir.U8: []uint8{}, ir.U16: []uint16{}, ir.U32: []uint32{}, ir.U64: []uint64{}, ir.Bool: []bool{}, ir.String: []string{}}[x.Elem]
	if like == nil {
		t.Fatalf("an example's input is of type %s", x.Elem)
	}
	list := reflect.MakeSlice(reflect.TypeOf(like), x.Len(), x.Len())
	for i := range x.Len() {
		switch e := list.Index(i); e.Kind() {
		case reflect.String:
			e.SetString(x.S[i])
		case reflect.Bool:
			e.SetBool(x.I[i] != 0)
		default:
			e.Set(reflect.ValueOf(x.Float(i)).Convert(e.Type()))
		}
	}
	w.Data = list.Interface()
	return w
}

// differ says how a compiled result differs from the reference's, "" if it does not by more than single precision explains.
func differ(got wireTensor, want *runtime.Tensor) string {
	if fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		return fmt.Sprintf("shape %v, want %v", got.Shape, want.Shape)
	}
	list := reflect.ValueOf(got.Data)
	if list.Len() != want.Len() {
		return fmt.Sprintf("%d elements for shape %v", list.Len(), got.Shape)
	}
	scale := 1.0
	for i := range want.Len() {
		if want.S == nil && math.Abs(want.Float(i)) <= math.MaxFloat64 { // neither infinite nor NaN
			scale = max(scale, math.Abs(want.Float(i)))
		}
	}
	for i := range want.Len() {
		var x float64
		switch e := list.Index(i); {
		case e.Kind() == reflect.String:
			if e.String() != want.S[i] {
				return fmt.Sprintf("element %d is %q, want %q", i, e.String(), want.S[i])
			}
			continue
		case e.Kind() == reflect.Bool:
			if e.Bool() {
				x = 1
			}
		case e.CanInt():
			x = float64(e.Int())
		case e.CanUint():
			x = float64(e.Uint())
		default:
			x = e.Float()
		}
		y := want.Float(i)
		if x != y && !(x != x && y != y) && !(math.Abs(x-y) <= 1e-5*scale) {
			return fmt.Sprintf("element %d is %g, want %g (%s)", i, x, y, strings.TrimSpace(fmt.Sprint(want.Type())))
		}
	}
	return ""
}

// TestRotary compares what the kernel serves: views, tables for each batch or for all, positions, neighbours, partial turns.
func TestRotary(t *testing.T) {
	f, err := ir.Parse(`func f(x f32[b,s,12,8], c f32[b,s,4], r f32[b,s,4], one f32[1,s,4], table f32[9,2], ids i64[b,s]) {
		h = Transpose(x) perm=[0,2,1,3]
		y0 = RotaryEmbedding(h, c, r)
		y1 = RotaryEmbedding(h, one, one) interleaved=1
		y2 = RotaryEmbedding(h, table, table, ids) rotary_embedding_dim=4
		return y0, y1, y2
	}`)
	if err != nil {
		t.Fatal(err)
	}
	compareCompiled(t, ir.NewProgram(f), []string{"halves", "neighbours", "positions"}, map[string]int{"b": 2, "s": 5})
}
