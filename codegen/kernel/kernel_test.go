package kernel

import (
	"bytes"
	"os"
	"testing"
)

const libFile = "../lib/zz_kernels_amd64.s"

// TestLibIsCurrent compares the assembly that codegen/lib is tested with to
// what Emit writes now; GPAMC_UPDATE=1 brings it up to date.
func TestLibIsCurrent(t *testing.T) {
	want, err := Emit(Stubs())
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("GPAMC_UPDATE") == "1" {
		if err := os.WriteFile(libFile, want, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(libFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what Emit writes; GPAMC_UPDATE=1 go test ./codegen/kernel rewrites it", libFile)
	}
}

func TestEmitIgnoresOrder(t *testing.T) {
	a, err := Emit([]string{"cpuid", "pause"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Emit([]string{"pause", "cpuid", "pause"})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the order of the names shows in the file")
	}
}

func TestEmitUnknown(t *testing.T) {
	if _, err := Emit([]string{"cpuid", "gemm"}); err == nil {
		t.Error("no error for a kernel that does not exist")
	}
}
