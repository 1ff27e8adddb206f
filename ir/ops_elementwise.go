package ir

import "fmt"

// Functions of one number, element by element.
var (
	// Abs is |x|.
	Abs = define(Op{Name: "Abs", Args: "x", Infer: unary(number), Example: "Abs(x)", Inputs: "x f32[2,3]"})
	// Neg is -x.
	Neg = define(Op{Name: "Neg", Args: "x", Infer: unary(number), Example: "Neg(x)", Inputs: "x f32[2,3]"})
	// Sign is -1, 0 or 1.
	Sign = define(Op{Name: "Sign", Args: "x", Infer: unary(number), Example: "Sign(x)", Inputs: "x f32[2,3]"})
	// Reciprocal is 1/x.
	Reciprocal = define(Op{Name: "Reciprocal", Args: "x", Infer: unary(float), Example: "Reciprocal(x)", Inputs: "x f32[2,3]"})
	// Ceil is the integer at or above x.
	Ceil = define(Op{Name: "Ceil", Args: "x", Infer: unary(float), Example: "Ceil(x)", Inputs: "x f32[2,3]"})
	// Floor is the integer at or below x.
	Floor = define(Op{Name: "Floor", Args: "x", Infer: unary(float), Example: "Floor(x)", Inputs: "x f32[2,3]"})
	// Round is the nearest integer, the even one of two.
	Round = define(Op{Name: "Round", Args: "x", Infer: unary(float), Example: "Round(x)", Inputs: "x f32[2,3]"})
	// Sqrt is √x.
	Sqrt = define(Op{Name: "Sqrt", Args: "x", Infer: unary(float), Example: "Sqrt(x)", Inputs: "x f32[2,3]"})
	// Exp is eˣ.
	Exp = define(Op{Name: "Exp", Args: "x", Infer: unary(float), Example: "Exp(x)", Inputs: "x f32[2,3]"})
	// Log is ln x.
	Log = define(Op{Name: "Log", Args: "x", Infer: unary(float), Example: "Log(x)", Inputs: "x f32[2,3]"})
	// Erf is 2/√π · ∫₀ˣ e^(-t²) dt.
	Erf = define(Op{Name: "Erf", Args: "x", Infer: unary(number), Example: "Erf(x)", Inputs: "x f32[2,3]"})
	// Sin is sin x.
	Sin = define(Op{Name: "Sin", Args: "x", Infer: unary(float), Example: "Sin(x)", Inputs: "x f32[2,3]"})
	// Cos is cos x.
	Cos = define(Op{Name: "Cos", Args: "x", Infer: unary(float), Example: "Cos(x)", Inputs: "x f32[2,3]"})
	// Tan is tan x.
	Tan = define(Op{Name: "Tan", Args: "x", Infer: unary(float), Example: "Tan(x)", Inputs: "x f32[2,3]"})
	// Asin is arcsin x.
	Asin = define(Op{Name: "Asin", Args: "x", Infer: unary(float), Example: "Asin(x)", Inputs: "x f32[2,3]"})
	// Acos is arccos x.
	Acos = define(Op{Name: "Acos", Args: "x", Infer: unary(float), Example: "Acos(x)", Inputs: "x f32[2,3]"})
	// Atan is arctan x.
	Atan = define(Op{Name: "Atan", Args: "x", Infer: unary(float), Example: "Atan(x)", Inputs: "x f32[2,3]"})
	// Sinh is (eˣ - e⁻ˣ) / 2.
	Sinh = define(Op{Name: "Sinh", Args: "x", Infer: unary(float), Example: "Sinh(x)", Inputs: "x f32[2,3]"})
	// Cosh is (eˣ + e⁻ˣ) / 2.
	Cosh = define(Op{Name: "Cosh", Args: "x", Infer: unary(float), Example: "Cosh(x)", Inputs: "x f32[2,3]"})
	// Tanh is sinh x / cosh x.
	Tanh = define(Op{Name: "Tanh", Args: "x", Infer: unary(float), Example: "Tanh(x)", Inputs: "x f32[2,3]"})
	// Asinh is the inverse of Sinh.
	Asinh = define(Op{Name: "Asinh", Args: "x", Infer: unary(float), Example: "Asinh(x)", Inputs: "x f32[2,3]"})
	// Acosh is the inverse of Cosh.
	Acosh = define(Op{Name: "Acosh", Args: "x", Infer: unary(float), Example: "Acosh(x)", Inputs: "x f32[2,3]"})
	// Atanh is the inverse of Tanh.
	Atanh = define(Op{Name: "Atanh", Args: "x", Infer: unary(float), Example: "Atanh(x)", Inputs: "x f32[2,3]"})
	// Not is 1 - x.
	Not = define(Op{Name: "Not", Args: "x", Infer: unary(boolean), Example: "Not(x)", Inputs: "x bool[2,3]"})
	// BitwiseNot flips every bit.
	BitwiseNot = define(Op{Name: "BitwiseNot", Args: "x", Infer: unary(integer), Example: "BitwiseNot(x)", Inputs: "x i32[2,3]"})
	// IsNaN is x ≠ x.
	IsNaN = define(Op{Name: "IsNaN", Args: "x", Infer: compare(float), Example: "IsNaN(x)", Inputs: "x f32[2,3]"})
	// IsInf is whether x is infinite, of the signs that count.
	IsInf = define(Op{Name: "IsInf", Args: "x", Attrs: "detect_negative:int=1 detect_positive:int=1", Infer: compare(float),
		Example: "IsInf(x) detect_negative=0", Inputs: "x f32[2,3]"})
)

