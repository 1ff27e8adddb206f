package ir

import (
	"strings"
	"testing"
)

// Every operator has an example whose text goes round and whose node takes its types from inference.
func TestExamplesGoRound(t *testing.T) {
	for _, op := range Ops() {
		f, err := op.ExampleFunc()
		if err != nil {
			t.Errorf("%s: %v", op.Name, err)
			continue
		}
		if f == nil {
			t.Errorf("%s has no example", op.Name)
			continue
		}
		text := f.String()
		g, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v in\n%s", op.Name, err, text)
			continue
		}
		if again := g.String(); again != text {
			t.Errorf("%s: text does not go round:\n%s\n%s", op.Name, text, again)
		}
		for _, r := range f.Results {
			if !r.Type.Known() {
				t.Errorf("%s: a result of unknown type in\n%s", op.Name, text)
			}
		}
	}
}

// The expansion of a composite has the type that its row infers.
func TestExpansionsHaveTheInferredTypes(t *testing.T) {
	for _, op := range Ops() {
		if op.Expand == nil || op.Infer == nil {
			continue
		}
		f, err := op.ExampleFunc()
		if err != nil || f == nil {
			continue // said above
		}
		n := f.Nodes[len(f.Nodes)-1]
		e := n.Expansion()
		if err := Verify(e); err != nil {
			t.Errorf("%s: %v in\n%s", op.Name, err, e)
		}
		for i, r := range n.Results {
			if i < len(e.Results) && e.Results[i] != nil && !e.Results[i].Type.Equal(r.Type) {
				t.Errorf("%s: result %d is %s, its expansion's %s", op.Name, i, r.Type, e.Results[i].Type)
			}
		}
	}
}

func TestShapeInference(t *testing.T) {
	for _, c := range []struct{ params, node, want string }{
		{"x f32[1,1024]", "Slice(x, [0], [s], [1])", "f32[1,min(1024,s)]"},
		{"x f32[b,s]", "Slice(x, [0], [s], [1])", "f32[b,s]"},
		{"x f32[b,s]", "Slice(x, [0], [9223372036854775807], [1])", "f32[b,s]"},
		{"x f32[b,s]", "Slice(x, [-1], [9223372036854775807], [1])", "f32[b,min(1,s)]"},
		{"x f32[b,s]", "Slice(x, [0], [-1], [1])", "f32[b,max(0,s-1)]"},
		{"x f32[b,s]", "Slice(x, [1], [9223372036854775807], [1])", "f32[b,max(0,s-1)]"},
		{"x f32[b,p+s]", "Slice(x, [p], [p+s], [1])", "f32[b,s]"},
		{"x f32[b,p+s]", "Slice(x, [0], [s], [1])", "f32[b,s]"},
		{"x f32[b,2*s]", "Slice(x, [0], [9223372036854775807], [1], [2])", "f32[b,s]"},
		{"x f32[b,s]", "Slice(x, [-1], [-9223372036854775808], [1], [-1])", "f32[b,s]"},
		{"x f32[b,s,48]", "Reshape(x, [b,s,4,12])", "f32[b,s,4,12]"},
		{"x f32[b,s,48]", "Reshape(x, [0,-1,4,12])", "f32[b,s,4,12]"},
		{"x f32[b,s,48]", "Reshape(x, [-1,48])", "f32[b*s,48]"},
		{"x f32[b,4,s,12]", "Reshape(x, [b,s,-1])", "f32[b,s,48]"},
		{"x f32[b,s,48], k i64[3]", "Reshape(x, k)", "f32[?1,?1.1,?1.2]"},
		{"x f32[b,s], z f32[b,p]", "Concat(x, z) axis=1", "f32[b,p+s]"},
		{"x f32[b,s]", "Tile(x, [1,3])", "f32[b,3*s]"},
		{"x f32[b,s]", "Pad(x, [0,1,0,2])", "f32[b,s+3]"},
		{"x f32[b,s]", "Expand(x, [b,h,b,s])", "f32[b,h,b,s]"},
		{"x f32[s]", "Flatten(x) axis=0", "f32[1,s]"},
		{"x f32[b,s,4]", "Flatten(x)", "f32[b,4*s]"},
		{"x f32[b,s,4], k i64[3,2]", "Gather(x, k) axis=1", "f32[b,3,2,4]"},
		{"x f32[b,s], k i64[s,1]", "ReduceSum(x, [1])", "f32[b,1]"},
		{"x f32[b,s]", "ReduceMax(x) keepdims=0", "f32[]"},
		{"x f32[b,s]", "Unsqueeze(x, [1,2])", "f32[b,1,1,s]"},
		{"x f32[b,1,s]", "Squeeze(x, [1])", "f32[b,s]"},
		{"x f32[b,s]", "Squeeze(x)", "f32[...]"},
		{"x f32[b,s]", "OneHot(x, [5], [0,1])", "i64[b,s,5]"},
		{"x f32[b,8,h,w]", "DepthToSpace(x) blocksize=2", "f32[b,2,2*h,2*w]"},
		{"x f32[b,2,2*h,w]", "SpaceToDepth(x) blocksize=2", "f32[b,8,h,w/2]"},
		{"x f32[b,s]", "Transpose(x)", "f32[s,b]"},
		{"x f32[...]", "Transpose(x) perm=[1,0]", "f32[?1,?1.1]"},
	} {
		f, err := Parse("func f(" + c.params + ") {\ny = " + c.node + "\nreturn y\n}")
		if err != nil {
			t.Errorf("%s: %v", c.node, err)
			continue
		}
		got := f.Results[0].Type.String()
		if got = renumber(got); got != renumber(c.want) {
			t.Errorf("%s of %s is %s, want %s", c.node, c.params, got, c.want)
		}
	}
}

