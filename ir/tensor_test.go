package ir

import (
	"runtime"
	"testing"
)

// TestLater makes bytes when they are wanted, once while somebody has them, and again when nobody has.
func TestLater(t *testing.T) {
	want := NewData(F32, 5000)
	want.SetFloat(4999, 7)
	made := 0
	d := Later(F32, []int{5000}, func() []byte {
		made++
		return append([]byte(nil), want.Bytes()...)
	})
	if err := d.Check(); err != nil || made != 0 {
		t.Fatalf("made %d times before anybody asked; %v", made, err)
	}
	held := d.Reshaped(50, 100).Made()
	if !d.Equal(want) || d.Float(4999) != 7 || made != 1 {
		t.Errorf("made %d times, equal: %v", made, d.Equal(want))
	}
	runtime.KeepAlive(held)
	runtime.GC()
	if d.Float(4999) != 7 || made != 2 {
		t.Errorf("made %d times, want once again after nobody had it", made)
	}
}
