package codegen

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"sync"
)

// An ISA is the most of the processor that a package has assembly for. What it has, it has for all below, too, and chooses at run time.
type ISA string

// The instruction sets in falling order. The zero ISA is the first.
const (
	AVX512   ISA = "avx512"
	AVX2     ISA = "avx2"
	Portable ISA = "portable"
)

// ParseISA reads a list of instruction sets, of which the highest counts.
func ParseISA(list string) (ISA, error) {
	best := -1
	all := []ISA{Portable, AVX2, AVX512}
	for name := range strings.SplitSeq(list, ",") {
		i := slices.Index(all, ISA(strings.TrimSpace(name)))
		if i < 0 {
			return "", fmt.Errorf("no instruction set is called %q; there are avx512, avx2 and portable", name)
		}
		best = max(best, i)
	}
	return all[best], nil
}

// A libraryKind is a form of the library: without what is above an instruction set, and with labels handed on to other goroutines.
type libraryKind struct {
	isa    ISA
	labels bool
}

var libraries sync.Map // of func() *library, by libraryKind

// loadLibrary is the library in the form that options ask for.
func loadLibrary(o Options) *library {
	k := libraryKind{cmp.Or(o.ISA, AVX512), o.Labels}
	load, _ := libraries.LoadOrStore(k, sync.OnceValue(func() *library { return newLibrary(k) }))
	return load.(func() *library)()
}

const (
	withAssembly    = "//go:build amd64 && !purego"
	withoutAssembly = "//go:build !amd64 || purego"
	withNEON        = "//go:build arm64 && !purego"
	withoutAny      = "//go:build (!amd64 && !arm64) || purego" // where there is assembly for both
)

// limited is a file of the library without what is above isa; nil when nothing is left of it.
func limited(name string, src []byte, isa ISA) []byte {
	switch {
	case isa == Portable && (bytes.HasPrefix(src, []byte(withAssembly)) || bytes.HasPrefix(src, []byte(withNEON))):
		return nil
	case isa == Portable:
		return bytes.Replace(bytes.Replace(src, []byte(withoutAssembly+"\n"), nil, 1), []byte(withoutAny+"\n"), nil, 1)
	case isa == AVX2 && bytes.HasPrefix(src, []byte(withAssembly)):
		return withoutAVX512(name, src)
	}
	return src
}

// withoutAVX512 takes out the branches that are for AVX-512 alone.
func withoutAVX512(name string, src []byte) []byte {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	type edit struct {
		from, to int
		by       string
	}
	var edits []edit
	at := func(p token.Pos) int { return fset.Position(p).Offset }
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			if !wantsAVX512(n.Cond) {
				return true
			}
			by := ""
			if b, ok := n.Else.(*ast.BlockStmt); ok {
				by = string(src[at(b.Lbrace)+1 : at(b.Rbrace)])
			}
			edits = append(edits, edit{at(n.Pos()), at(n.End()), by})
			return false
		case *ast.CaseClause:
			if len(n.List) == 1 && wantsAVX512(n.List[0]) {
				edits = append(edits, edit{at(n.Pos()), at(n.End()), ""})
				return false
			}
		case *ast.ReturnStmt:
			for _, r := range n.Results {
				if id, ok := r.(*ast.Ident); ok && id.Name == "isaAVX512" {
					edits = append(edits, edit{at(id.Pos()), at(id.End()), "isaAVX2"})
				}
			}
		}
		return true
	})
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, src[done:e.from]...), e.by...)
		done = e.to
	}
	return append(out, src[done:]...)
}

// wantsAVX512 reports whether a condition can hold only where isa is isaAVX512.
func wantsAVX512(cond ast.Expr) bool {
	b, ok := cond.(*ast.BinaryExpr)
	if !ok {
		return false
	}
	if b.Op == token.LAND {
		return wantsAVX512(b.X) || wantsAVX512(b.Y)
	}
	x, ok1 := b.X.(*ast.Ident)
	y, ok2 := b.Y.(*ast.Ident)
	return b.Op == token.EQL && ok1 && ok2 && x.Name == "isa" && y.Name == "isaAVX512"
}
