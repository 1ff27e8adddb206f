//go:build (!amd64 && !arm64) || purego

package lib

func abs32(y, x []float32) { abs32Go(y, x) }

func neg32(y, x []float32) { neg32Go(y, x) }

func reciprocal32(y, x []float32) { reciprocal32Go(y, x) }

func sqrt32(y, x []float32) { sqrt32Go(y, x) }

func floor32(y, x []float32) { floor32Go(y, x) }

func ceil32(y, x []float32) { ceil32Go(y, x) }

func round32(y, x []float32) { round32Go(y, x) }
