package codegen

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

var _ = register(portable, map[*ir.Op]lowering{
	ir.Abs:        code(numbers, "apply(y, x0, absolute)"),
	ir.Neg:        code(numbers, "apply(y, x0, neg)"),
	ir.Sign:       code(numbers, "apply(y, x0, sign)"),
	ir.Reciprocal: code(floats, "apply(y, x0, reciprocal)"),
	ir.Ceil:       code(floats, "apply(y, x0, ceil)"),
	ir.Floor:      code(floats, "apply(y, x0, floor)"),
	ir.Round:      code(floats, "apply(y, x0, round)"),
	ir.Sqrt:       code(floats, "apply(y, x0, sqrt)"),
	ir.Exp:        code(floats, "apply(y, x0, exp)"),
	ir.Log:        code(floats, "apply(y, x0, log)"),
	ir.Erf:        code(numbers, "apply(y, x0, erf)"),
	ir.Sin:        code(floats, "apply(y, x0, sin)"),
	ir.Cos:        code(floats, "apply(y, x0, cos)"),
	ir.Tan:        code(floats, "apply(y, x0, tan)"),
	ir.Asin:       code(floats, "apply(y, x0, asin)"),
	ir.Acos:       code(floats, "apply(y, x0, acos)"),
	ir.Atan:       code(floats, "apply(y, x0, atan)"),
	ir.Sinh:       code(floats, "apply(y, x0, sinh)"),
	ir.Cosh:       code(floats, "apply(y, x0, cosh)"),
	ir.Tanh:       code(floats, "apply(y, x0, tanh)"),
	ir.Asinh:      code(floats, "apply(y, x0, asinh)"),
	ir.Acosh:      code(floats, "apply(y, x0, acosh)"),
	ir.Atanh:      code(floats, "apply(y, x0, atanh)"),
	ir.Not:        code(anyElem, "apply(y, x0, not)"),
	ir.BitwiseNot: code(integers, "apply(y, x0, bitNot)"),
	ir.IsNaN:      code(floats, "apply(y, x0, isNaN)"),
	ir.IsInf:      lowerIsInf,

	ir.Add:            broadcasting(numbers, "add"),
	ir.Sub:            broadcasting(numbers, "sub"),
	ir.Mul:            broadcasting(numbers, "mul"),
	ir.Div:            byKind(broadcasting(floats, "div"), broadcasting(integers, "quotient")),
	ir.Mod:            lowerMod,
	ir.Pow:            broadcasting(numbers, "pow"),
	ir.BitShift:       lowerBitShift,
	ir.BitwiseAnd:     broadcasting(integers, "bitAnd"),
	ir.BitwiseOr:      broadcasting(integers, "bitOr"),
	ir.BitwiseXor:     broadcasting(integers, "bitXor"),
	ir.And:            broadcasting(anyElem, "both"),
	ir.Or:             broadcasting(anyElem, "either"),
	ir.Xor:            broadcasting(anyElem, "differ"),
	ir.Equal:          broadcasting(comparable, "equal"),
	ir.Greater:        broadcasting(numbers, "greater"),
	ir.GreaterOrEqual: broadcasting(numbers, "moreOrEqual"),
	ir.Less:           broadcasting(numbers, "less"),
	ir.LessOrEqual:    broadcasting(numbers, "lessEqual"),
	ir.Max:            folding("largest"),
	ir.Min:            folding("least"),
	ir.Where:          code(anyElem, "choose(y, x0, x1, x2, shape(y), shape(x0), shape(x1), shape(x2))"),
	ir.Clip:           code(numbers, "clip(y, x0, x1, x2)"),
	ir.Cast:           lowerCast,
	ir.BitCast:        lowerBitCast,
})

// comparable are the element types whose bits are equal exactly when the numbers are.
var comparable = class{"a type of Go", func(e ir.Elem) bool { return isNumber(e) || !e.IsFloat() }}