// Functions of two tensors or more, broadcast together. Integers wrap.
var (
	// Add is x + y.
	Add = define(Op{Name: "Add", Args: "x y", Commutes: true, Infer: variadic(number), Example: "Add(x, y)", Inputs: "x f32[2,3] y f32[3]"})
	// Sub is x - y.
	Sub = define(Op{Name: "Sub", Args: "x y", Infer: variadic(number), Example: "Sub(x, y)", Inputs: "x f32[2,3] y f32[2,1]"})
	// Mul is x · y.
	Mul = define(Op{Name: "Mul", Args: "x y", Commutes: true, Infer: variadic(number), Example: "Mul(x, y)", Inputs: "x f32[2,3] y f32[]"})
	// Div is x / y, of integers cut towards zero.
	Div = define(Op{Name: "Div", Args: "x y", Infer: variadic(number), Example: "Div(x, y)", Inputs: "x f32[2,3] y f32[2,3]"})
	// Mod is x - y·⌊x/y⌋, which has the sign of y; with fmod, the remainder of the division cut towards zero, which has that of x.
	Mod = define(Op{Name: "Mod", Args: "x y", Attrs: "fmod:int=0", Infer: variadic(number), Example: "Mod(x, y) fmod=1", Inputs: "x f32[2,3] y f32[3]"})
	// Pow is x to the power of y, in the type of x.
	Pow = define(Op{Name: "Pow", Args: "x y", Infer: inferPow, Example: "Pow(x, 2)", Inputs: "x f32[2,3]"})
	// BitShift is x shifted by y bits to the LEFT or the RIGHT.
	BitShift = define(Op{Name: "BitShift", Args: "x y", Attrs: "direction:string", Infer: variadic(integer),
		Example: `BitShift(x, y) direction="LEFT"`, Inputs: "x u32[2,3] y u32[3]"})
	// BitwiseAnd is x & y.
	BitwiseAnd = define(Op{Name: "BitwiseAnd", Args: "x y", Commutes: true, Infer: variadic(integer), Example: "BitwiseAnd(x, y)", Inputs: "x i32[2,3] y i32[3]"})
	// BitwiseOr is x | y.
	BitwiseOr = define(Op{Name: "BitwiseOr", Args: "x y", Commutes: true, Infer: variadic(integer), Example: "BitwiseOr(x, y)", Inputs: "x i32[2,3] y i32[3]"})
	// BitwiseXor is x ^ y.
	BitwiseXor = define(Op{Name: "BitwiseXor", Args: "x y", Commutes: true, Infer: variadic(integer), Example: "BitwiseXor(x, y)", Inputs: "x i32[2,3] y i32[3]"})
	// And is x ∧ y.
	And = define(Op{Name: "And", Args: "x y", Commutes: true, Infer: variadic(boolean), Example: "And(x, y)", Inputs: "x bool[2,3] y bool[3]"})
	// Or is x ∨ y.
	Or = define(Op{Name: "Or", Args: "x y", Commutes: true, Infer: variadic(boolean), Example: "Or(x, y)", Inputs: "x bool[2,3] y bool[3]"})
	// Xor is x ≠ y of booleans.
	Xor = define(Op{Name: "Xor", Args: "x y", Commutes: true, Infer: variadic(boolean), Example: "Xor(x, y)", Inputs: "x bool[2,3] y bool[3]"})
	// Equal is x = y.
	Equal = define(Op{Name: "Equal", Args: "x y", Commutes: true, Infer: compare(anyElem), Example: "Equal(x, y)", Inputs: "x i64[2,3] y i64[3]"})
	// Greater is x > y.
	Greater = define(Op{Name: "Greater", Args: "x y", Infer: compare(number), Example: "Greater(x, y)", Inputs: "x f32[2,3] y f32[3]"})
	// GreaterOrEqual is x ≥ y.
	GreaterOrEqual = define(Op{Name: "GreaterOrEqual", Args: "x y", Infer: compare(number), Example: "GreaterOrEqual(x, y)", Inputs: "x i32[2,3] y i32[3]"})
	// Less is x < y.
	Less = define(Op{Name: "Less", Args: "x y", Infer: compare(number), Example: "Less(x, y)", Inputs: "x f32[2,3] y f32[3]"})
	// LessOrEqual is x ≤ y.
	LessOrEqual = define(Op{Name: "LessOrEqual", Args: "x y", Infer: compare(number), Example: "LessOrEqual(x, y)", Inputs: "x i32[2,3] y i32[3]"})
	// Max is the greatest of the arguments; NaN wins.
	Max = define(Op{Name: "Max", Args: "xs...", Commutes: true, Infer: variadic(number), Example: "Max(x, y, z)", Inputs: "x f32[2,3] y f32[3] z f32[2,1]"})
	// Min is the least of the arguments; NaN wins.
	Min = define(Op{Name: "Min", Args: "xs...", Commutes: true, Infer: variadic(number), Example: "Min(x, y)", Inputs: "x f32[2,3] y f32[3]"})
	// Sum is the arguments' sum.
	Sum = define(Op{Name: "Sum", Args: "xs...", Commutes: true, Infer: variadic(float), Expand: expandSum, Example: "Sum(x, y, z)", Inputs: "x f32[2,3] y f32[3] z f32[2,1]"})
	// Mean is the arguments' sum over their number.
	Mean = define(Op{Name: "Mean", Args: "xs...", Commutes: true, Infer: variadic(float), Expand: func(b *Builder, n *Node) []*Value {
		return b.New1(Div, nil, expandSum(b, n)[0], b.Scalar(n.TypeAt(0).Elem, float64(len(n.Args))))
	}, Example: "Mean(x, y)", Inputs: "x f32[2,3] y f32[3]"})
	// Where is x where the condition holds, y elsewhere.
	Where = define(Op{Name: "Where", Args: "condition x y", Infer: inferWhere, Example: "Where(c, x, y)", Inputs: "c bool[2,3] x f32[3] y f32[2,1]"})
	// Clip is min(max(x, min), max).
	Clip = define(Op{Name: "Clip", Args: "x min? max?", Infer: inferClip, Example: "Clip(x, -0.5, 0.5)", Inputs: "x f32[2,3]"})
)

