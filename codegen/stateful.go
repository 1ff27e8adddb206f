package codegen

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// A session of a stateful package keeps what a model wants to be given back: where a result is an input with rows behind it, as the keys
// and values of the tokens before are, both go, and a run appends its rows to a buffer of the session.

// A state is such an input. Its type has room for as many rows as the buffer has.
type state struct {
	value  *ir.Value // the program's parameter
	axis   int
	past   string // the name of the dimension that counts the rows kept
	append ir.Dim // how many a run appends
	length ir.Dim // how many it reads
	field  string // of the emitted kept
}

// roomName is the dimension of a state's type along its axis.
const roomName = "room"

// makeStateful finds the states of p and makes parameters of them alone, to which Append appends. It changes p.
func makeStateful(p *ir.Program) ([]state, error) {
	f := p.Main
	uses := f.Uses()
	var states []state
	room := ir.Sym(freeName(f, roomName))
	for _, x := range f.Params {
		a := appending(f, uses, x)
		if a == nil {
			continue
		}
		s := a.state
		if len(states) > 0 && (s.past != states[0].past || !s.append.Equal(states[0].append) || !s.length.Equal(states[0].length)) {
			return nil, fmt.Errorf("%q has %s rows and %s more, %q has %s and %s: all that a session keeps must have as many",
				states[0].value.Name, states[0].past, states[0].append, x.Name, s.past, s.append)
		}
		x.Type.Shape = slices.Clone(x.Type.Shape)
		x.Type.Shape[s.axis] = room
		b := ir.NewBuilder(f)
		b.At, b.Name = slices.Index(f.Nodes, a.result), a.result.Name
		begin := a.begin
		if begin == nil {
			begin = b.Dims(ir.Sym(s.past))
		}
		y := b.New(ir.Append, ir.Attrs{"axis": s.axis}, x, a.rows, begin, b.Dims(s.length))
		k := slices.Index(f.Results, a.result.Out())
		f.Results = slices.Delete(f.Results, k, k+1)
		if f.ResultNames != nil {
			f.ResultNames = slices.Delete(f.ResultNames, k, k+1)
		}
		replaceNode(f, f, b, a.result, []*ir.Value{y})
		states = append(states, s)
	}
	if states == nil {
		return nil, errors.New("no result is an input with rows behind it: there is nothing that a session could keep")
	}
	prune(f)
	return states, nil
}

// freeName is a name that no dimension of an input of f has, name or one that begins so.
func freeName(f *ir.Func, name string) string {
	taken := map[string]bool{}
	for _, x := range f.Params {
		for _, d := range x.Type.Shape {
			d.Names(taken)
		}
	}
	for taken[name] {
		name += "_"
	}
	return name
}

// An addition is what a model does to a state.
type addition struct {
	state
	rows   *ir.Value
	begin  *ir.Value // where they begin for each of the batch; nil for behind the past
	result *ir.Node  // that puts them there
}

// appending is what is done to x, where that is a state: rows are put behind it, or into what has been put behind it, and it is a result.
// It is nil if x is something else to anybody.
func appending(f *ir.Func, uses map[*ir.Value]int, x *ir.Value) *addition {
	if uses[x] != 1 || x.Type.Kind != ir.Tensor || !x.Type.Ranked() {
		return nil
	}
	i := slices.IndexFunc(f.Nodes, func(n *ir.Node) bool { return n.Op == ir.Concat && len(n.Args) == 2 && n.Args[0] == x })
	if i < 0 {
		return nil
	}
	n := f.Nodes[i]
	axis, err := ir.Axis(n.Int("axis"), x.Type.Rank())
	if err != nil || axis == 0 {
		return nil
	}
	a := &addition{rows: n.Args[1], result: n}
	if uses[n.Out()] == 1 {
		i := slices.IndexFunc(f.Nodes, func(m *ir.Node) bool { return m.Op == ir.TensorScatter && m.Args[0] == n.Out() })
		if i >= 0 {
			m := f.Nodes[i]
			if at, err := ir.Axis(m.Int("axis"), x.Type.Rank()); err != nil || at != axis || m.ArgAt(2) == nil || m.Str("mode") != "linear" {
				return nil
			}
			a.rows, a.begin, a.result = m.Args[1], m.Args[2], m
		}
	}
	past, ok := x.Type.Shape[axis].Name()
	a.state = state{value: x, axis: axis, past: past, append: a.rows.Type.Shape[axis], length: n.Out().Type.Shape[axis]}
	names := map[string]bool{}
	for k, d := range x.Type.Shape {
		if k != axis {
			d.Names(names)
		}
	}
	ok = ok && !names[past]
	a.append.Names(names)
	a.length.Names(names)
	for name := range names {
		ok = ok && !strings.HasPrefix(name, "?") // which only the run finds out
	}
	if !ok || !slices.Contains(f.Results, a.result.Out()) {
		return nil
	}
	return a
}

// stateOf is the state that v is, or nil.
func (g *generator) stateOf(v *ir.Value) *state {
	i := slices.IndexFunc(g.states, func(s *state) bool { return s.value == v })
	if i < 0 {
		return nil
	}
	return g.states[i]
}

// isOwn reports whether a dimension is the session's to know.
func (g *generator) isOwn(name string) bool {
	if len(g.states) == 0 {
		return false
	}
	room, _ := g.states[0].room().Name()
	return name == g.states[0].past || name == room
}