// broadcasting applies a function of package lib to two arguments.
func broadcasting(c class, f string) lowering {
	return code(c, "apply2(y, x0, x1, shape(y), shape(x0), shape(x1), "+f+")")
}

// folding applies a function of package lib to the arguments one after the other.
func folding(f string) lowering {
	return func(e *emitter, n *ir.Node) error {
		if err := checkNode(n, numbers); err != nil {
			return err
		}
		y, shape := e.Y(n, 0), e.Shape(n.Out())
		if len(n.Args) == 1 {
			e.Line("copy(%s, %s)", y, e.X(n, 0))
			return nil
		}
		a, sa := e.X(n, 0), e.Shape(n.Args[0])
		for i, x := range n.Args[1:] {
			e.Call("apply2", y, a, e.X(n, i+1), shape, sa, e.Shape(x), f)
			a, sa = y, shape
		}
		return nil
	}
}

// byKind chooses between a lowering for floats and one for integers.
func byKind(float, integer lowering) lowering {
	return func(e *emitter, n *ir.Node) error {
		if n.TypeAt(0).Elem.IsFloat() {
			return float(e, n)
		}
		return integer(e, n)
	}
}

func lowerIsInf(e *emitter, n *ir.Node) error {
	f := map[[2]bool]string{{true, true}: "isInf", {true, false}: "isNegInf", {false, true}: "isPosInf", {false, false}: "never"}
	return code(floats, "apply(y, x0, "+f[[2]bool{n.Int("detect_negative") != 0, n.Int("detect_positive") != 0}]+")")(e, n)
}

func lowerMod(e *emitter, n *ir.Node) error {
	if n.Int("fmod") != 0 {
		return byKind(broadcasting(floats, "fmod"), broadcasting(integers, "remainder"))(e, n)
	}
	return byKind(broadcasting(floats, "floorMod"), broadcasting(integers, "modulo"))(e, n)
}

func lowerBitShift(e *emitter, n *ir.Node) error {
	switch d := n.Str("direction"); d {
	case "LEFT":
		return broadcasting(unsigned, "shiftLeft")(e, n)
	case "RIGHT":
		return broadcasting(unsigned, "shiftRight")(e, n)
	default:
		return fmt.Errorf("direction %q", d)
	}
}

// smallNames are how functions of package lib are called that convert an element type of its own.
var smallNames = map[ir.Elem]string{
	ir.F16: "F16", ir.BF16: "BF16", ir.F8E4M3FN: "F8E4M3FN", ir.F8E4M3FNUZ: "F8E4M3FNUZ", ir.F8E5M2: "F8E5M2",
	ir.F8E5M2FNUZ: "F8E5M2FNUZ", ir.F8E8M0: "F8E8M0", ir.F4E2M1: "F4E2M1",
}

// toFloat64 is the function of package lib that gives the value of an element.
func toFloat64(e ir.Elem) (string, error) {
	switch {
	case smallNames[e] != "":
		return "from" + smallNames[e], nil
	case e == ir.Bool:
		return "fromBool", nil
	case e.IsInt() || isFloat(e):
		return "fromNumber", nil
	}
	return "", fmt.Errorf("%s is no number", e)
}

// fromFloat64 is the function of package lib that rounds to an element; small is whether it takes saturate.
func fromFloat64(e ir.Elem, mode string) (f string, small bool, err error) {
	switch {
	case e == ir.F16 || e == ir.BF16:
		return "to" + smallNames[e], false, nil
	case e == ir.F8E8M0:
		f, ok := map[string]string{"up": "toF8E8M0Up", "down": "toF8E8M0Down", "nearest": "toF8E8M0"}[mode]
		if !ok {
			return "", false, fmt.Errorf("round_mode %q", mode)
		}
		return f, true, nil
	case smallNames[e] != "":
		return "to" + smallNames[e], true, nil
	case e == ir.Bool:
		return "toBool", false, nil
	case isFloat(e):
		return "toFloat", false, nil
	case isNumber(e):
		return "toInteger", false, nil
	case e.IsInt():
		return map[ir.Elem]string{ir.I4: "toInt4", ir.U4: "toUint4", ir.I2: "toInt2", ir.U2: "toUint2"}[e], false, nil
	}
	return "", false, fmt.Errorf("%s is no number", e)
}