// Conversions.
var (
	// Cast converts to another element type. A number too large for a float of eight bits becomes the largest with saturate; round_mode
	// is for f8e8m0 alone.
	Cast = define(Op{Name: "Cast", Args: "x", Attrs: "to:int saturate:int=1 round_mode:string=up", Infer: inferCast, Example: "Cast(x) to=7", Inputs: "x f32[2,3]"})
	// CastLike is Cast to the element type of like.
	CastLike = define(Op{Name: "CastLike", Args: "x like", Attrs: "saturate:int=1 round_mode:string=up", Expand: expandCastLike,
		Example: "CastLike(x, y)", Inputs: "x f32[2,3] y i64[1]"})
	// BitCast is the same bits as another element type of the same size.
	BitCast = define(Op{Name: "BitCast", Args: "x", Attrs: "to:int", Infer: inferBitCast, Example: "BitCast(x) to=6", Inputs: "x f32[2,3]"})
)

func inferPow(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, number)
	if err != nil {
		return nil, err
	}
	y, err := n.tensorAt(1, number)
	if err != nil {
		return nil, err
	}
	t, err := BroadcastTypes(x.Elem, x, y)
	return []Type{t}, err
}

func expandSum(b *Builder, n *Node) []*Value {
	sum := n.Args[0]
	for _, x := range n.Args[1:] {
		sum = b.New(Add, nil, sum, x)
	}
	return []*Value{sum}
}

