package model

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigErrors(t *testing.T) {
	bert := func(more string) string {
		return `{"model_type":"bert","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":5` + more + `}`
	}
	for text, wants := range map[string][]string{
		``:                       {"no JSON object"},
		`{"model_type":"bert"`:   {"no JSON"},
		`{}`:                     {"model_type is missing", "bert, diffllama"},
		`{"model_type":"mamba"}`: {`model_type "mamba" is not supported`, "bart, bert"},
		`{"model_type":7}`:       {`key "model_type" is "7"; a string is wanted`},
		`{"model_type":"bert"}`:  {`"hidden_size" is missing`, `"num_hidden_layers" is missing`, `"num_attention_heads" is missing`, `"vocab_size" is missing`},
		bert(`,"hidden_size":9`): {`"hidden_size" appears twice`},
		bert(`,"intermediate_size":"big","layer_norm_eps":[]`):                           {`"intermediate_size" is "\"big\""; an integer is wanted`, `"layer_norm_eps" is "[]"; a number is wanted`},
		bert(`,"intermediate_size":1.5`):                                                 {`an integer is wanted`},
		bert(`,"intermediate_size":-1`):                                                  {`"intermediate_size" is -1; a number from 1`},
		bert(`,"max_position_embeddings":99999999999`):                                   {`"max_position_embeddings" is 99999999999`},
		bert(`,"layer_norm_eps":-1`):                                                     {`"layer_norm_eps" is -1; a positive number`},
		bert(`,"hidden_act":"mish"`):                                                     {`activation "mish" is not supported`, "gelu_new"},
		bert(`,"tie_word_embeddings":1`):                                                 {`true or false is wanted`},
		bert(`,"architectures":["BertForQuestionAnswering"]`):                            {`"BertForQuestionAnswering" is not supported for bert`, "BertForMaskedLM"},
		bert(`,"position_embedding_type":"relative_key"`):                                {`"position_embedding_type" is "relative_key"`, "absolute"},
		bert(`,"is_decoder":true`):                                                       {`"is_decoder"`},
		bert(`,"attention":{"kind":"linear"}`):                                           {`kind "linear" is not supported`, "centred, dagpam"},
		bert(`,"attention":{"per":"head"}`):                                              {`key "kind" is missing`},
		bert(`,"attention":{"kind":"dagpam","lamda_plus":1}`):                            {`kind "dagpam" has no key "lamda_plus"`, "lambda_plus"},
		bert(`,"attention":{"kind":"sink","query":"own"}`):                               {`kind "sink" has no key "query"`},
		bert(`,"attention":{"kind":"dagpam","lambda_plus":"many"}`):                      {`"lambda_plus"`, "neither a number"},
		bert(`,"attention":{"kind":"dagpam","query":"mine"}`):                            {`key "query" is "mine"; there are shared, head, own`},
		bert(`,"attention":{"kind":"dagpam","kind":"sink"}`):                             {`"kind" appears twice`},
		bert(`,"attention":{"kind":"dagpam","layers":[1]}`):                              {`key "layers" has 1; there are 1 layers`},
		bert(`,"attention":{"kind":"dagpam","layers":[-1]}`):                             {`key "layers" has -1`},
		bert(`,"attention":{"kind":"dagpam","where":["cross"]}`):                         {`"where" has "cross"; bert has only encoder`},
		bert(`,"attention":{"kind":"dagpam","where":["there"]}`):                         {`key "where" is "there"`},
		bert(`,"attention":{"kind":"shaped","where":["cross"]}`):                         {`no meaning for cross`},
		bert(`,"attention":[{"kind":"sdpa"},{"kind":"x"}]`):                              {`entry 1: kind "x"`},
		bert(`,"attention":{"kind":"diff","version":3}`):                                 {`"version" is 3`},
		bert(`,"attention":{"kind":"diff","version":2,"norm":"plain"}`):                  {"version 2, has neither norm"},
		bert(`,"attention":7`):                                                           {"no JSON object"},
		strings.Replace(bert(`,"attention":{"kind":"diff"}`), `heads":2`, `heads":1`, 1): {`pairs heads, and layer 0 (encoder) has 1`},
		strings.Replace(bert(``), `heads":2`, `heads":3`, 1):                             {"a width of 8 does not divide into 3 heads"},
		`{"model_type":"llama","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":4,"num_key_value_heads":3,"vocab_size":5,
			"intermediate_size":8,"head_dim":3}`: {"4 heads of queries cannot share 3 of keys", "heads of 3 cannot be rotated"},
		`{"model_type":"llama","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":4,"vocab_size":5,"intermediate_size":8,
			"rope_scaling":{"rope_type":"yarn","factor":2}}`: {`key "rope_scaling": rope_type "yarn" is not supported`},
		`{"model_type":"llama","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":4,"vocab_size":5,"intermediate_size":8,
			"rope_scaling":{"rope_type":"llama3","factor":2}}`: {`the factors of llama3 are missing`},
		`{"model_type":"vit","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":4,"image_size":9,"patch_size":4}`:         {"images of 9 pixels"},
		`{"model_type":"marian","d_model":8,"encoder_layers":1,"encoder_attention_heads":2,"vocab_size":5,"decoder_vocab_size":6}`: {"vocabularies are of 5 and 6"},
	} {
		_, err := ParseConfig([]byte(text))
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s:\n%v; want %s", text, err, want)
			}
		}
	}
}