// renumber hides which node a fresh dimension comes from.
func renumber(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		if s[i] == '?' {
			for i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
				i++
			}
		}
	}
	return b.String()
}

func TestRangeOfDimensions(t *testing.T) {
	f, err := Parse("func f(x f32[b,s]) {\ny = Range(0, dim(s), 1)\nz = Range(2, dim(2*s+2), 2)\nreturn y, z\n}")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range f.Results {
		if got := r.Type.String(); got != "i64[s]" {
			t.Errorf("got %s, want i64[s]", got)
		}
	}
}

func TestWrongArgumentsAreErrors(t *testing.T) {
	for _, c := range []struct{ params, node, want string }{
		{"x f32[2,3]", "Reshape(x, [4,2])", "cannot reshape f32[2,3] to [4,2]"},
		{"x f32[2,3]", "Reshape(x, [-1,4])", "6 elements are no multiple of 4"},
		{"x f32[2,3]", "Reshape(x, [-1,-1])", "more than one -1"},
		{"x f32[2,3], z f32[2,4]", "Add(x, z)", "cannot broadcast [2,3] with [2,4]"},
		{"x f32[2,3], z f64[2,3]", "Add(x, z)", "element types differ: f32 and f64"},
		{"x bool[2,3]", "Add(x, x)", "its elements must be a number"},
		{"x f32[2,3]", "Transpose(x) perm=[0,0]", "no permutation"},
		{"x f32[2,3]", "Squeeze(x, [0])", "cannot squeeze axis 0 of f32[2,3]"},
		{"x f32[2,3], z f32[3,3]", "Concat(x, z) axis=1", "cannot concatenate"},
		{"x f32[2,3]", "ReduceSum(x, [2])", "axis 2 is not within rank 2"},
		{"x f32[2,3]", "Gather(x, 1.5)", "its elements must be an integer"},
		{"x f32[2,3]", "Cast(x) to=99", "no element type 99"},
		{"x f32[2,3]", "TopK(x, [7])", "k is 7"},
		{"x seq(f32[2])", "Abs(x)", "instead of a tensor"},
	} {
		_, err := Parse("func f(" + c.params + ") {\ny = " + c.node + "\nreturn y\n}")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.node, err, c.want)
		}
	}
}

// Two composites of the same kind do not share the dimensions that the data decides.
func TestFreshDimensionsOfExpansionsDiffer(t *testing.T) {
	f, err := Parse("func f(m i64[], n i64[]) {\nv = HannWindow(m)\nw = HannWindow(n)\nreturn v, w\n}")
	if err != nil {
		t.Fatal(err)
	}
	a, b := f.Results[0].Type.Shape[0], f.Results[1].Type.Shape[0]
	if a.Equal(b) || a.String() != f.Nodes[0].Fresh(0).String() {
		t.Errorf("dimensions %s and %s", a, b)
	}
}