func (s *state) room() ir.Dim { return s.value.Type.Shape[s.axis] }

// appends reports whether n appends to a state.
func (g *generator) appends(n *ir.Node) bool { return n.Op == ir.Append && g.stateOf(n.Args[0]) != nil }

var _ = register(fast, map[*ir.Op]lowering{ir.Append: lowerAppend})

var errNoState = errors.New("the cache is not the session's")

// lowerAppend writes rows behind those that the session keeps. Who reads the result reads the session's buffer; only who cannot gets a
// copy.
func lowerAppend(e *emitter, n *ir.Node) error {
	s := e.g.stateOf(n.Args[0])
	if s == nil {
		return errNoState
	}
	shape, k := n.TypeAt(1).Shape, s.axis
	room, inner := e.Dim(s.room()), e.Product(shape[k+1:])
	e.Call("appendRows", e.X(n, 0), e.X(n, 1), e.X(n, 2), e.Dim(shape[0]), e.Product(shape[1:k]), room, e.Dim(shape[k]), inner)
	if e.g.plans[e.fn].needed[n.Out()] {
		e.Call("keptRows", e.Y(n, 0), e.X(n, 0), e.Product(shape[:k]), room, e.Dim(n.Out().Type.Shape[k]), inner)
	}
	return nil
}

// referStates gives the states their places in the session.
func (g *generator) referStates() {
	names := newNamer(map[string]bool{"past": true, "room": true})
	for _, d := range g.stateDims() {
		names.take(g.dimField(d), "n")
	}
	for _, s := range g.states {
		s.field = names.take(cmp.Or(goName(s.value.Name, false), "kept"), "kept")
		g.main().refs[s.value] = "s.kept." + s.field
	}
}

// stateDims are the names of the other dimensions that states have.
func (g *generator) stateDims() []string {
	set := map[string]bool{}
	for _, s := range g.states {
		for _, d := range s.value.Type.Shape {
			d.Names(set)
		}
	}
	return slices.DeleteFunc(sortedKeys(set), g.isOwn)
}

// keptSource is what a session keeps, and the methods around it.
func (g *generator) keptSource(b *strings.Builder) {
	if len(g.states) == 0 {
		return
	}
	b.WriteString("// kept is what runs have appended to: past rows, in buffers with room for more.\ntype kept struct {\n\tpast, room int\n")
	var dims, same, take []string
	for _, d := range g.stateDims() {
		field := g.dimField(d)
		dims = append(dims, field)
		same = append(same, fmt.Sprintf("k.%s != d.%s", field, field))
		take = append(take, fmt.Sprintf("k.%s = d.%s", field, field))
	}
	if dims != nil {
		fmt.Fprintf(b, "\t%s int // of what is there\n", strings.Join(dims, ", "))
	}
	for _, s := range g.states {
		fmt.Fprintf(b, "\t%s []%s // %s, %s\n", s.field, goCell(s.value.Type), s.value.Type, oneLine(s.value.Name))
	}
	fmt.Fprintf(b, `}

// Past is how many rows the session keeps: those that its runs have appended.
func (s *Session) Past() int { return s.kept.past }

// Truncate forgets all but the first n rows; Truncate(0) begins anew.
func (s *Session) Truncate(n int) error {
	if n < 0 || n > s.kept.past {
		return fmt.Errorf("%s: Truncate(%%d): the session keeps %%d rows", n, s.kept.past)
	}
	s.kept.past = n
	return nil
}

// makeRoom sees to it that so many rows fit behind those that are kept.
func (s *Session) makeRoom(d *dims, rows int) error {
	k := &s.kept
`, g.opts.Package)
	other := ""
	if same != nil {
		fmt.Fprintf(b, "\tother := %s\n\tif other && k.past > 0 {\n\t\treturn fmt.Errorf(\"%s: the session keeps rows of other sizes; Truncate(0) forgets them\")\n\t}\n",
			strings.Join(same, " || "), g.opts.Package)
		other = "other || "
	}
	fmt.Fprintf(b, "\tif %sk.past+rows > k.room {\n\t\troom := (max(k.past+rows, 2*k.room) + 63) &^ 63\n", other)
	for _, s := range g.states {
		shape := s.value.Type.Shape
		fmt.Fprintf(b, "\t\tk.%s = moreRoom(k.%s, %s, k.past, k.room, room, %s)\n", s.field, s.field, g.dim(ir.Product(shape[:s.axis])), g.dim(ir.Product(shape[s.axis+1:])))
	}
	b.WriteString("\t\tk.room = room\n")
	if take != nil {
		fmt.Fprintf(b, "\t\t%s\n", strings.Join(take, "\n\t\t"))
	}
	room, _ := g.states[0].room().Name()
	fmt.Fprintf(b, "\t}\n\td.%s = k.room\n\treturn nil\n}\n\n", g.dimField(room))
}

// reach is how many rows behind those that are kept a run writes or reads.
func (g *generator) reach() ir.Dim {
	s := g.states[0]
	if behind := s.length.Sub(ir.Sym(s.past)); !behind.Equal(s.append) {
		return s.append.Max(behind)
	}
	return s.append
}

// ownDims are the fields of dims that the session knows before a run.
func (g *generator) ownDims() []string {
	if len(g.states) == 0 {
		return nil
	}
	return []string{g.dimField(g.states[0].past) + ": s.kept.past"}
}
