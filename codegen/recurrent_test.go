package codegen_test

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// TestRecurrent compiles recurrent operators whose weights are known, by kernels unless an activation has none.
func TestRecurrent(t *testing.T) {
	p := program(t, `func f(x f32[s,b,7], h f32[2,b,40], c f32[2,b,40]) {
		w = Weight() name="x" type=f32[2,160,7]
		r = Weight() name="y" type=f32[2,160,40]
		bias = Weight() name="b" type=f32[2,320]
		p = Weight() name="p" type=f32[2,120]
		y, yh, yc = LSTM(x, w, r, bias, _, h, c, p) direction="bidirectional" clip=0.5
		gw = Weight() name="gw" type=f32[1,15,7]
		gr = Weight() name="gr" type=f32[1,15,5]
		g, gh = GRU(x, gw, gr) direction="reverse" linear_before_reset=1
		k, kh = GRU(x, gw, gr)
		rw = Weight() name="rw" type=f32[1,33,7]
		rr = Weight() name="rr" type=f32[1,33,33]
		z, zh = RNN(x, rw, rr) activations=["Relu"]
		q, qh = RNN(x, rw, rr) activations=["Softsign"]
		return y, yh, yc, g, gh, k, z, zh, q
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	for call, want := range map[string]int{"lstm32(": 1, "gru32(": 2, "rnn32(": 1, "rnn(": 1} {
		if n := strings.Count(string(out.Files["steps.go"]), "\t"+call); n != want {
			t.Errorf("%d calls of %s instead of %d", n, call, want)
		}
	}
	names := []string{"y", "yh", "yc", "g", "gh", "k", "z", "zh", "q"}
	sizes := []map[string]int{{"s": 1, "b": 1}, {"s": 3, "b": 2}, {"s": 17, "b": 9}}
	compareCompiled(t, p, names, sizes...)
}
