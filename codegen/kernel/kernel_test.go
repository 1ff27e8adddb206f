package kernel

import (
	"bytes"
	"os"
	"regexp"
	"strings"
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

// TestRegistersOfAVX2 looks for registers that only AVX-512 has: where avo
// runs out of 16, it takes them.
func TestRegistersOfAVX2(t *testing.T) {
	only := regexp.MustCompile(`\b([YX](1[6-9]|2[0-9]|3[01])|Z[0-9]+|K[0-7])\b`)
	for _, name := range Stubs() {
		if !strings.HasSuffix(name, "AVX2") {
			continue
		}
		text, err := Emit([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		if m := only.Find(text); m != nil {
			t.Errorf("%s uses %s", name, m)
		}
	}
}
