//go:build !amd64 || purego

package lib

// wideKernels is nothing: here bytes are multiplied as fast.
func wideKernels(bool) (mul func(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int),
	panel func(dst, w, _ []uint32)) {
	return nil, nil
}

func splitRow(dst, x []uint32) { splitRowGo(dst, x) }
