package onnxgo

import (
	"fmt"
	"math"
	"strings"

	onnxgo "github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gorgonia.org/tensor"
)

// A Graph is a backend of onnx-go that can compute: an onnx.Backend and a backend.ComputationBackend. It is for one goroutine.
type Graph struct {
	// Opset is the version of ONNX's operators that the model was written in. onnx-go keeps it to itself, so that 0 stands for the
	// first of 9 to 12, 8, 7 and 13 and later that has all nodes in the form in which they are. That is the right one but for Softmax,
	// LogSoftmax and Hardmax of more than two dimensions without axis or along one that is not the last: their meaning changed in 13.
	Opset int

	*simple.WeightedDirectedGraph // from each result to what it is computed from
	order                         []*Node
	ops                           []operation
	wanted                        map[*Node]bool // what somebody has asked for, besides what no node uses
	prepared                      *program
}

// An operation computes results from args, in which nil is absent.
type operation struct {
	onnxgo.Operation
	args, results []*Node
}

// A Node is a value: an input, a constant, or the result of an operation.
type Node struct {
	id    int64
	g     *Graph
	name  string
	named bool // an empty name given by onnx-go is an argument or a result that is absent
	t     tensor.Tensor
	setAt int           // how many operations there were when t was set
	typed *tensor.Dtype // that the model declares for an input
	args  []*Node
	made  bool // by an operation
	fresh bool // t is what the operation made of the present inputs
}

// NewGraph makes an empty backend, for one model.
func NewGraph() *Graph {
	return &Graph{WeightedDirectedGraph: simple.NewWeightedDirectedGraph(math.MaxFloat64, -1), wanted: map[*Node]bool{}}
}

// NewNode makes a value that AddNode adds.
func (g *Graph) NewNode() graph.Node { return &Node{id: g.WeightedDirectedGraph.NewNode().ID(), g: g} }

// AddNode adds a value of NewNode's. It panics if there is one of the same ID.
func (g *Graph) AddNode(n graph.Node) {
	g.WeightedDirectedGraph.AddNode(n)
	g.order = append(g.order, n.(*Node))
}

// SetWeightedEdge says that e.To is e.From's argument of the number that is the weight. A value can be several arguments of one node,
// which gonum's graph has one edge for.
func (g *Graph) SetWeightedEdge(e graph.WeightedEdge) {
	from, to, i := e.From().(*Node), e.To().(*Node), int(e.Weight())
	for len(from.args) <= i {
		from.args = append(from.args, nil)
	}
	from.args[i] = to
	if from != to { // as absent results and absent arguments are
		g.WeightedDirectedGraph.SetWeightedEdge(e)
	}
}

// ApplyOperation makes the nodes the results of o, whose arguments their edges lead to.
func (g *Graph) ApplyOperation(o onnxgo.Operation, ns ...graph.Node) error {
	op := operation{Operation: o}
	var from *Node
	for _, n := range ns {
		r, ok := n.(*Node)
		if !ok {
			return fmt.Errorf("onnxgo: %s: a node of type %T, which is not of this backend", o.Name, n)
		}
		if r.absent() {
			r = nil
		} else if r.made = true; from == nil {
			from = r
		}
		op.results = append(op.results, r)
	}
	if from == nil {
		return nil // nobody can see what it computes
	}
	for _, a := range from.args {
		if a != nil && a.absent() {
			a = nil
		}
		op.args = append(op.args, a)
	}
	if len(op.args) == 1 && op.args[0] != nil && op.args[0].invented() {
		op.args = nil
	}
	g.ops = append(g.ops, op)
	g.prepared = nil
	return nil
}

// absent reports whether n stands for an optional argument or result that is not there.
func (n *Node) absent() bool { return n.named && n.name == "" }

// invented reports whether n is the input that onnx-go gives to nodes without one.
func (n *Node) invented() bool { return n.t == nil && !n.made && strings.HasSuffix(n.name, "/input") }

// input reports whether the program that uses the model has set n: all that the file sets, it sets before its last operation.
func (n *Node) input() bool { return !n.made && n.t != nil && n.setAt == len(n.g.ops) }

// ID is the node's number in the graph.
func (n *Node) ID() int64 { return n.id }

// SetName gives the node its name in the model.
func (n *Node) SetName(name string) { n.name, n.named = name, true }

// GetName is the node's name in the model.
func (n *Node) GetName() string { return n.name }

// SetTensor sets an input, or what a constant holds. The tensor is read by the next Run. Elements of another type than the model
// declares are converted where that changes no number.
func (n *Node) SetTensor(t tensor.Tensor) error {
	if n.t != nil && n.typed == nil && n.setAt < len(n.g.ops) {
		dt := n.t.Dtype()
		n.typed = &dt
	}
	n.t, n.setAt = t, len(n.g.ops)
	return nil
}

// GetTensor is the node's value. Of a result, it is that of the last Run; Run computes what no other operation uses, and others when
// they are asked for here. A result before the first Run, or one that cannot be computed, is what SetTensor has set, or nil.
func (n *Node) GetTensor() tensor.Tensor {
	if n.made && !n.fresh && n.g.prepared != nil {
		n.g.wanted[n] = true
		if n.g.Run() != nil {
			return nil
		}
	}
	return n.t
}
