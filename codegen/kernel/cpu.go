package kernel

import "github.com/mmcloughlin/avo/reg"

// cpuKernels ask the processor what it is, and tell it to rest.
var cpuKernels = map[string]generator{
	"cpuid": {"func(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)", func(a *asm) {
		a.Load(a.Param("leaf"), reg.EAX)
		a.Load(a.Param("subleaf"), reg.ECX)
		a.CPUID()
		a.Store(reg.EAX, a.Return("eax"))
		a.Store(reg.EBX, a.Return("ebx"))
		a.Store(reg.ECX, a.Return("ecx"))
		a.Store(reg.EDX, a.Return("edx"))
		a.RET()
	}},
	"xgetbv": {"func() (eax, edx uint32)", func(a *asm) {
		a.XORL(reg.ECX, reg.ECX)
		a.XGETBV()
		a.Store(reg.EAX, a.Return("eax"))
		a.Store(reg.EDX, a.Return("edx"))
		a.RET()
	}},
	"pause": {"func()", func(a *asm) {
		for range 4 {
			a.PAUSE()
		}
		a.RET()
	}},
}
