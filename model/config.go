package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// A Config is what a config.json says of a model: its family and sizes, named as in the most of Hugging Face's configurations. What a
// family does not have stays zero.
type Config struct {
	Family string // model_type: one of Families
	// Architecture says what is computed behind the layers: one of the family's architectures, such as BertForSequenceClassification; ""
	// is the family's first.
	Architecture string

	Width, Layers, Heads, FFN int    // FFN is the inner width of the feed-forward part
	KVHeads, HeadDim          int    // heads of keys and values, of which each serves Heads/KVHeads queries; the size of a head
	DecoderLayers             int    // of an encoder-decoder, as are the next two
	DecoderHeads, DecoderFFN  int    //
	Vocab, Positions, Types   int    // of tokens, of positions with an embedding, of token types
	DecoderVocab              int    // where the decoder's is another
	Labels                    int    // of a classifier
	ImageSize, PatchSize      int    // of images, in pixels
	Channels                  int    //
	Act                       string // of the feed-forward part: gelu, gelu_new, relu, silu ...

	NormEps      float64
	RopeTheta    float64
	RopeScaling  *RopeScaling
	Tied         bool // the embedding of tokens is the matrix of the logits, too
	Shared       bool // encoder and decoder share the embedding of tokens
	Bias         bool // projections of queries, keys and values, in families that leave it open
	MLPBias      bool
	ScaleEmbed   bool // embeddings times √Width
	PreNorm      bool // norms before the parts of a layer instead of behind their residual sums
	FinalNorm    bool // one behind the last layer
	EmbedNorm    bool // one behind the embeddings
	Sinusoidal   bool // positions are sines and cosines instead of weights
	ScaleHeads   bool // scores over √HeadDim
	ScaleByLayer bool // and over the layer's number, from 1

	// Attention says which attentions use another mechanism than the family's own. The first that fits an attention holds.
	Attention []Mechanism

	raw map[string]json.RawMessage // all that the file says, to be written again
}

// RopeScaling changes the frequencies of rotary embeddings for contexts longer than those of training.
type RopeScaling struct {
	Type                      string // default, linear or llama3
	Factor, LowFreq, HighFreq float64
	Original                  int // positions of training
}

// A key is one entry of a family's config.json.
type key struct {
	name  string
	field func(c *Config) any // an *int, *float64, *bool or *string
	def   any                 // nil: required. A func(*Config) any computes it from what stands before
}

// maxSize is more than any width, vocabulary or number of positions is, and little enough that their products fit an int.
const maxSize = 1 << 24

// maxLayers bounds the program that a config.json of one line can ask for.
const maxLayers = 4096