func lowerCast(e *emitter, n *ir.Node) error {
	from, to := n.TypeAt(0).Elem, n.Out().Type.Elem
	y, x := e.Y(n, 0), e.X(n, 0)
	switch {
	case from == to:
		e.Call("copy", y, x)
	case from.IsComplex() && to.IsComplex():
		e.Call("castComplex", y, x)
	case from == ir.F16 && to == ir.F32:
		e.Call("widenF16", y, x)
	case from == ir.F32 && to == ir.F16:
		e.Call("narrowF16", y, x)
	case from == ir.BF16 && to == ir.F32:
		e.Call("apply", y, x, "bf16ToF32")
	case from == ir.F32 && to == ir.BF16:
		e.Call("apply", y, x, "f32ToBF16")
	case isFloat(from) && isNumber(to) && to.IsInt():
		e.Call("truncate", y, x)
	case (isNumber(from) || from.IsInt()) && isNumber(to):
		e.Call("cast", y, x)
	case from == ir.String || to == ir.String:
		return lowerCastString(e, y, x, from, to)
	default:
		return castByFloat(e, n, y, x, from, to)
	}
	return nil
}

func castByFloat(e *emitter, n *ir.Node, y, x string, from, to ir.Elem) error {
	get, err := toFloat64(from)
	if err != nil {
		return err
	}
	put, small, err := fromFloat64(to, n.Str("round_mode"))
	if err != nil {
		return err
	}
	if small {
		e.Call("castSmall", y, x, get, put, n.Int("saturate") != 0)
	} else {
		e.Call("castVia", y, x, get, put)
	}
	return nil
}

func lowerCastString(e *emitter, y, x string, from, to ir.Elem) error {
	switch {
	case from == ir.String && isNumber(to) && to.IsInt():
		e.Call("parseInteger", y, x)
	case from == ir.String:
		put, small, err := fromFloat64(to, "nearest")
		if err != nil {
			return err
		}
		if small {
			e.Call("castSmall", y, x, "parseNumber", put, true)
		} else {
			e.Call("castVia", y, x, "parseNumber", put)
		}
	case from.IsInt():
		e.Call("spellIntegers", y, x)
	case from == ir.Bool:
		e.Call("apply", y, x, "spellBool")
	default:
		get, err := toFloat64(from)
		if err != nil {
			return err
		}
		bits := 32
		if from == ir.F64 {
			bits = 64
		}
		e.Call("spell", y, x, get, bits)
	}
	return nil
}

func lowerBitCast(e *emitter, n *ir.Node) error {
	from, to := n.TypeAt(0).Elem, n.Out().Type.Elem
	switch {
	case from == to:
		e.Call("copy", e.Y(n, 0), e.X(n, 0))
	case from.Bits() != to.Bits() || from.IsComplex() || to.IsComplex():
		return fmt.Errorf("bits of %s as %s", from, to)
	case from == ir.Bool:
		e.Call("apply", e.Y(n, 0), e.X(n, 0), "bitOfBool["+e.Elem(n.Out())+"]")
	case to == ir.Bool:
		e.Call("apply", e.Y(n, 0), e.X(n, 0), "boolOfBits")
	case isFloat(from) && isFloat(to):
		panic("BUG: two floats of one size")
	case isFloat(from):
		e.Call("apply", e.Y(n, 0), e.X(n, 0), fmt.Sprintf("bitsOf%d", from.Bits()))
	case isFloat(to):
		e.Call("apply", e.Y(n, 0), e.X(n, 0), fmt.Sprintf("ofBits%d", from.Bits()))
	default:
		e.Call("cast", e.Y(n, 0), e.X(n, 0))
	}
	return nil
}
