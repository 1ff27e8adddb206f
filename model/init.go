package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// maxMade is the number of elements up to which weights are made up: those of a model of eight billion parameters.
const maxMade = 8 << 30

// Init makes a definition of random weights. Equal configurations and seeds give equal bytes; a tensor depends on its own name, not on
// the others.
func Init(c Config, seed uint64) (*Definition, error) {
	if err := c.Complete(); err != nil {
		return nil, err
	}
	d := &Definition{Config: c, Weights: map[string]*ir.Data{}}
	return d, d.make(c.wants(), func(w want) *ir.Data { return w.random(seed) })
}

// make adds the tensors that d does not have.
func (d *Definition) make(wants []want, one func(w want) *ir.Data) error {
	total := 0.0 // which sizes at their limits do not overflow
	for _, w := range wants {
		size := 1.0
		for _, k := range w.shape {
			size *= float64(k)
		}
		if total += size; total > maxMade {
			return fmt.Errorf("a model of more than %d billion parameters is not made up", maxMade>>30)
		}
	}
	for _, w := range wants {
		if d.Weights[w.name] == nil {
			d.Weights[w.name] = one(w)
		}
	}
	return nil
}

// random is the tensor as its fill makes it up.
func (w want) random(seed uint64) *ir.Data {
	h := fnv.New64a()
	h.Write([]byte(w.name))
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	d := ir.NewData(ir.F32, w.shape...)
	for i := range d.Len() {
		d.SetFloat(i, w.fill.mean+w.fill.std*r.NormFloat64())
	}
	return d
}

// Convert gives a definition other mechanisms of attention. Where it was softmax attention and becomes daGPAM in its affine form, it
// computes the same as before: lambdas from the weights are 0, so that training can begin from where the model is. Other tensors that
// the mechanisms need are made up with the seed. d is not changed; its weights are shared.
func Convert(d *Definition, ms []Mechanism, seed uint64) (*Definition, error) {
	before, err := Build(d)
	if err != nil {
		return nil, err
	}
	e := &Definition{Config: d.Config, Weights: maps.Clone(d.Weights), Source: d.Source}
	e.Config.Attention = slices.Concat(ms, d.Config.Attention)
	if err := e.Config.check(); err != nil {
		return nil, err
	}
	if err := convertible(&d.Config, &e.Config); err != nil {
		return nil, err
	}
	n := newNet(&e.Config, d.Weights)
	families[e.Config.Family].build(n)
	var wants []want
	for _, w := range n.wants {
		if _, ok := n.find(w.name); !ok {
			wants = append(wants, w)
		}
	}
	if err := errors.Join(n.wrong...); err != nil {
		return nil, fmt.Errorf("%s: the weights do not fit the new attention: %w", before.Source, err)
	}
	return e, e.make(wants, func(w want) *ir.Data {
		if w.fill.neutral == nil {
			return w.random(seed)
		}
		x := ir.NewData(ir.F32, w.shape...)
		for i := range x.Len() {
			x.SetFloat(i, *w.fill.neutral)
		}
		return x
	})
}

// convertible reports attentions that would not compute what they did.
func convertible(from, to *Config) error {
	var errs []error
	sites := from.sites()
	for _, place := range slices.Sorted(maps.Keys(sites)) {
		for l := range sites[place] {
			a, b := from.mechanism(place, l), to.mechanism(place, l)
			if a.formula() == b.formula() {
				continue
			}
			if err := a.becomes(b); err != nil {
				errs = append(errs, fmt.Errorf("layer %d (%s): %w", l, place, err))
			}
		}
	}
	return errors.Join(errs...)
}

// formula is what m computes, as text that is equal for equal mechanisms.
func (m Mechanism) formula() string {
	m.Where, m.Layers = nil, nil
	b, err := json.Marshal(m.complete())
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return string(b)
}

// becomes reports why m cannot become to without computing something else.
func (m Mechanism) becomes(to Mechanism) error {
	scalars := to.scalars()
	if m.Kind != "sdpa" || scalars == nil {
		return fmt.Errorf("attention of kind %q cannot become %q and compute the same; sdpa can become dagpam or shaped", m.Kind, to.Kind)
	}
	var errs []error
	for _, x := range scalars {
		if !x.value.Weights && x.value.Value != x.neutral {
			errs = append(errs, fmt.Errorf("%s is fixed at %v: to compute the same it must be %v, or come from the weights", x.name,
				x.value.Value, x.neutral))
		}
	}
	return errors.Join(errs...)
}
