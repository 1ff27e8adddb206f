package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// A Form says how operators are written that ONNX has late or not at all: attention above all.
type Form uint8

const (
	Inline    Form = iota // by simpler ones
	Functions             // as operators of Domain, each with a function that says the same by simpler ones
	Standard              // by ONNX's Attention
)

var formNames = []string{"inline", "function", "standard"}

func (f Form) String() string { return formNames[f] }

// ParseForm is the form of that name.
func ParseForm(name string) (Form, error) {
	i := slices.Index(formNames, name)
	if i < 0 {
		return 0, fmt.Errorf("no form is called %q; %s are known", name, strings.Join(formNames, ", "))
	}
	return Form(i), nil
}

// ExportOptions choose how a program is written.
type ExportOptions struct {
	Form     Form
	Opset    int  // of ai.onnx; 0 is that of the imported model or, if an operator needs it, the next newer one that has them all
	External bool // put weights into a file of their own even if the model would stay below 2 GB
}

// irVersion is, for each opset, the version of the file format of the ONNX release that brought it.
func irVersion(opset int) int64 {
	switch {
	case opset <= 18:
		return 8
	case opset <= 20:
		return 9
	case opset <= 22:
		return 10
	}
	return int64(min(opset-12, 13))
}

// defaultOpset is for programs that come from no model: it has LayerNormalization, and runtimes of some years know it.
const defaultOpset = 17

// Model builds the messages of prog. Operators that ONNX has not are written as the form says, or as their expansions.
func Model(prog *ir.Program, o ExportOptions) (*pb.ModelProto, error) {
	m, data, err := model(prog, o)
	data.fill()
	return m, err
}

// weightData is the data of initializers whose messages have none yet.
type weightData map[*pb.TensorProto]*ir.Data

// fill puts data into the messages, but into those that refer to a file.
func (data weightData) fill() {
	for t, d := range data {
		if t.DataLocation != pb.TensorProto_EXTERNAL {
			t.RawData = Pack(d)
		}
	}
}

// model is Model, without the data of initializers.
func model(prog *ir.Program, o ExportOptions) (*pb.ModelProto, weightData, error) {
	prog = prog.Clone()
	fail := func(err error) (*pb.ModelProto, weightData, error) {
		return nil, nil, fmt.Errorf("%s: %w", exportName(prog), err)
	}
	if o.Form == Standard {
		if err := standardize(prog, o.Opset); err != nil {
			return fail(err)
		}
	}
	e := &exporter{prog: prog, form: o.Form, nodes: map[string]bool{}, taken: map[string]bool{}, names: map[*ir.Value]string{},
		weights: map[string]string{}, data: weightData{}, functions: &functions{byKey: map[string]*function{}}}
	var err error
	if e.opset, err = e.chooseOpset(prog.Main, o.Opset, prog.Opset); err != nil {
		return fail(err)
	}
	g, err := e.main(prog.Main)
	if err != nil {
		return fail(err)
	}
	m := &pb.ModelProto{
		IrVersion: irVersion(e.opset), ProducerName: "gpamc", Graph: g, DocString: prog.Doc,
		OpsetImport: []*pb.OperatorSetIdProto{{Version: int64(e.opset)}},
	}
	if m.Functions = e.functions.finish(m.IrVersion); len(m.Functions) > 0 {
		m.OpsetImport = append(m.OpsetImport, &pb.OperatorSetIdProto{Domain: Domain, Version: DomainVersion})
	}
	if e.ml {
		m.OpsetImport = append(m.OpsetImport, &pb.OperatorSetIdProto{Domain: mlDomain, Version: mlVersion})
	}
	explicitZeros(g.Node)
	for _, f := range m.Functions {
		explicitZeros(f.Node)
	}
	for _, k := range slices.Sorted(maps.Keys(prog.Meta)) {
		m.MetadataProps = append(m.MetadataProps, &pb.StringStringEntryProto{Key: k, Value: prog.Meta[k]})
	}
	return m, e.data, nil
}

func exportName(prog *ir.Program) string {
	if prog.Source != "" {
		return prog.Source
	}
	return prog.Main.Name
}

// An exporter writes one program.
type exporter struct {
	prog      *ir.Program
	opset     int
	nodes     map[string]bool      // the names of nodes
	taken     map[string]bool      // the names of values: in all graphs together, since inner graphs see outer names
	names     map[*ir.Value]string // that values have got
	weights   map[string]string    // names of initializers, by that of the weight
	data      weightData
	outer     *pb.GraphProto
	form      Form
	functions *functions
	ml        bool // operators of mlDomain are written
}

// A graphWriter writes one graph of the program.
type graphWriter struct {
	*exporter
	*pb.GraphProto
	places  map[string]extent // where the number behind a dimension's name can be read
	read    map[extent]string // the sizes that have been read
	own     map[*ir.Value]bool
	general *general // nil but in a function
}

// unique is name, or name with a number.
func (e *exporter) unique(name string) string {
	if name == "" {
		name = "v"
	}
	u := name
	for i := 2; e.taken[u]; i++ {
		u = name + "_" + strconv.Itoa(i)
	}
	e.taken[u] = true
	return u
}

var errNoData = errors.New("the program has no data for this weight")

// weight makes an initializer of the weight, once, in the outermost graph, where all others see it.
func (e *exporter) weight(n *ir.Node) (string, error) {
	w := n.Str("name")
	if name, ok := e.weights[w]; ok {
		return name, nil
	}
	d := e.prog.Weights[w]
	if d == nil {
		return "", fmt.Errorf("weight %q: %w", w, errNoData)
	}
	name := e.unique(w)
	e.weights[w] = name
	e.outer.Initializer = append(e.outer.Initializer, e.initializer(name, d))
	return name, nil
}

// initializer is d's message, whose data is to be filled in.
func (e *exporter) initializer(name string, d *ir.Data) *pb.TensorProto {
	if d.Elem == ir.String {
		return tensorProto(name, d)
	}
	t := tensorHead(name, d)
	e.data[t] = d
	return t
}

// valueInfo is the declaration of an input or output.
func valueInfo(name string, t ir.Type) *pb.ValueInfoProto {
	return &pb.ValueInfoProto{Name: name, Type: typeProto(t)}
}

func typeProto(t ir.Type) *pb.TypeProto {
	switch {
	case t.Kind == ir.Sequence:
		return &pb.TypeProto{Value: &pb.TypeProto_SequenceType{SequenceType: &pb.TypeProto_Sequence{ElemType: typeProto(*t.Of)}}}
	case t.Kind == ir.Optional:
		return &pb.TypeProto{Value: &pb.TypeProto_OptionalType{OptionalType: &pb.TypeProto_Optional{ElemType: typeProto(*t.Of)}}}
	}
	tensor := &pb.TypeProto_Tensor{ElemType: int32(t.Elem)}
	if t.Ranked() {
		tensor.Shape = &pb.TensorShapeProto{}
		for _, d := range t.Shape {
			tensor.Shape.Dim = append(tensor.Shape.Dim, dimProto(d))
		}
	}
	return &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: tensor}}
}

// dimProto has a number or the text of an expression; what only the data decides it leaves open.
func dimProto(d ir.Dim) *pb.TensorShapeProto_Dimension {
	if n, ok := d.Const(); ok {
		return &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(n)}}
	}
	text := d.String()
	if strings.Contains(text, "?") {
		return &pb.TensorShapeProto_Dimension{}
	}
	return &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: text}}
}
