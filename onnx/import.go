package onnx

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/mapped"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

// Import reads a model. Its external data must lie in the model's folder or below; it is mapped, not copied.
func Import(path string) (*ir.Program, error) {
	b, err := readModel(path)
	if err != nil {
		return nil, err
	}
	return importModel(path, b, newFolder(filepath.Dir(path)), nil)
}

// ImportBytes reads a model without external data; name stands for it in messages.
func ImportBytes(name string, b []byte) (*ir.Program, error) { return importModel(name, b, nil, nil) }

// readModel maps a regular file, so that reading a model of gigabytes needs them once, and reads any other.
func readModel(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s: a folder, no ONNX model", path)
	case info.Mode().IsRegular() && info.Size() > 1<<20:
		return mapped.File(f, info.Size())
	}
	return io.ReadAll(f)
}

// An importer builds one program.
type importer struct {
	file      string
	files     fileSource
	prog      *ir.Program
	functions map[functionKey]*pb.FunctionProto
	opsets    map[string]int // by domain, of the model
	dims      *dimNames
	calls     []functionKey               // the functions that are being inlined, to find recursion
	free      map[*pb.GraphProto][]string // what a graph takes from around it
	same      map[string]ir.Dim           // dimensions without a name that are others
	budget    int                         // nodes that may still be built, so that nested functions cannot grow without bound
}

// importModel reads a model from its bytes. Its graph is given to edit first, if there is one.
func importModel(file string, b []byte, files fileSource, edit func(*pb.GraphProto)) (*ir.Program, error) {
	fail := func(err error) (*ir.Program, error) { return nil, fmt.Errorf("%s: %w", file, err) }
	m := &pb.ModelProto{}
	if err := proto.Unmarshal(b, m); err != nil {
		return fail(fmt.Errorf("no ONNX model, or a damaged one: %w", err))
	}
	if m.Graph == nil {
		return fail(errors.New("no ONNX model: it has no graph"))
	}
	if edit != nil {
		edit(m.Graph)
	}
	p, unnamed, err := build(file, m, files, len(b), nil)
	if err != nil {
		return fail(err)
	}
	if same := unified(p.Main, unnamed); len(same) > 0 {
		if p, _, err = build(file, m, files, len(b), same); err != nil {
			return fail(err)
		}
	}
	return p, nil
}

// build builds the program of a model of size bytes, and says which of its dimensions had no name. Those in same are others.
func build(file string, m *pb.ModelProto, files fileSource, size int, same map[string]ir.Dim) (*ir.Program, map[string]bool, error) {
	im := &importer{file: file, files: files, functions: map[functionKey]*pb.FunctionProto{}, free: map[*pb.GraphProto][]string{}, budget: 100_000 + size/4, same: same}
	var err error
	if im.opsets, err = opsetsOf(m); err != nil {
		return nil, nil, err
	}
	for _, f := range m.Functions {
		k := functionKey{domain(f.GetDomain()), f.GetName(), f.GetOverload()}
		if im.functions[k] != nil {
			return nil, nil, fmt.Errorf("function %s is defined twice", k)
		}
		im.functions[k] = f
	}
	if err := im.supported(m.Graph); err != nil {
		return nil, nil, err
	}
	im.prog = ir.NewProgram(ir.NewFunc(graphName(m.Graph)))
	im.prog.Source, im.prog.Doc, im.prog.Opset = file, m.GetDocString(), im.opsets[""]
	for _, e := range m.MetadataProps {
		im.prog.Meta[e.GetKey()] = e.GetValue()
	}
	if err := im.main(m.Graph); err != nil {
		return nil, nil, err
	}
	im.prog.Main.Prune()
	used := usedWeights(im.prog.Main)
	maps.DeleteFunc(im.prog.Weights, func(name string, _ *ir.Data) bool { return !used[name] })
	return im.prog, im.dims.unnamed, nil
}

func graphName(g *pb.GraphProto) string {
	if g.GetName() == "" {
		return "main"
	}
	return g.GetName()
}

// usedWeights are the names of the weights that f mentions.
func usedWeights(f *ir.Func) map[string]bool {
	used := map[string]bool{}
	f.Walk(func(_ *ir.Func, n *ir.Node) {
		if n.Op == ir.Weight {
			used[n.Str("name")] = true
		}
	})
	return used
}

// opsetsOf are the model's operator sets by domain. Before IR version 3 a model named none and meant the first.
func opsetsOf(m *pb.ModelProto) (map[string]int, error) {
	sets := map[string]int{}
	for _, o := range m.OpsetImport {
		sets[domain(o.GetDomain())] = int(o.GetVersion())
	}
	if len(m.OpsetImport) == 0 && m.GetIrVersion() < 3 {
		sets[""] = 1
	}
	return sets, checkOpset(sets)
}

func checkOpset(sets map[string]int) error {
	if v, ok := sets[""]; ok && (v < 1 || v > newest) {
		return fmt.Errorf("opset %d of ai.onnx is not known; 1 to %d are", v, newest)
	}
	return nil
}

// domain brings the two names of the default domain to one.
func domain(name string) string {
	if name == "ai.onnx" {
		return ""
	}
	return name
}

// main builds the model's graph.
func (im *importer) main(g *pb.GraphProto) error {
	f := im.prog.Main
	s := &scope{im: im, b: ir.NewBuilder(f), opsets: im.opsets, values: map[string]*ir.Value{}}
	stored := initializerNames(g)
	var inputs []*pb.ValueInfoProto
	for _, in := range g.Input {
		if !stored[in.GetName()] { // an initializer that is also an input is its default value: we take it as constant
			inputs = append(inputs, in)
		}
	}
	im.dims = newDimNames(inputs)
	im.dims.same = im.same
	for _, in := range inputs {
		t, err := im.dims.input(in)
		if err != nil {
			return err
		}
		if err := s.define(in.GetName(), f.Param(in.GetName(), t)); err != nil {
			return err
		}
	}
	if err := s.graph(g); err != nil {
		return err
	}
	for _, out := range g.Output {
		f.ResultNames = append(f.ResultNames, out.GetName())
	}
	var err error
	f.Results, err = s.results(g)
	return err
}

func initializerNames(g *pb.GraphProto) map[string]bool {
	names := map[string]bool{}
	for _, t := range g.Initializer {
		names[t.GetName()] = true
	}
	for _, t := range g.SparseInitializer {
		names[t.GetValues().GetName()] = true
	}
	return names
}
