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

// A Mechanism is one entry of the attention section of a config.json: what takes the place of softmax attention, and where. docs/model.md
// has the formulas.
type Mechanism struct {
	Kind string `json:"kind"` // one of Kinds
	// Where are the attentions meant: encoder, decoder, self (both) and cross. None is all for which the kind has a meaning.
	Where  []string `json:"where,omitempty"`
	Layers []int    `json:"layers,omitempty"` // from 0; none is all

	// Per is layer or head: what has scalars of its own. Of all kinds with scalars from the weights.
	Per string `json:"per,omitempty"`

	// Of dagpam: λ+ and λ-; whence the negative queries and keys come; how the two branches are weighted.
	LambdaPlus  *Number `json:"lambda_plus,omitempty"`
	LambdaMinus *Number `json:"lambda_minus,omitempty"`
	Query       string  `json:"query,omitempty"` // shared, head or own
	Key         string  `json:"key,omitempty"`   // same or own
	Form        string  `json:"form,omitempty"`  // affine, complement or plain

	// Of diff.
	Version    int      `json:"version,omitempty"` // 1 or 2
	Pairing    string   `json:"pairing,omitempty"` // halves or interleaved
	Norm       string   `json:"norm,omitempty"`    // plain, scaled or none
	LambdaInit *float64 `json:"lambda_init,omitempty"`

	// Of shaped.
	Alpha *Number `json:"alpha,omitempty"`
	Beta  *Number `json:"beta,omitempty"`
	Gamma *Number `json:"gamma,omitempty"`

	// Of sink.
	Sink *Number `json:"sink,omitempty"`
}

// A Number is one that the configuration gives, or one from the weights.
type Number struct {
	Weights bool
	Value   float64
}

// Fixed is a number that the configuration gives.
func Fixed(x float64) *Number { return &Number{Value: x} }

// FromWeights is a number from the weights.
func FromWeights() *Number { return &Number{Weights: true} }

// MarshalJSON writes the number, or "weights".
func (n Number) MarshalJSON() ([]byte, error) {
	if n.Weights {
		return []byte(`"weights"`), nil
	}
	return json.Marshal(n.Value)
}

// UnmarshalJSON reads a number, or "weights".
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == `"weights"` {
		*n = Number{Weights: true}
		return nil
	}
	*n = Number{}
	if err := json.Unmarshal(b, &n.Value); err != nil {
		return fmt.Errorf("%s is neither a number nor \"weights\"", clip(b))
	}
	return nil
}

// mechanismKeys are the keys of each kind, beside kind, where and layers.
var mechanismKeys = map[string][]string{
	"sdpa":    {},
	"dagpam":  {"per", "lambda_plus", "lambda_minus", "query", "key", "form"},
	"diff":    {"version", "pairing", "norm", "lambda_init"},
	"shaped":  {"per", "alpha", "beta", "gamma"},
	"centred": {},
	"sink":    {"sink"},
}

// Kinds are the mechanisms of attention.
func Kinds() []string { return slices.Sorted(maps.Keys(mechanismKeys)) }

// places are the values of Where, with the attentions that each stands for.
var places = map[string][]string{
	"encoder": {"encoder"}, "decoder": {"decoder"}, "self": {"encoder", "decoder"}, "cross": {"cross"},
}

// ParseMechanisms reads an attention section: one object, or a list of them.
func ParseMechanisms(b []byte) ([]Mechanism, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		raw = []json.RawMessage{b}
	}
	var ms []Mechanism
	var errs []error
	for i, r := range raw {
		m, err := parseMechanism(r)
		if err == nil {
			err = m.check()
		}
		if err != nil && len(raw) > 1 {
			err = fmt.Errorf("entry %d: %w", i, err)
		}
		ms, errs = append(ms, m), append(errs, err)
	}
	return ms, errors.Join(errs...)
}

