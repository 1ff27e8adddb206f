package codegen_test

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// TestTurnedConv compiles convolutions whose weights are packed, and beside them some of whose they are not: weights that another node reads
// as they are, images that are large, or of which only the run knows how large they are.
func TestTurnedConv(t *testing.T) {
	p := program(t, `func f(x f32[b,64,7,7], u f32[b,64,30,30], v f32[b,64,h,7]) {
		w = Weight() name="w" type=f32[72,64,3,3]
		c = Weight() name="c" type=f32[72]
		y1 = Conv(x, w, c) pads=[1,1,1,1]
		p = Weight() name="p" type=f32[96,72,1,1]
		y2 = Conv(y1, p)
		q = Weight() name="q" type=f32[32,96,1,1]
		y3 = Conv(y2, q) strides=[2,2]
		s = Weight() name="s" type=f32[32,64,3,3]
		y4 = Conv(x, s)
		y5 = Conv(u, s) strides=[3,3]
		y6 = Conv(u, s)
		y7 = Conv(v, s)
		r = Weight() name="r" type=f32[32,64,1,1]
		y8 = Conv(x, r)
		y9 = Neg(r)
		return y1, y2, y3, y4, y5, y6, y7, y8, y9
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	steps := string(out.Files["steps.go"])
	if turned, others := strings.Count(steps, "convTurned32("), strings.Count(steps, "conv32("); turned != 3 || others != 5 {
		t.Errorf("%d convolutions with packed weights and %d others instead of 3 and 5:\n%s", turned, others, steps)
	}
	if n, most := len(out.Files["weights.bin"]), 4*(96*64*9+96*72+32*96+32*64*9+32*64+72)+7*64; n > most {
		t.Errorf("the weights take %d bytes, more than %d: some are there twice", n, most)
	}
	for _, sizes := range []map[string]int{{"b": 1, "h": 3}, {"b": 6, "h": 9}} {
		compareCompiled(t, p, []string{"y1", "y2", "y3", "y4", "y5", "y6", "y7", "y8", "y9"}, sizes)
	}
}
