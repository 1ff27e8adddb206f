package codegen_test

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// TestBlockedLinear compiles products with weights of a few bits, which stay in these bits.
func TestBlockedLinear(t *testing.T) {
	p := program(t, `func f(x f32[b,s,40], r f32[b,s,33]) {
		w = Weight() name="w" type=u4[40,33]
		ws = Weight() name="ws" type=f32[3,33]
		wz = Weight() name="wz" type=u4[3,33]
		c = Weight() name="c" type=f32[33]
		y = BlockedLinear(x, w, ws, wz, c, r) block_size=16 act="silu"
		u = Weight() name="u" type=u4[33,5]
		us = Weight() name="us" type=f32[2,5]
		z = BlockedLinear(y, u, us) block_size=32
		v = Weight() name="v" type=u8[33,35]
		vs = Weight() name="vs" type=f32[2,35]
		vz = Weight() name="vz" type=u8[2,35]
		p = BlockedLinear(y, v, vs, vz) block_size=32
		q = Weight() name="q" type=u2[35,34]
		qs = Weight() name="qs" type=f32[3,34]
		qz = Weight() name="qz" type=u2[3,34]
		o = BlockedLinear(p, q, qs, qz) block_size=16
		return y, z, p, o
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out.Files["steps.go"]), "gemmBlocked("); n != 4 {
		t.Errorf("%d products with weights of a few bits instead of 4", n)
	}
	if n := len(out.Files["weights.bin"]); n > 8000 {
		t.Errorf("the weights take %d bytes", n)
	}
	rounded := program(t, `func f(x f32[b,s,40], r f32[b,s,33]) {
		w = Weight() name="w" type=u4[40,33]
		ws = Weight() name="ws" type=f32[3,33]
		wz = Weight() name="wz" type=u4[3,33]
		c = Weight() name="c" type=f32[33]
		y = BlockedLinear(x, w, ws, wz, c, r) block_size=16 act="silu" int8=1
		v = Weight() name="v" type=u8[40,35]
		vs = Weight() name="vs" type=f32[2,35]
		z = BlockedLinear(x, v, vs) block_size=32 int8=1
		q = Weight() name="q" type=u2[40,34]
		qs = Weight() name="qs" type=f32[5,34]
		o = BlockedLinear(x, q, qs) block_size=8 int8=1
		d = FakeQuantize(x) block_size=16
		return y, z, o, d
	}`)
	if out, err = codegen.Compile(rounded, codegen.Options{Package: "emitted"}); err != nil || strings.Count(string(out.Files["steps.go"]), "gemmBlockedInt8(") != 2 {
		t.Errorf("not two products of rows in int8, and one that is none; %v", err)
	}
	if out, err = codegen.Compile(p, codegen.Options{Package: "emitted", Precision: codegen.Int8}); err != nil || strings.Count(string(out.Files["steps.go"]), "gemmBlockedInt8(") != 4 {
		t.Errorf("not four products of rows in int8 where the user wants that; %v", err)
	}
	half := program(t, `func f(x f16[b,s,40]) {
		w = Weight() name="w" type=u4[40,33]
		ws = Weight() name="ws" type=f16[3,33]
		y = BlockedLinear(x, w, ws) block_size=16 act="silu"
		z = Cast(y) to=1
		return z
	}`)
	if out, err = codegen.Compile(half, codegen.Options{Package: "emitted"}); err != nil || !strings.Contains(string(out.Files["steps.go"]), "gemmBlocked(") {
		t.Errorf("no product with weights of four bits and scales in float16; %v", err)
	}
	sizes := []map[string]int{{"b": 1, "s": 1}, {"b": 2, "s": 3}, {"b": 3, "s": 17}}
	compareCompiled(t, p, []string{"y", "z", "p", "o"}, sizes...)
	compareCompiled(t, rounded, []string{"y", "z", "o", "d"}, sizes...)
}
