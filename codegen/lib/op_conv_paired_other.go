//go:build !amd64 || purego

package lib

func columnMoments(dst, w []float32, ld, k int) { columnMomentsGo(dst, w, ld, k) }
