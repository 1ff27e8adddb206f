package model_test

import (
	"fmt"
	"log"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/model"
	"github.com/gpamc/gpamc/runtime"
)

// A decoder whose second layer is daGPAM, with a λ of its own for each head, made in Go and evaluated.
func Example() {
	c, err := model.NewConfig("gpt2") // with the family's defaults
	if err != nil {
		log.Fatal(err)
	}
	c.Width, c.Layers, c.Heads, c.Vocab, c.Positions = 32, 2, 4, 100, 64
	c.Attention = []model.Mechanism{{Kind: "dagpam", Layers: []int{1}, Per: "head", LambdaPlus: model.Fixed(0.5)}}
	d, err := model.Init(*c, 1) // random weights; d.Weights may as well be filled by the caller
	if err != nil {
		log.Fatal(err)
	}
	p, err := model.Build(d)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range p.Main.Nodes {
		if n.Op == ir.Attention || n.Op == ir.DualAttention {
			fmt.Println(n.Name, n.Op.Name, n.Out().Type)
		}
	}
	ids := runtime.Ints(ir.I64, []int{1, 3}, 5, 17, 2)
	out, err := runtime.Eval(p, []runtime.Value{ids}, runtime.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Main.ResultName(0), out[0].Type())
	// Output:
	// transformer.h.0.attn Attention f32[batch,4,seq,8]
	// transformer.h.1.attn DualAttention f32[batch,4,seq,8]
	// logits f32[1,3,100]
}
