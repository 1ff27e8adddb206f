//go:build (!amd64 && !arm64) || purego

package lib

func add32(y, a, b []float32) { add32Go(y, a, b) }

func sub32(y, a, b []float32) { sub32Go(y, a, b) }

func mul32(y, a, b []float32) { mul32Go(y, a, b) }

func div32(y, a, b []float32) { div32Go(y, a, b) }

func max32(y, a, b []float32) { max32Go(y, a, b) }

func min32(y, a, b []float32) { min32Go(y, a, b) }