func parseMechanism(b []byte) (m Mechanism, err error) {
	var keys []string
	err = eachKey(b, func(key string, value []byte) error {
		one, err := json.Marshal(map[string]json.RawMessage{key: value})
		if err != nil {
			return err
		}
		if err := json.Unmarshal(one, &m); err != nil {
			return fmt.Errorf("key %q: %s does not fit: %w", key, clip(value), err)
		}
		keys = append(keys, key)
		return nil
	})
	if err != nil {
		return m, err
	}
	if !slices.Contains(keys, "kind") {
		return m, fmt.Errorf("key \"kind\" is missing; kinds are %s", strings.Join(Kinds(), ", "))
	}
	allowed, ok := mechanismKeys[m.Kind]
	if !ok {
		return m, m.unknown()
	}
	for _, k := range keys {
		if !slices.Contains(slices.Concat([]string{"kind", "where", "layers"}, allowed), k) {
			return m, fmt.Errorf("kind %q has no key %q; it has where, layers%s", m.Kind, k, strings.Join(append([]string{""}, allowed...), ", "))
		}
	}
	return m, nil
}

func (m *Mechanism) unknown() error {
	return fmt.Errorf("kind %q is not supported; kinds are %s", m.Kind, strings.Join(Kinds(), ", "))
}

// check reports values that have no meaning.
func (m *Mechanism) check() error {
	if _, ok := mechanismKeys[m.Kind]; !ok {
		return m.unknown()
	}
	var errs []error
	oneOf := func(key, have string, want ...string) {
		if have != "" && !slices.Contains(want, have) {
			errs = append(errs, fmt.Errorf("key %q is %q; there are %s", key, have, strings.Join(want, ", ")))
		}
	}
	for _, w := range m.Where {
		oneOf("where", w, slices.Sorted(maps.Keys(places))...)
		if w == "cross" && m.Kind == "shaped" {
			errs = append(errs, errors.New("kind \"shaped\" has no meaning for cross attention: a query has no value of its own"))
		}
	}
	for _, l := range m.Layers {
		if l < 0 {
			errs = append(errs, fmt.Errorf("key \"layers\" has %d; layers count from 0", l))
		}
	}
	oneOf("per", m.Per, "layer", "head")
	oneOf("query", m.Query, "shared", "head", "own")
	oneOf("key", m.Key, "same", "own")
	oneOf("form", m.Form, "affine", "complement", "plain")
	oneOf("pairing", m.Pairing, "halves", "interleaved")
	oneOf("norm", m.Norm, "plain", "scaled", "none")
	if m.Version < 0 || m.Version > 2 {
		errs = append(errs, fmt.Errorf("key \"version\" is %d; there are 1 and 2", m.Version))
	}
	if m.Version == 2 && (m.Norm != "" && m.Norm != "none" || m.LambdaInit != nil) {
		errs = append(errs, errors.New("kind \"diff\", version 2, has neither norm nor lambda_init"))
	}
	for _, n := range []*Number{m.LambdaPlus, m.LambdaMinus, m.Alpha, m.Beta, m.Gamma, m.Sink, {Value: or(m.LambdaInit, 0)}} {
		if n != nil && (math.IsNaN(n.Value) || math.IsInf(n.Value, 0)) {
			errs = append(errs, fmt.Errorf("kind %q: %v is no number to use", m.Kind, n.Value))
		}
	}
	return errors.Join(errs...)
}

// or is what p points to, def if it points to nothing.
func or[T any](p *T, def T) T {
	if p == nil {
		return def
	}
	return *p
}

// complete is m with its defaults filled in.
func (m Mechanism) complete() Mechanism {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	number := func(p **Number, v *Number) {
		if *p == nil {
			*p = v
		}
	}
	def(&m.Per, "layer")
	switch m.Kind {
	case "dagpam":
		def(&m.Query, "shared")
		def(&m.Key, "same")
		def(&m.Form, "affine")
		number(&m.LambdaPlus, FromWeights())
		number(&m.LambdaMinus, FromWeights())
	case "diff":
		m.Version = max(m.Version, 1)
		def(&m.Pairing, map[int]string{1: "halves", 2: "interleaved"}[m.Version])
		def(&m.Norm, map[int]string{1: "plain", 2: "none"}[m.Version])
	case "shaped":
		number(&m.Alpha, Fixed(1))
		number(&m.Beta, Fixed(1))
		number(&m.Gamma, Fixed(1))
	case "sink":
		number(&m.Sink, FromWeights())
	}
	return m
}

