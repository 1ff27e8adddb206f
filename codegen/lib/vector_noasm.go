//go:build (!amd64 && !arm64) || purego

package lib

func relu32(y, x []float32) { relu32Go(y, x) }

func exp32(y, x []float32) { exp32Go(y, x) }

func log32(y, x []float32) { log32Go(y, x) }

func erf32(y, x []float32) { erf32Go(y, x) }

func tanh32(y, x []float32) { tanh32Go(y, x) }

func sigmoid32(y, x []float32) { sigmoid32Go(y, x) }

func silu32(y, x []float32) { silu32Go(y, x) }

func gelu32(y, x []float32) { gelu32Go(y, x) }

func geluTanh32(y, x []float32) { geluTanh32Go(y, x) }