// TestRope reads θ and the scaling under all of their names, and checks the frequencies against the formulas.
func TestRope(t *testing.T) {
	llama := func(more string) *Config {
		c, err := ParseConfig([]byte(`{"model_type":"llama","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":5,
			"intermediate_size":8` + more + `}`))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, c := range []struct {
		more string
		want [2]float64
	}{
		{``, [2]float64{1, 0.01}},
		{`,"rope_theta":400.0`, [2]float64{1, 0.05}},
		{`,"rope_parameters":{"rope_theta":400.0,"rope_type":"default"}`, [2]float64{1, 0.05}},
		{`,"rope_scaling":{"type":"linear","factor":4.0}`, [2]float64{0.25, 0.0025}},
		// Waves of 2π positions turn 102 times in 640, those of 200π once: the first stays, the second is between 1/4 of itself and
		// itself by (640·0.01/2π - 1)/(4 - 1).
		{`,"rope_scaling":{"rope_type":"llama3","factor":4,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":640}`,
			[2]float64{1, 0.01 * (0.25 + 0.75*(6.4/(2*math.Pi)-1)/3)}},
		{`,"rope_scaling":{"rope_type":"llama3","factor":4,"low_freq_factor":2,"high_freq_factor":4,"original_max_position_embeddings":640}`,
			[2]float64{1, 0.0025}},
	} {
		d := llama(c.more).frequencies(4)
		for i, want := range c.want {
			if got := d.Float(i); math.Abs(got-want) > 1e-7*want {
				t.Errorf("%s: frequency %d is %g, want %g", c.more, i, got, want)
			}
		}
	}
}

func TestLoadErrors(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no definition":  {map[string]string{}, "no model definition: it has no config.json"},
		"no weights":     {map[string]string{ConfigFile: `{"model_type":"bert","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":5}`}, "no weights: neither model.safetensors nor"},
		"bad config":     {map[string]string{ConfigFile: `{"model_type":"bird"}`}, `config.json: model_type "bird"`},
		"bad safetensor": {map[string]string{ConfigFile: `{"model_type":"bert","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":5}`, WeightsFile: "1234567"}, "model.safetensors: no safetensors file: 7 bytes"},
	} {
		dir := t.TempDir()
		for file, text := range c.files {
			write(t, dir, file, text)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v; want %s", name, err, c.want)
		}
	}
	dir := filepath.Join(t.TempDir(), WeightsFile)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSafetensors(dir); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("%v", err)
	}
}

func TestInitErrors(t *testing.T) {
	c := small(t, "bert", "", nil)
	c.Layers = 0
	if _, err := Init(*c, 1); err == nil || !strings.Contains(err.Error(), `"num_hidden_layers" is missing`) {
		t.Errorf("%v", err)
	}
	c.Layers, c.Width, c.Heads = 1, 1<<20, 1
	if _, err := Init(*c, 1); err == nil || !strings.Contains(err.Error(), "billion parameters") {
		t.Errorf("%v", err)
	}
	if _, err := NewConfig("elephant"); err == nil || !strings.Contains(err.Error(), `"elephant"`) {
		t.Errorf("%v", err)
	}
	if _, err := Init(Config{Family: "elephant"}, 1); err == nil || !strings.Contains(err.Error(), `"elephant"`) {
		t.Errorf("%v", err)
	}
	if _, err := Build(&Definition{Config: Config{Family: "elephant"}}); err == nil || !strings.Contains(err.Error(), `"elephant"`) {
		t.Errorf("%v", err)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"model_type":"bert","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":5,"attention":{"kind":"dagpam","per":"head"}}`))
	f.Add([]byte(`{"model_type":"llama","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":5,"intermediate_size":8,"rope_scaling":{"type":"linear","factor":2}}`))
	f.Add([]byte(`{"model_type":"bart","d_model":8,"encoder_layers":1,"encoder_attention_heads":2,"vocab_size":5,"attention":[{"kind":"diff","version":2},{"kind":"shaped","alpha":"weights"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(b)
		if err != nil {
			return
		}
		text, err := c.JSON()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := ParseConfig(text); err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, text)
		}
		if c.Layers*c.DecoderLayers < 8 && c.Layers < 8 {
			c.wants() // whatever is accepted can be built
		}
	})
}
