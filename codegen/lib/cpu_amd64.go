//go:build amd64 && !purego

package lib

import "os"

// chooseISA is the best level that processor and operating system allow.
// GPAMC_ISA=portable, avx2 or avx512 asks for less; it cannot ask for more.
func chooseISA() int {
	has := detectISA()
	switch os.Getenv("GPAMC_ISA") {
	case "portable":
		return isaPortable
	case "avx2":
		return min(has, isaAVX2)
	}
	return has
}

// detectISA asks cpuid for the instructions and xgetbv whether the system
// saves the registers they use: without the latter they trap or, worse, lose
// their upper halves at a context switch.
func detectISA() int {
	const (
		fma, osxsave, avx, f16c        = 1 << 12, 1 << 27, 1 << 28, 1 << 29 // leaf 1, ecx
		avx2, avx512f, avx512dq        = 1 << 5, 1 << 16, 1 << 17           // leaf 7, ebx
		avx512bw, avx512vl             = 1 << 30, 1 << 31
		saveYMM, saveZMM               = 0x06, 0xe6 // xcr0
		leaf1                   uint32 = fma | osxsave | avx | f16c
		leaf7                   uint32 = avx512f | avx512dq | avx512bw | avx512vl
	)
	highest, _, _, _ := cpuid(0, 0)
	_, _, c, _ := cpuid(1, 0)
	if highest < 7 || c&leaf1 != leaf1 {
		return isaPortable
	}
	saved, _ := xgetbv()
	_, b, _, _ := cpuid(7, 0)
	switch {
	case b&avx2 == 0 || saved&saveYMM != saveYMM:
		return isaPortable
	case b&leaf7 != leaf7 || saved&saveZMM != saveZMM:
		return isaAVX2
	}
	return isaAVX512
}

// choosePairs says yes to AMD's processors that have AVX-512, Zen 4 and later:
// they add vectors beside two that they multiply. Those of Intel add with the
// units that multiply.
func choosePairs() bool {
	if isa == isaAVX512 && os.Getenv("GPAMC_ISA") == "" {
		_, b, c, d := cpuid(0, 0)
		return b == 0x68747541 && d == 0x69746e65 && c == 0x444d4163 // AuthenticAMD
	}
	return false
}

//go:noescape
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

//go:noescape
func xgetbv() (eax, edx uint32)

// pause tells the processor that its thread is spinning: it runs the PAUSE
// instruction a few times.
//
//go:noescape
func pause()
