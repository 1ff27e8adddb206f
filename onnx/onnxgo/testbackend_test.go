package onnxgo

import (
	"math"
	"reflect"
	"strings"
	"testing"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend"
	"github.com/owulveryck/onnx-go/backend/testbackend"
	_ "github.com/owulveryck/onnx-go/backend/testbackend/onnx"
	"gorgonia.org/tensor"
)

var _ backend.ComputationBackend = NewGraph()

const (
	coarse = "the test asks for six digits after the point, of numbers of which a float32 holds fewer"
	short  = "the test has four digits"
	scalar = "the test has a vector of one element where ONNX has a scalar"
)

// ownTerms are the tests whose results cannot be as the test has them, and why. They are compared here, as ONNX compares.
var ownTerms = map[string]string{
	"TestPow":                                      coarse,
	"TestReduceL1DefaultAxesKeepdimsRandom":        coarse,
	"TestReduceProdDefaultAxesKeepdimsRandom":      coarse,
	"TestReduceSumDefaultAxesKeepdimsRandom":       coarse,
	"TestReduceSumSquareDefaultAxesKeepdimsRandom": coarse,
	"TestRoialign":                                 short,
	"TestSize":                                     scalar,
	"TestSizeExample":                              scalar,
}

// unread are the tests that onnx-go itself cannot read, with what it says.
var unread = map[string]string{"TestScan9Sum": "AttributeProto_GRAPH not handled yet"}

// TestBackend runs all operator tests that onnx-go registers.
func TestBackend(t *testing.T) {
	seen := map[string]bool{}
	for _, build := range testbackend.GetAllRegisteredTests() {
		tc := build()
		seen[tc.Title] = true
		switch {
		case unread[tc.Title] != "":
			err := onnxgo.NewModel(NewGraph()).UnmarshalBinary(tc.ModelB)
			if err == nil || !strings.Contains(err.Error(), unread[tc.Title]) {
				t.Errorf("%s: onnx-go says %v, not %q", tc.Title, err, unread[tc.Title])
			}
		case ownTerms[tc.Title] != "":
			t.Run(tc.Title, func(t *testing.T) { compare(t, tc) })
		default:
			t.Run(tc.Title, tc.RunTest(NewGraph(), false))
			if tc.Skipped {
				t.Errorf("%s: skipped", tc.Title)
			}
		}
	}
	if len(seen) < 348 {
		t.Errorf("%d tests are registered; there were 348", len(seen))
	}
	for _, names := range []map[string]string{ownTerms, unread} {
		for name := range names {
			if !seen[name] {
				t.Errorf("there is no test %s", name)
			}
		}
	}
}

// compare runs a test with ONNX's tolerances.
func compare(t *testing.T, tc *testbackend.TestCase) {
	g := NewGraph()
	m := onnxgo.NewModel(g)
	if err := m.UnmarshalBinary(tc.ModelB); err != nil {
		t.Fatal(err)
	}
	for i, x := range tc.Input {
		if err := m.SetInput(i, x); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	out, err := m.GetOutputTensors()
	if err != nil || len(out) != len(tc.ExpectedOutput) {
		t.Fatalf("%d outputs (%v)", len(out), err)
	}
	for i, want := range tc.ExpectedOutput {
		if !out[i].Shape().Eq(want.Shape()) && ownTerms[tc.Title] != scalar {
			t.Errorf("output %d is of shape %v, want %v", i, out[i].Shape(), want.Shape())
		}
		got, want := numbers(out[i]), numbers(want)
		if len(got) != len(want) {
			t.Fatalf("output %d has %d elements, want %d", i, len(got), len(want))
		}
		for k := range want {
			if !(math.Abs(got[k]-want[k]) <= 1e-7+1e-3*math.Abs(want[k])) {
				t.Errorf("output %d, element %d is %v, want %v", i, k, got[k], want[k])
			}
		}
	}
}

func numbers(t tensor.Tensor) (xs []float64) {
	v := reflect.ValueOf(t.Data())
	number := func(v reflect.Value) { xs = append(xs, v.Convert(reflect.TypeFor[float64]()).Float()) }
	if v.Kind() != reflect.Slice {
		number(v)
		return xs
	}
	for i := range v.Len() {
		number(v.Index(i))
	}
	return xs
}
