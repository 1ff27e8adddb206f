package lib

// The instruction sets that kernels are written for, in rising order. A
// kernel that has no variant for the level in use takes the next lower one.
const (
	isaPortable = iota
	isaAVX2     // AVX2 and FMA
	isaAVX512   // AVX-512 F, BW, DQ and VL
)

// isa is the instruction set in use: what the processor and the operating
// system both support, or less where GPAMC_ISA asks for less.
var isa = chooseISA()

// pairs tells whether products are done by pairs: on processors that have adders
// beside their multipliers. GPAMC_ISA=avx512 is without.
var pairs = choosePairs()
