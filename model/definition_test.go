package model

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// files are a folder's, by name.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = b
	}
	return out
}

func initIn(t *testing.T, dir string, c *Config, seed uint64) *Definition {
	t.Helper()
	d, err := Init(*c, seed)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Save(dir); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSaveLoad checks that every family comes back from its folder as it was, and that equal seeds give equal bytes.
func TestSaveLoad(t *testing.T) {
	for _, family := range Families() {
		c := small(t, family, `[{"kind":"dagpam","per":"head","lambda_minus":0.5},{"kind":"sink"}]`, nil)
		a, b, other := t.TempDir(), t.TempDir(), t.TempDir()
		d := initIn(t, a, c, 5)
		initIn(t, b, c, 5)
		initIn(t, other, c, 6)
		if !cmp.Equal(files(t, a), files(t, b)) {
			t.Errorf("%s: the same seed gives other bytes", family)
		}
		if bytes.Equal(files(t, a)[WeightsFile], files(t, other)[WeightsFile]) {
			t.Errorf("%s: another seed gives the same bytes", family)
		}
		e, err := Load(a)
		if err != nil {
			t.Fatalf("%s: %v", family, err)
		}
		e.Config.raw = nil
		if diff := cmp.Diff(d.Config, e.Config, cmp.AllowUnexported(Config{})); diff != "" {
			t.Errorf("%s: %s", family, diff)
		}
		p, err := Build(e)
		if err != nil {
			t.Fatalf("%s: %v", family, err)
		}
		in := makeTokens(&d.Config)
		if family == "bert" || family == "vit" {
			compare(t, family, p, in.inputs(p), in.want(&oracle{&d.Config, d.Weights}))
		}
	}
}

// TestKeysKept checks that what a config.json says beside what is understood is not lost.
func TestKeysKept(t *testing.T) {
	c, err := ParseConfig([]byte(`{"model_type":"gpt2","n_embd":8,"n_layer":1,"n_head":2,"vocab_size":5,"n_inner":null,"bos_token_id":3,
		"task_specific_params":{"a":[1,2]}}`))
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"bos_token_id": 3`, `"task_specific_params"`, `"n_inner": 32`, `"activation_function": "gelu_new"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in\n%s", want, b)
		}
	}
}