func inferWhere(n *Node) ([]Type, error) {
	c, err := n.tensorAt(0, boolean)
	if err != nil {
		return nil, err
	}
	e, err := n.SameElem(1, 2)
	if err != nil {
		return nil, err
	}
	t, err := BroadcastTypes(e, c, n.TypeAt(1), n.TypeAt(2))
	return []Type{t}, err
}

func inferClip(n *Node) ([]Type, error) {
	t, err := n.tensorAt(0, number)
	if err != nil {
		return nil, err
	}
	if _, err := n.SameElem(0, 1, 2); err != nil {
		return nil, err
	}
	for i, name := range []string{1: "min", 2: "max"} {
		if b := n.TypeAt(i); i > 0 && b.Rank() > 0 && !b.Size().Is(1) {
			return nil, fmt.Errorf("%s is %s instead of a scalar", name, b)
		}
	}
	return []Type{t}, nil
}

func (n *Node) elemAttr(name string) (Elem, error) {
	e := Elem(n.Int(name))
	if n.Int(name) < 0 || n.Int(name) >= numElems || !e.Valid() {
		return e, fmt.Errorf("attribute %s: no element type %d", name, n.Int(name))
	}
	return e, nil
}

func inferCast(n *Node) ([]Type, error) {
	t, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	e, err := n.elemAttr("to")
	if t.Elem == NoElem {
		return []Type{Unranked(e)}, err
	}
	return []Type{t.With(e)}, err
}

func expandCastLike(b *Builder, n *Node) []*Value {
	e := n.TypeAt(1).Elem
	if e == NoElem {
		panic(&Misfit{fmt.Errorf("the element type of argument like is not known")})
	}
	return b.New1(Cast, Attrs{"to": e, "saturate": n.Int("saturate"), "round_mode": n.Str("round_mode")}, n.Args[0])
}

func inferBitCast(n *Node) ([]Type, error) {
	ts, err := inferCast(n)
	if err != nil {
		return nil, err
	}
	from, to := n.TypeAt(0).Elem, ts[0].Elem
	if from != NoElem && (from.Bits() != to.Bits() || from == String || to == String) {
		return nil, fmt.Errorf("%s and %s have not the same size", from, to)
	}
	return ts, nil
}
