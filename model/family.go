package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// A family is a kind of model: what its config.json says, and how it is built.
type family struct {
	keys          []key
	architectures []string // what may be computed behind the layers, the default first
	places        string   // of attentions: encoder, decoder or both
	attention     string   // the kind that its attentions are without an attention section
	check         func(c *Config) error
	build         func(n *net)
}

var families map[string]*family

// Families are the values of model_type that are supported.
func Families() []string { return slices.Sorted(maps.Keys(families)) }

func init() { // not a literal: building looks families up
	families = map[string]*family{
		"bert": {keys: bertKeys, places: "encoder", attention: "sdpa", check: checkBert, build: buildBert,
			architectures: []string{"BertModel", "BertForMaskedLM", "BertForSequenceClassification", "BertForTokenClassification"}},
		"gpt2": {keys: gpt2Keys, places: "decoder", attention: "sdpa", check: checkHeads, build: buildGPT2,
			architectures: []string{"GPT2LMHeadModel", "GPT2Model"}},
		"llama": {keys: llamaKeys, places: "decoder", attention: "sdpa", check: checkLlama, build: buildLlama,
			architectures: []string{"LlamaForCausalLM", "LlamaModel"}},
		"diffllama": {keys: llamaKeys, places: "decoder", attention: "diff", check: checkLlama, build: buildLlama,
			architectures: []string{"DiffLlamaForCausalLM", "DiffLlamaModel"}},
		"seq2seq": {keys: seq2seqKeys(seq2seqDefaults{sinusoidal: true, act: "relu", scale: true}), places: "both", attention: "sdpa",
			check: checkSeq2Seq, build: buildSeq2Seq, architectures: []string{"Seq2SeqLM", "Seq2SeqModel"}},
		"marian": {keys: seq2seqKeys(seq2seqDefaults{sinusoidal: true, act: "gelu"}), places: "both", attention: "sdpa",
			check: checkSeq2Seq, build: buildSeq2Seq, architectures: []string{"MarianMTModel", "MarianModel"}},
		"bart": {keys: seq2seqKeys(seq2seqDefaults{act: "gelu", embedNorm: true}), places: "both", attention: "sdpa",
			check: checkSeq2Seq, build: buildSeq2Seq, architectures: []string{"BartForConditionalGeneration", "BartModel"}},
		"mbart": {keys: seq2seqKeys(seq2seqDefaults{act: "gelu", embedNorm: true, pre: true}), places: "both", attention: "sdpa",
			check: checkSeq2Seq, build: buildSeq2Seq, architectures: []string{"MBartForConditionalGeneration", "MBartModel"}},
		"vit": {keys: vitKeys, places: "encoder", attention: "sdpa", check: checkViT, build: buildViT,
			architectures: []string{"ViTModel", "ViTForImageClassification"}},
	}
}

// Build makes a program of a definition. The weights' data is shared with it. The error names all tensors that are missing or do not fit.
func Build(d *Definition) (*ir.Program, error) {
	n := newNet(&d.Config, d.Weights)
	n.cached = d.Cache
	if n.have == nil {
		n.have = map[string]*ir.Data{}
	}
	fail := func(err error) (*ir.Program, error) {
		if d.Source != "" {
			err = fmt.Errorf("%s: %w", d.Source, err)
		}
		return nil, err
	}
	if families[d.Config.Family] == nil {
		return fail(fmt.Errorf("family %q is not supported", d.Config.Family))
	}
	if err := d.Config.check(); err != nil {
		return fail(err)
	}
	if d.Cache && families[d.Config.Family].places == "encoder" {
		return fail(fmt.Errorf("a cache of keys and values is for decoders, not for %s", d.Config.Family))
	}
	families[d.Config.Family].build(n)
	for _, x := range n.present {
		n.output(x.name, x.value)
	}
	if err := n.err(); err != nil {
		return fail(err)
	}
	n.p.Main.Prune()
	n.p.Source, n.p.Doc = d.Source, d.Config.Family+" "+d.Config.architecture()
	if err := ir.Verify(n.p.Main); err != nil {
		panic(fmt.Sprintf("BUG: %s does not verify: %v", d.Config.Family, err))
	}
	return n.p, nil
}

// wants are the tensors that a model of this configuration has.
func (c *Config) wants() []want {
	n := newNet(c, nil)
	families[c.Family].build(n)
	return n.wants
}

func checkHeads(c *Config) error {
	if c.Width%c.Heads != 0 {
		return fmt.Errorf("a width of %d does not divide into %d heads", c.Width, c.Heads)
	}
	return nil
}

func checkBert(c *Config) error {
	kind, decoder := "absolute", false
	err := errors.Join(c.read("position_embedding_type", &kind), c.read("is_decoder", &decoder))
	if kind != "absolute" {
		err = errors.Join(err, fmt.Errorf("key \"position_embedding_type\" is %q; only absolute is supported", kind))
	}
	if decoder {
		err = errors.Join(err, errors.New("key \"is_decoder\" is true; only encoders are supported"))
	}
	return errors.Join(checkHeads(c), err)
}

func checkLlama(c *Config) error {
	var errs []error
	if c.Heads%c.KVHeads != 0 {
		errs = append(errs, fmt.Errorf("%d heads of queries cannot share %d of keys", c.Heads, c.KVHeads))
	}
	if c.HeadDim%2 != 0 {
		errs = append(errs, fmt.Errorf("heads of %d cannot be rotated in pairs", c.HeadDim))
	}
	return errors.Join(errs...)
}

func checkSeq2Seq(c *Config) error {
	var errs []error
	for _, h := range []int{c.Heads, c.DecoderHeads} {
		if c.Width%h != 0 {
			errs = append(errs, fmt.Errorf("a width of %d does not divide into %d heads", c.Width, h))
		}
	}
	if c.Shared && c.DecoderVocab != c.Vocab {
		errs = append(errs, fmt.Errorf("encoder and decoder share embeddings, but their vocabularies are of %d and %d", c.Vocab, c.DecoderVocab))
	}
	return errors.Join(errs...)
}

// maxImage and maxChannels keep the numbers of pixels and patches within maxSize.
const maxImage, maxChannels = 2048, 4

func checkViT(c *Config) error {
	errs := []error{checkHeads(c)}
	if c.ImageSize%c.PatchSize != 0 {
		errs = append(errs, fmt.Errorf("images of %d pixels do not divide into patches of %d", c.ImageSize, c.PatchSize))
	}
	if c.ImageSize > maxImage || c.Channels > maxChannels {
		errs = append(errs, fmt.Errorf("images of %d pixels and %d channels; at most %d and %d are supported", c.ImageSize, c.Channels,
			maxImage, maxChannels))
	}
	return errors.Join(errs...)
}
