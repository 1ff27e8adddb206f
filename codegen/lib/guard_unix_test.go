//go:build unix

package lib

import (
	"syscall"
	"testing"
	"unsafe"
)

// guarded is n floats that end where memory ends, so that a kernel that reads
// or writes further dies.
func guarded(t testing.TB, n int) []float32 {
	page := syscall.Getpagesize()
	size := roundUp(max(4*n, 1), page)
	m, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(m); err != nil {
			t.Error(err)
		}
	})
	if err := syscall.Mprotect(m[size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		return []float32{}
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&m[size-4*n])), n)
}
