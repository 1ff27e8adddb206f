package codegen

import "github.com/gpamc/gpamc/ir"

type generator struct{}
type function struct{}

func (g *generator) onHeap(v *ir.Value) bool                   { return false }
func (g *generator) valueExpr(f *function, v *ir.Value) string { return "" }
func (g *generator) freshOf(n *ir.Node) []string               { return nil }
func (g *generator) dimField(name string) string               { return name }
func (g *generator) dim(d ir.Dim) string                       { return "" }
func floatLiteral(x float64) string                            { return "" }
