// Package kernel writes the assembly that emitted packages bring: for each
// function that codegen/lib declares without a body, one generator.
//
// The formula, the shapes and the meaning of every parameter stand at the
// declaration and its portable twin in codegen/lib; here is how it is done.
package kernel

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// A generator writes the body of one function and gives its signature, as it
// is declared in codegen/lib.
type generator struct {
	signature string
	body      func(*asm)
}

// asm is a file in the making.
type asm struct {
	*build.Context
	home *build.Context         // the file, which Context is a strand of while something is woven
	data map[string]operand.Mem // constants already in the file, by name

	table *table // constants of arm64
}

func newAsm() *asm {
	file := build.NewContext()
	return &asm{Context: file, home: file, data: map[string]operand.Mem{}}
}

// align lets the next instruction begin a line of the cache: short loops take
// up to a twentieth longer where they begin in the middle of one.
func (a *asm) align() {
	a.Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []operand.Op{operand.Imm(lineBytes)}})
}

// constant is n words of 64 bits by name, which the file has once.
func (a *asm) constant(name string, n int, word func(i int) uint64) operand.Mem {
	m, ok := a.data[name]
	if !ok {
		m = a.home.StaticGlobal(name)
		a.home.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range n {
			a.home.AddDatum(8*i, operand.U64(word(i)))
		}
		a.data[name] = m
	}
	return m
}

// weave writes body n times, the instructions of all in turns. A processor
// looks at some hundred instructions ahead; where one chain of steps that wait
// for each other follows the other, it finds too little there that it could
// begin. body has no labels, and always the same instructions.
func (a *asm) weave(n int, body func(i int)) {
	file := a.Context
	strands := make([][]*ir.Instruction, n)
	for i := range strands {
		a.Context = build.NewContext()
		a.Collection = file.Collection // of registers
		a.Function("strand")
		body(i)
		f, err := a.Result()
		if err != nil {
			panic("BUG: " + err.Error())
		}
		strands[i] = f.Functions()[0].Instructions()
	}
	a.Context = file
	for at := range strands[0] {
		for _, s := range strands {
			a.Instruction(s[at])
		}
	}
}

// Stubs is the names of all functions that Emit can write, sorted.
func Stubs() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(generators())), IsNEON)
}

// Emit is one assembly file, for GOARCH=amd64, that holds the functions named.
// The same names give the same bytes, in whatever order they come.
func Emit(stubs []string) ([]byte, error) {
	all := generators()
	a := newAsm()
	a.ConstraintExpr("amd64,!purego")
	for _, name := range slices.Compact(slices.Sorted(slices.Values(stubs))) {
		g, ok := all[name]
		if !ok || IsNEON(name) {
			return nil, fmt.Errorf("no assembly is known for %s; there is for %s", name, strings.Join(Stubs(), ", "))
		}
		a.Function(name)
		a.Attributes(attr.NOSPLIT)
		a.SignatureExpr(g.signature)
		g.body(a)
	}
	f, err := a.Result()
	if err == nil {
		err = pass.Compile.Execute(f)
	}
	if err != nil {
		panic(fmt.Sprintf("BUG: kernels %v: %v", stubs, err))
	}
	src, err := printer.NewGoAsm(printer.Config{Name: "gpamc"}).Print(f)
	return compact(src), err
}

// generators is the table of all kernels.
func generators() map[string]generator {
	all := map[string]generator{}
	for _, t := range []map[string]generator{cpuKernels, gemmKernels, pairedKernels, pairedAttentionKernels, pairedConvKernels, halfKernels, bf16Kernels, fixedKernels, fixedAttentionKernels, int8Kernels, packKernels, unaryKernels, binaryKernels, rowKernels, directKernels, slideKernels, sampleKernels, blockedKernels, blockedInt8Kernels, attentionKernels} {
		maps.Copy(all, t)
	}
	return all
}
