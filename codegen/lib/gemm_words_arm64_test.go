//go:build arm64 && !purego

package lib

import "testing"

// eachWordISA is eachISA, and NEON once more without what came later.
func eachWordISA(t *testing.T, f func(t *testing.T)) {
	eachISA(t, func(t *testing.T) {
		f(t)
		if isa == isaNEON && hasDot {
			defer func() { hasDot = true }()
			hasDot = false
			t.Run("without extensions", f)
		}
	})
}

func TestDotInAux(t *testing.T) {
	pair := func(kind, value byte) []byte { return []byte{kind, 7: 0, 10: value, 15: 0} }
	for _, c := range []struct {
		pairs [][]byte
		want  bool
	}{
		{nil, false}, {[][]byte{pair(16, 1<<4)}, true}, {[][]byte{pair(16, 0xff&^(1<<4))}, false},
		{[][]byte{pair(26, 1<<4)}, false}, {[][]byte{pair(26, 0), pair(16, 0xff), pair(0, 0)}, true}, {[][]byte{pair(16, 0xff)[:15]}, false},
	} {
		var aux []byte
		for _, p := range c.pairs {
			aux = append(aux, p...)
		}
		if got := dotInAux(aux); got != c.want {
			t.Errorf("%v in %x", got, aux)
		}
	}
}
