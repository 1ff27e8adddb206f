package machine

import "golang.org/x/sys/cpu"

var instructionSet = func() string {
	switch {
	case cpu.X86.HasAVX512F:
		return "AVX-512"
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return "AVX2"
	}
	return ""
}()

// multiply does steps rounds of as many independent multiplications with additions as keep the processor busy, and returns their
// number of operations.
func multiply(steps int) int {
	if cpu.X86.HasAVX512F {
		fmaAVX512(steps)
		return steps * 24 * 16 * 2
	}
	fmaAVX2(steps)
	return steps * 12 * 8 * 2
}

// read loads all of x, whose length is a multiple of 64.
func read(x []float32) {
	if cpu.X86.HasAVX512F {
		readAVX512(&x[0], len(x))
	} else {
		readAVX2(&x[0], len(x))
	}
}

//go:noescape
func fmaAVX512(steps int)

//go:noescape
func fmaAVX2(steps int)

//go:noescape
func readAVX512(x *float32, n int)

//go:noescape
func readAVX2(x *float32, n int)