// fits reports whether m is meant for a layer's attention at a place: encoder, decoder or cross.
func (m *Mechanism) fits(place string, layer int) bool {
	if len(m.Layers) > 0 && !slices.Contains(m.Layers, layer) {
		return false
	}
	if len(m.Where) == 0 {
		return m.Kind != "shaped" || place != "cross"
	}
	return slices.ContainsFunc(m.Where, func(w string) bool { return slices.Contains(places[w], place) })
}

// mechanism is what holds for a layer's attention at a place.
func (c *Config) mechanism(place string, layer int) Mechanism {
	for _, m := range c.Attention {
		if m.fits(place, layer) {
			return m.complete()
		}
	}
	return Mechanism{Kind: families[c.Family].attention}.complete()
}

// checkAttention reports entries that stand for no attention of the model, and heads that cannot be paired.
func (c *Config) checkAttention() error {
	var errs []error
	for i := range c.Attention {
		m := &c.Attention[i]
		err := m.check()
		if err == nil {
			err = c.meant(m)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("attention, entry %d: %w", i, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	sites := c.sites()
	for _, place := range slices.Sorted(maps.Keys(sites)) {
		heads := c.Heads
		if place != "encoder" && c.DecoderHeads > 0 {
			heads = c.DecoderHeads
		}
		for l := range sites[place] {
			if m := c.mechanism(place, l); m.Kind == "diff" && m.Version == 1 && heads%2 != 0 {
				errs = append(errs, fmt.Errorf("attention: kind \"diff\" pairs heads, and layer %d (%s) has %d", l, place, heads))
			}
		}
	}
	return errors.Join(errs...)
}

// sites are the places of the model's attentions with the number of layers of each.
func (c *Config) sites() map[string]int {
	switch families[c.Family].places {
	case "encoder":
		return map[string]int{"encoder": c.Layers}
	case "decoder":
		return map[string]int{"decoder": c.Layers}
	}
	return map[string]int{"encoder": c.Layers, "decoder": c.DecoderLayers, "cross": c.DecoderLayers}
}

// meant reports what of m names no attention of the model.
func (c *Config) meant(m *Mechanism) error {
	sites := c.sites()
	most := 0
	for _, w := range m.Where {
		if !slices.ContainsFunc(places[w], func(p string) bool { return sites[p] > 0 }) {
			return fmt.Errorf("key \"where\" has %q; %s has only %s", w, c.Family, strings.Join(slices.Sorted(maps.Keys(sites)), ", "))
		}
	}
	for place, layers := range sites {
		if (&Mechanism{Kind: m.Kind, Where: m.Where}).fits(place, 0) {
			most = max(most, layers)
		}
	}
	for _, l := range m.Layers {
		if l >= most {
			return fmt.Errorf("key \"layers\" has %d; there are %d layers, from 0", l, most)
		}
	}
	return nil
}

// A scalar is a number of a mechanism: its name, also in the weights, what is added to it, and the value that leaves softmax attention
// as it is.
type scalar struct {
	name    string
	value   Number
	offset  float64
	neutral float64
}

// scalars are the numbers of a mechanism that softmax attention is a case of, in the order of DualAttention's a, b and c; nil for others.
func (m *Mechanism) scalars() []scalar {
	switch m.Kind {
	case "dagpam":
		plus, minus := scalar{name: "lambda_plus", value: *m.LambdaPlus}, scalar{name: "lambda_minus", value: *m.LambdaMinus}
		switch m.Form {
		case "affine": // (1+λ+)P+ - λ-P-
			plus.offset = 1
		case "complement": // (1+λ+)P+ + (1-λ-)P-
			plus.offset, minus.offset, minus.neutral = 1, -1, 1
		case "plain": // λ+P+ - λ-P-
			plus.neutral = 1
		}
		return []scalar{plus, minus}
	case "shaped":
		return []scalar{{"beta", *m.Beta, 0, 1}, {"gamma", *m.Gamma, 0, 0}, {"alpha", *m.Alpha, 0, 0}}
	}
	return nil
}