// TestShards reads weights that lie in two files.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	d := initIn(t, dir, small(t, "gpt2", "", nil), 1)
	parts := []map[string]*ir.Data{{}, {}}
	var index []string
	i := 0
	for name, w := range d.Weights {
		i = 1 - i
		parts[i][name] = w
		index = append(index, fmt.Sprintf("%q:\"part-%d.safetensors\"", name, i))
	}
	for i, part := range parts {
		var b bytes.Buffer
		if err := WriteSafetensors(&b, part, nil); err != nil {
			t.Fatal(err)
		}
		write(t, dir, fmt.Sprintf("part-%d.safetensors", i), b.String())
	}
	if err := os.Remove(filepath.Join(dir, WeightsFile)); err != nil {
		t.Fatal(err)
	}
	write(t, dir, IndexFile, `{"metadata":{"total_size":1},"weight_map":{`+strings.Join(index, ",")+`}}`)
	e, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.Weights, e.Weights, cmp.Comparer(func(a, b *ir.Data) bool { return a.Equal(b) })); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		`{"weight_map":{"x":"../part-0.safetensors"}}`: "in the same folder",
		`{"weight_map":{"x":"/etc/passwd"}}`:           "in the same folder",
		`{"weight_map":{"x":""}}`:                      "in the same folder",
		`{"weight_map":{"x":1}}`:                       "no file's name",
		`{"weight_map":{"x":"part-0.safetensors"}}`:    `tensor "x" is not in part-0.safetensors`,
		`{"weight_map":{"x":"part-9.safetensors"}}`:    "part-9.safetensors",
		`{"weight_map":{"x":"link.safetensors"}}`:      "link.safetensors",
		`{"metadata":{}}`:                              `"weight_map" is missing`,
		`{"weight_map":{"x":"a","x":"b"}}`:             "appears twice",
		`nonsense`:                                     "no JSON object",
	} {
		write(t, dir, IndexFile, text)
		if err := os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), filepath.Join(dir, "link.safetensors")); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), IndexFile) {
			t.Errorf("%s: %v; want %s", text, err, want)
		}
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestWeightErrors checks that all that is wrong with the weights is said at once, by name.
func TestWeightErrors(t *testing.T) {
	d, err := Init(*small(t, "bert", `{"kind":"dagpam"}`, nil), 1)
	if err != nil {
		t.Fatal(err)
	}
	delete(d.Weights, "encoder.layer.0.attention.self.query.weight")
	delete(d.Weights, "encoder.layer.1.attention.self.q_neg.weight")
	d.Weights["embeddings.LayerNorm.weight"] = ir.NewData(ir.F32, 23)
	d.Weights["embeddings.LayerNorm.bias"] = ir.NewData(ir.I32, 24)
	d.Source = "here"
	_, err = Build(d)
	for _, want := range []string{
		"here: 2 tensors are missing:", "encoder.layer.0.attention.self.query.weight [24 24]", "encoder.layer.1.attention.self.q_neg.weight [6 6]",
		`"embeddings.LayerNorm.weight" is f32[23]; f32[24] is wanted`, `"embeddings.LayerNorm.bias" is i32[24]; floats are wanted`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

// TestOldNames loads a checkpoint whose names have a prefix and the old names of layer norms, beside tensors that nobody asks for.
func TestOldNames(t *testing.T) {
	d, err := Init(*small(t, "bert", "", nil), 1)
	if err != nil {
		t.Fatal(err)
	}
	old := map[string]*ir.Data{"bert.embeddings.position_ids": ir.NewData(ir.I64, 1, 12)}
	for name, w := range d.Weights {
		old["bert."+strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(name)] = w
	}
	p, err := Build(&Definition{Config: d.Config, Weights: old})
	if err != nil {
		t.Fatal(err)
	}
	in := makeTokens(&d.Config)
	compare(t, "old names", p, in.inputs(p), in.want(&oracle{&d.Config, d.Weights}))
}

// TestNarrowWeights computes with weights of half the width, to their precision.
func TestNarrowWeights(t *testing.T) {
	for _, e := range []ir.Elem{ir.F16, ir.BF16, ir.F64} {
		d, err := Init(*small(t, "llama", `{"kind":"dagpam","query":"head"}`, func(c *Config) { c.Tied = true }), 1)
		if err != nil {
			t.Fatal(err)
		}
		for name, w := range d.Weights {
			n := ir.NewData(e, w.Shape...)
			for i := range w.Len() {
				n.SetFloat(i, w.Float(i))
			}
			d.Weights[name] = n
		}
		p, err := Build(d)
		if err != nil {
			t.Fatal(err)
		}
		in := makeTokens(&d.Config)
		compare(t, e.String(), p, in.inputs(p), in.want(&oracle{&d.Config, d.Weights}))
	}
}

// TestHeads checks the names and shapes of what architectures compute.
func TestHeads(t *testing.T) {
	for _, c := range []struct{ family, arch, want string }{
		{"bert", "", "last_hidden_state [2 7 24] pooler_output [2 24]"},
		{"bert", "BertForMaskedLM", "logits [2 7 19]"},
		{"bert", "BertForSequenceClassification", "logits [2 3]"},
		{"bert", "BertForTokenClassification", "logits [2 7 3]"},
		{"gpt2", "GPT2Model", "last_hidden_state [2 7 24]"},
		{"llama", "LlamaModel", "last_hidden_state [2 7 24]"},
		{"diffllama", "DiffLlamaForCausalLM", "logits [2 7 19]"},
		{"seq2seq", "Seq2SeqModel", "last_hidden_state [2 5 24]"},
		{"marian", "MarianMTModel", "logits [2 5 19]"},
		{"vit", "", "last_hidden_state [2 5 24] pooler_output [2 24]"},
		{"vit", "ViTForImageClassification", "logits [2 3]"},
	} {
		d, err := Init(*small(t, c.family, "", func(m *Config) { m.Architecture, m.Labels = c.arch, 3 }), 1)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Build(d)
		if err != nil {
			t.Fatal(err)
		}
		in := makeTokens(&d.Config)
		out, err := runtime.Eval(p, in.inputs(p), runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, v := range out {
			got = append(got, p.Main.ResultName(i), fmt.Sprint(v.(*runtime.Tensor).Shape))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s %s: %s, want %s", c.family, c.arch, s, c.want)
		}
	}
}

// TestHeadNumbers compares what is computed behind the last layer with its formula.
func TestHeadNumbers(t *testing.T) {
	for arch, head := range map[string]func(o *oracle, x matrix) matrix{
		"BertForSequenceClassification": func(o *oracle, x matrix) matrix {
			first := build(1, x.cols, func(_, j int) float64 { return x.at(0, j) })
			return o.linear(o.linear(first, "pooler.dense").each(exact["tanh"]), "classifier")
		},
		"BertForTokenClassification": func(o *oracle, x matrix) matrix { return o.linear(x, "classifier") },
		"BertForMaskedLM": func(o *oracle, x matrix) matrix {
			x = o.layerNorm(o.linear(x, "cls.predictions.transform.dense").each(exact["gelu"]), "cls.predictions.transform.LayerNorm")
			return x.mul(o.weight("embeddings.word_embeddings.weight").t()).plus(o.weight("cls.predictions.bias"))
		},
	} {
		d, err := Init(*small(t, "bert", "", func(c *Config) { c.Architecture, c.Labels = arch, 3 }), 1)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Build(d)
		if err != nil {
			t.Fatal(err)
		}
		o := &oracle{&d.Config, map[string]*ir.Data{}}
		for name, w := range d.Weights {
			o.w[strings.TrimPrefix(name, "bert.")] = w
		}
		in := makeTokens(&d.Config)
		var want []matrix
		for b := range in.ids {
			want = append(want, head(o, o.bert(in.ids[b], in.types[b], in.mask[b])))
		}
		compare(t, arch, p, in.inputs(p), under(want...))
	}
}

// TestSaveFails checks that a folder is as it was, or is not there, when weights cannot be written.
func TestSaveFails(t *testing.T) {
	d, err := Init(*small(t, "bert", "", nil), 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "new")
	d.Weights["text"] = ir.Strings([]int{1}, "a")
	if err := d.Save(dir); err == nil || !strings.Contains(err.Error(), `tensor "text"`) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is there: %v", err)
	}
	there := t.TempDir()
	write(t, there, ConfigFile, "old")
	if err := d.Save(there); err == nil {
		t.Error("no error")
	}
	if got := files(t, there); len(got) != 1 || string(got[ConfigFile]) != "old" {
		t.Errorf("the folder has changed: %d files", len(got))
	}
}
