package analyze

import (
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

const models = "../../../../testdata/models/"

func load(t *testing.T, name string) *ir.Program {
	t.Helper()
	p, err := onnx.Import(filepath.Join(models, name, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := passes.Run(p, passes.Portable); err != nil {
		t.Fatal(err)
	}
	return p
}

// Where the layers of real exports end, what they follow, and that every measure and every gradient has a value.
func TestModels(t *testing.T) {
	stack := func(op string, names ...string) (out []string) {
		for _, n := range names {
			out = append(out, op+" /"+n)
		}
		return out
	}
	post, pre := []string{"b.0/l2/Add_1", "b.1/l2/Add_1"}, []string{"b.0/Add_1", "b.1/Add_1"}
	// Of an encoder-decoder, each attention of the decoder ends with what the next one reads.
	six := []string{"enc.0/l2/Add_1", "enc.1/l2/Add_1", "dec.0/l1/Add_1", "dec.0/l3/Add_1", "dec.1/l1/Add_1", "dec.1/l3/Add_1"}
	for name, outputs := range map[string][]string{
		"encoder": stack("LayerNormalization", post...), "encoder_dagpam": stack("LayerNormalization", post...),
		"encoder_dagpam_paper": stack("LayerNormalization", post...), "lm": stack("Add", pre...), "lm_dagpam": stack("Add", pre...),
		"seq2seq": stack("LayerNormalization", six...), "seq2seq_dagpam": stack("LayerNormalization", six...),
		"vit": stack("Add", pre...), "vit_dagpam": stack("Add", pre...),
	} {
		p := load(t, name)
		r, err := Run(p, Seeded(p, 1, map[string]int{"batch": 2, "seq": 8, "src_len": 8, "tgt_len": 6}), Options{Loss: "outputs"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(r.Layers) != len(outputs) || r.Input == nil {
			t.Errorf("%s: %d layers, input %v", name, len(r.Layers), r.Input)
			continue
		}
		for i, l := range r.Layers {
			if l.Output != outputs[i] {
				t.Errorf("%s: layer %d ends with %q, want %q", name, i+1, l.Output, outputs[i])
			}
			xs := []Number{l.Residual, l.Relative, l.Similarity, l.Rank, l.Ratio, l.RowSum, l.Min, l.Max, l.Entropy, l.Jacobian, l.Logits, l.Query}
			if strings.Contains(name, "dagpam") {
				xs = append(xs, l.Negative)
			}
			for k, x := range xs {
				if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) || f == 0 {
					t.Errorf("%s: layer %d: measure %d is %v", name, i+1, k, f)
				}
			}
			if l.Weight == "" {
				t.Errorf("%s: layer %d: the query weights were not found", name, i+1)
			}
		}
	}
}

// Ratios go from layer to layer, and from the embeddings to the first; one attends to the encoder's tokens, but follows the decoder's.
func TestRatios(t *testing.T) {
	p := load(t, "seq2seq")
	r, err := Run(p, Seeded(p, 1, nil), Options{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "ratio of the first layer", float64(r.Layers[0].Ratio), float64(r.Layers[0].Residual/r.Input.Residual), 1e-12)
	for _, i := range []int{1, 3, 4, 5} {
		near(t, "ratio", float64(r.Layers[i].Ratio), float64(r.Layers[i].Residual/r.Layers[i-1].Residual), 1e-12)
	}
	if got := r.Layers[2].Ratio; math.Abs(float64(got-r.Layers[2].Residual/r.Layers[1].Residual)) < 1e-3 {
		t.Error("the decoder's first layer is said to follow the encoder")
	}
}

// Padding that an encoder's mask hides changes no measure of the tokens and of the attention among them.
func TestPadding(t *testing.T) {
	p := load(t, "encoder_dagpam")
	measure := func(length, padded int) *Report {
		ids, mask := runtime.New(ir.I64, 1, padded), runtime.New(ir.I64, 1, padded)
		for i := range padded {
			ids.I[i] = int64(i*i%97 + 1)
			if i < length {
				mask.I[i] = 1
			}
		}
		r, err := Run(p, []runtime.Value{ids, mask}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	whole, padded := measure(7, 7), measure(7, 10)
	for i, l := range whole.Layers {
		m := padded.Layers[i]
		near(t, "residual", float64(m.Residual), float64(l.Residual), 1e-4)
		near(t, "similarity", float64(m.Similarity), float64(l.Similarity), 1e-5)
		near(t, "rank", float64(m.Rank), float64(l.Rank), 1e-4)
		near(t, "ratio", float64(m.Ratio), float64(l.Ratio), 1e-5)
		near(t, "min", float64(m.Min), float64(l.Min), 1e-5)
		near(t, "entropy", float64(m.Entropy), float64(l.Entropy), 1e-5)
		near(t, "Jacobian", float64(m.Jacobian), float64(l.Jacobian), 1e-5)
		if m.Queries != 10 || l.Queries != 7 {
			t.Errorf("%d and %d queries", m.Queries, l.Queries)
		}
	}
}

func TestSeeded(t *testing.T) {
	p := load(t, "encoder")
	in := Seeded(p, 3, map[string]int{"seq": 50})
	ids, mask := in[0].(*runtime.Tensor), in[1].(*runtime.Tensor)
	different := map[int64]bool{}
	for i, id := range ids.I {
		different[id] = true
		if id < 0 || id >= 97 || mask.I[i] != 1 {
			t.Errorf("token %d of a table of 97, mask %d", id, mask.I[i])
		}
	}
	if len(ids.I) != 50 || len(different) < 20 {
		t.Errorf("%d tokens, %d different ones", len(ids.I), len(different))
	}
	again, other := Seeded(p, 3, map[string]int{"seq": 50}), Seeded(p, 4, map[string]int{"seq": 50})
	if a, b := again[0].(*runtime.Tensor), other[0].(*runtime.Tensor); !a.Data().Equal(ids.Data()) || b.Data().Equal(ids.Data()) {
		t.Error("the seed does not decide the tokens")
	}
}

func TestNoAttention(t *testing.T) {
	p := parse(t, "func f(x f32[2,3]) {\ny = Relu(x)\nreturn y\n}")
	_, err := Run(p, Seeded(p, 1, nil), Options{})
	if err == nil || !strings.Contains(err.Error(), "no attention was found") {
		t.Errorf("got %v", err)
	}
	if _, err := Run(p, Seeded(p, 1, nil), Options{Loss: "hinge"}); err == nil || !strings.Contains(err.Error(), `no loss is called "hinge"`) {
		t.Errorf("got %v", err)
	}
}

// A number without value is null in JSON and leaves no point in a picture.
func TestReportForms(t *testing.T) {
	nan := Number(math.NaN())
	a := &Report{Model: "a/model.onnx", Layers: []Layer{
		{Layer: 1, Tokens: Tokens{Residual: 1, Similarity: .5}, Gradient: Gradient{Query: nan, Negative: nan}},
		{Layer: 2, Tokens: Tokens{Residual: 1e-9, Similarity: 1}, Gradient: Gradient{Query: 3, Negative: nan}}}}
	b := &Report{Model: "b.gpam", Layers: []Layer{{Layer: 1, Tokens: Tokens{Residual: 2}, Gradient: Gradient{Query: nan}}}}
	text, err := json.Marshal(a)
	if err != nil || !bytes.Contains(text, []byte(`"grad_negative":null`)) {
		t.Errorf("%s, %v", text, err)
	}
	var back Report
	if err := json.Unmarshal(text, &back); err != nil || back.Layers[1].Residual != 1e-9 || !math.IsNaN(float64(back.Layers[0].Query)) {
		t.Errorf("%+v, %v", back, err)
	}
	var table bytes.Buffer
	if err := a.Print(&table); err != nil || strings.Count(table.String(), "\n") != 4 {
		t.Errorf("%s, %v", &table, err)
	}
	for format, begin := range map[string]string{".svg": "<?xml", ".png": "\x89PNG"} {
		var picture bytes.Buffer
		if err := Plot(&picture, format, []*Report{a, b}); err != nil || !strings.HasPrefix(picture.String(), begin) {
			t.Errorf("%s: %.20q, %v", format, picture.String(), err)
		}
		if format != ".svg" {
			continue
		}
		for _, want := range []string{"(a) residual", "(b) similarity", "(c) gradient", ">a<", ">b<"} {
			if !strings.Contains(picture.String(), want) {
				t.Errorf("the picture lacks %q", want)
			}
		}
	}
	if err := Plot(&bytes.Buffer{}, ".gif", []*Report{a}); err == nil {
		t.Error("a format that is not known")
	}
}

// A branch that is taken is measured, one that is not is not; what the body of a loop gets in each round is not kept.
func TestBodies(t *testing.T) {
	text := `func f(c bool[], x f32[3,4]) {
		y = If(c) then_branch=func() {
			w = Weight() name="w" type=f32[4,4]
			q = Linear(x, w)
			a = Attention(q, x, x)
			return a
		} else_branch=func() {
			b = Attention(x, x, x)
			return b
		}
		return y
	}`
	p := parse(t, text)
	for taken, weight := range map[int64]string{1: "w", 0: ""} {
		in := Seeded(p, 1, nil)
		in[0] = runtime.ScalarInt(ir.Bool, taken)
		r, err := Run(p, in, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Layers) != 1 || r.Layers[0].Weight != weight {
			t.Errorf("condition %d: %+v", taken, r.Layers)
		}
	}
	in := Seeded(p, 1, nil)
	if _, err := Run(p, in, Options{Loss: "outputs"}); err == nil || !strings.Contains(err.Error(), "body of another node") {
		t.Errorf("gradients through a branch: %v", err)
	}
	p = parse(t, `func f(x f32[3,4]) {
		y = Loop(i64[]{2}, _, x) body=func(i i64[], c bool[], h f32[3,4]) {
			a = Attention(h, h, h)
			return c, a
		}
		return y
	}`)
	if _, err := Run(p, Seeded(p, 1, nil), Options{}); err == nil || !strings.Contains(err.Error(), "argument q belongs to the body of a loop") {
		t.Errorf("an attention in a loop: %v", err)
	}
}
