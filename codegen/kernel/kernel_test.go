package kernel

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestLibIsCurrent compares the assembly that codegen/lib is tested with to
// what Emit writes now; GPAMC_UPDATE=1 brings it up to date.
func TestLibIsCurrent(t *testing.T) {
	for name, emit := range map[string]func() ([]byte, error){
		"amd64": func() ([]byte, error) { return Emit(Stubs()) },
		"arm64": func() ([]byte, error) { return EmitNEON(NEONStubs()) },
	} {
		file := "../lib/zz_kernels_" + name + ".s"
		want, err := emit()
		if err != nil {
			t.Fatal(err)
		}
		if os.Getenv("GPAMC_UPDATE") == "1" {
			if err := os.WriteFile(file, want, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what is written now; GPAMC_UPDATE=1 go test ./codegen/kernel rewrites it", file)
		}
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
	if _, err := EmitNEON([]string{"panelMulNEON", "panelMulAVX2"}); err == nil {
		t.Error("no error for a kernel that does not exist on arm64")
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

// TestRegistersOfNEON looks for registers that belong to the system, to Go's
// runtime or to its assembler, and for parameters that do not exist.
func TestRegistersOfNEON(t *testing.T) {
	text, err := EmitNEON(NEONStubs())
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`\b(R18|R2[678]|R29|R3[0-9]|V3[2-9])\b`).Find(text); m != nil {
		t.Errorf("the kernels use %s", m)
	}
	for _, name := range NEONStubs() {
		if !IsNEON(name) {
			t.Errorf("nobody would look for %s among the kernels of arm64", name)
		}
	}
}