// ParseConfig reads a config.json. The error names every key that is wrong or missing.
func ParseConfig(b []byte) (*Config, error) {
	c := &Config{raw: map[string]json.RawMessage{}}
	err := eachKey(b, func(key string, value []byte) error {
		if string(value) != "null" {
			c.raw[key] = value
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := c.read("model_type", &c.Family); err != nil {
		return nil, err
	}
	f := families[c.Family]
	if f == nil {
		if c.Family == "" {
			return nil, fmt.Errorf("model_type is missing; families are %s", strings.Join(Families(), ", "))
		}
		return nil, fmt.Errorf("model_type %q is not supported; families are %s", c.Family, strings.Join(Families(), ", "))
	}
	if err := errors.Join(c.readKeys(f), c.readMore()); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

// readKeys reads the keys of the family's table.
func (c *Config) readKeys(f *family) error {
	var errs []error
	for _, k := range f.keys {
		field := k.field(c)
		if c.raw[k.name] != nil {
			errs = append(errs, c.read(k.name, field))
		} else if k.def == nil {
			errs = append(errs, fmt.Errorf("key %q is missing", k.name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, k := range f.keys {
		if c.raw[k.name] == nil {
			k.set(c)
		}
	}
	return nil
}

// set gives the key's field its default.
func (k *key) set(c *Config) {
	def := k.def
	if f, ok := def.(func(*Config) any); ok {
		def = f(c)
	}
	switch p := k.field(c).(type) {
	case *int:
		*p = def.(int)
	case *float64:
		*p = def.(float64)
	case *bool:
		*p = def.(bool)
	case *string:
		*p = def.(string)
	}
}

// read decodes a key, if it is there.
func (c *Config) read(name string, into any) error {
	value := c.raw[name]
	if value == nil {
		return nil
	}
	if err := json.Unmarshal(value, into); err != nil {
		want := map[string]string{"*int": "an integer", "*float64": "a number", "*bool": "true or false", "*string": "a string"}[fmt.Sprintf("%T", into)]
		if want == "" {
			return fmt.Errorf("key %q: %w", name, err)
		}
		return fmt.Errorf("key %q is %s; %s is wanted", name, clip(value), want)
	}
	return nil
}

// readMore reads what is no plain key: architectures, labels, rotary embeddings, attention.
func (c *Config) readMore() error {
	var errs []error
	var arch []string
	errs = append(errs, c.read("architectures", &arch))
	if len(arch) > 0 {
		c.Architecture = arch[0]
	}
	var labels map[string]any
	errs = append(errs, c.read("id2label", &labels), c.read("num_labels", &c.Labels))
	if len(labels) > 0 {
		c.Labels = len(labels)
	}
	errs = append(errs, c.readRope())
	if c.raw["attention"] != nil {
		ms, err := ParseMechanisms(c.raw["attention"])
		if err != nil {
			errs = append(errs, fmt.Errorf("key \"attention\": %w", err))
		}
		c.Attention = ms
	}
	return errors.Join(errs...)
}

// readRope reads rope_scaling and rope_parameters, the newer name, which holds rope_theta, too.
func (c *Config) readRope() error {
	for _, name := range []string{"rope_scaling", "rope_parameters"} {
		r := struct {
			Type     string   `json:"rope_type"`
			Old      string   `json:"type"`
			Theta    *float64 `json:"rope_theta"`
			Factor   float64  `json:"factor"`
			LowFreq  float64  `json:"low_freq_factor"`
			HighFreq float64  `json:"high_freq_factor"`
			Original int      `json:"original_max_position_embeddings"`
		}{}
		if err := c.read(name, &r); err != nil {
			return err
		}
		if r.Theta != nil {
			c.RopeTheta = *r.Theta
		}
		if r.Type == "" {
			r.Type = r.Old
		}
		switch r.Type {
		case "", "default":
			continue
		case "linear", "llama3":
		default:
			return fmt.Errorf("key %q: rope_type %q is not supported; default, linear and llama3 are", name, r.Type)
		}
		if r.Factor <= 0 || r.Type == "llama3" && (r.LowFreq <= 0 || r.HighFreq <= r.LowFreq || r.Original <= 0) {
			return fmt.Errorf("key %q: the factors of %s are missing or not positive", name, r.Type)
		}
		c.RopeScaling = &RopeScaling{r.Type, r.Factor, r.LowFreq, r.HighFreq, r.Original}
	}
	return nil
}

// Complete fills in the defaults of fields that are zero, for a configuration made in Go, and reports what is wrong with it. Booleans
// are taken as they are: NewConfig gives them their defaults.
func (c *Config) Complete() error {
	f := families[c.Family]
	if f == nil {
		return fmt.Errorf("family %q is not supported; families are %s", c.Family, strings.Join(Families(), ", "))
	}
	var errs []error
	for _, k := range f.keys {
		switch p := k.field(c).(type) {
		case *int:
			if *p != 0 {
				continue
			}
		case *float64:
			if *p != 0 {
				continue
			}
		case *string:
			if *p != "" {
				continue
			}
		case *bool:
			continue
		}
		if k.def == nil {
			errs = append(errs, fmt.Errorf("key %q is missing", k.name))
			continue
		}
		k.set(c)
	}
	return errors.Join(append(errs, c.check())...)
}

// NewConfig is a configuration with all defaults of a family; sizes that have none are zero.
func NewConfig(family string) (*Config, error) {
	f := families[family]
	if f == nil {
		return nil, fmt.Errorf("family %q is not supported; families are %s", family, strings.Join(Families(), ", "))
	}
	c := &Config{Family: family}
	for _, k := range f.keys {
		if _, ok := k.field(c).(*bool); ok {
			k.set(c)
		}
	}
	return c, nil
}

// Has reports whether the family has the field, given by its address in c: Has(&c.KVHeads).
func (c *Config) Has(field any) bool {
	f := families[c.Family]
	return f != nil && slices.ContainsFunc(f.keys, func(k key) bool { return k.field(c) == field })
}

// check reports sizes that make no model.
func (c *Config) check() error {
	f := families[c.Family]
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, k := range f.keys {
		switch p := k.field(c).(type) {
		case *int:
			most := maxSize
			if strings.HasSuffix(k.name, "layers") || k.name == "n_layer" {
				most = maxLayers
			}
			if *p < 1 || *p > most {
				fail("key %q is %d; a number from 1 to %d is wanted", k.name, *p, most)
			}
		case *float64:
			if !(*p > 0) || math.IsInf(*p, 0) {
				fail("key %q is %v; a positive number is wanted", k.name, *p)
			}
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if _, ok := activations[c.Act]; !ok {
		fail("activation %q is not supported; there are %s", c.Act, strings.Join(slices.Sorted(maps.Keys(activations)), ", "))
	}
	if c.Architecture != "" && !slices.Contains(f.architectures, c.Architecture) {
		fail("architecture %q is not supported for %s; there are %s", c.Architecture, c.Family, strings.Join(f.architectures, ", "))
	}
	if c.Labels < 0 || c.Labels > maxSize {
		fail("%d labels", c.Labels)
	}
	if f.check != nil {
		errs = append(errs, f.check(c))
	}
	return errors.Join(append(errs, c.checkAttention())...)
}

// JSON is the configuration as a config.json: what the file that it was read from says, and its own fields.
func (c *Config) JSON() ([]byte, error) {
	out := map[string]any{}
	for k, v := range c.raw {
		out[k] = v
	}
	out["model_type"] = c.Family
	for _, k := range families[c.Family].keys {
		out[k.name] = k.field(c)
	}
	if c.Architecture != "" {
		out["architectures"] = []string{c.Architecture}
	}
	if c.Labels > 0 && c.raw["id2label"] == nil {
		out["num_labels"] = c.Labels
	}
	if r := c.RopeScaling; r != nil && c.raw["rope_scaling"] == nil && c.raw["rope_parameters"] == nil {
		out["rope_scaling"] = map[string]any{"rope_type": r.Type, "factor": r.Factor, "low_freq_factor": r.LowFreq,
			"high_freq_factor": r.HighFreq, "original_max_position_embeddings": r.Original}
	}
	delete(out, "attention")
	if len(c.Attention) > 0 {
		out["attention"] = c.Attention
	}
	b, err := json.MarshalIndent(out, "", "  ")
	return append(b, '\n'), err
}

// architecture is what is computed behind the layers.
func (c *Config) architecture() string {
	if c.Architecture == "" {
		return families[c.Family].architectures[0]
	}
	return c.Architecture
}
