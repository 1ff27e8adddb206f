package runtime

import (
	"math"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.Cast:    cast,
		ir.BitCast: bitCast,
	})
}

func cast(c *Call) error {
	y, err := Convert(c.X(0), ir.Elem(c.Int("to")), c.Int("saturate") != 0, c.Str("round_mode"))
	if err != nil {
		return err
	}
	return c.Return(y)
}

// Convert is Cast: x as another element type. Saturate and mode are its attributes.
func Convert(x *Tensor, to ir.Elem, saturate bool, mode string) (*Tensor, error) {
	y := New(to, x.Shape...)
	for i := range x.Len() {
		switch {
		case x.S != nil && y.S != nil:
			y.S[i] = x.S[i]
		case x.S != nil:
			if err := parseNumber(y, i, x.S[i], saturate, mode); err != nil {
				return nil, err
			}
		case y.S != nil:
			y.S[i] = numberText(x, i)
		case x.C != nil && y.C != nil:
			y.C[i] = x.C[i]
		case to == ir.Bool:
			y.I[i] = b2i(x.Float(i) != 0 || x.C != nil && x.C[i] != 0)
		case y.F != nil:
			y.F[i] = toFloat(to, x.Float(i), saturate, mode)
		case y.C != nil:
			y.C[i] = complex(x.Float(i), 0)
		case x.I != nil:
			y.I[i] = x.I[i]
		default:
			y.I[i] = toInt(to, x.Float(i))
		}
	}
	y.settle()
	return y, nil
}

func toFloat(e ir.Elem, x float64, saturate bool, mode string) float64 {
	if e == ir.F8E8M0 {
		return toE8M0(x, saturate, mode)
	}
	return RoundTo(e, x, saturate)
}

// toE8M0 rounds to a power of two, away from zero (up), towards it (down), or to the nearest of the two and up at half way. The sign
// is not kept; what is too small becomes the least power with saturate, else NaN, and so above.
func toE8M0(x float64, saturate bool, mode string) float64 {
	if math.IsNaN(x) {
		return x
	}
	x = math.Abs(x)
	lo, hi := math.Ldexp(1, -127), math.Ldexp(1, 127)
	if x > 0 && !math.IsInf(x, 0) {
		frac, exp := math.Frexp(x)
		if up := mode == "up" && frac > 0.5 || mode == "nearest" && frac >= 0.75; !up {
			exp--
		}
		x = math.Ldexp(1, exp)
	}
	switch {
	case x >= lo && x <= hi:
		return x
	case !saturate && x > hi:
		return math.NaN()
	}
	return min(max(x, lo), hi)
}

// toInt cuts towards zero. What the type cannot hold wraps, through the 64 bits that machines convert to first.
func toInt(e ir.Elem, x float64) int64 {
	switch {
	case math.IsNaN(x):
		return math.MinInt64
	case e == ir.U64 && x >= 0x1p63 && x < 0x1p64:
		return int64(uint64(x))
	case x >= 0x1p63 || x < -0x1p63:
		return math.MinInt64
	}
	return int64(x)
}

func parseNumber(y *Tensor, i int, s string, saturate bool, mode string) error {
	s = strings.TrimSpace(s)
	if y.I != nil && y.Elem != ir.Bool {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			y.I[i] = n
			return nil
		}
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			y.I[i] = int64(n)
			return nil
		}
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(x, 0) {
		return err
	}
	switch {
	case y.Elem == ir.Bool:
		y.I[i] = b2i(x != 0)
	case y.I != nil:
		y.I[i] = toInt(y.Elem, x)
	case y.C != nil:
		y.C[i] = complex(x, 0)
	default:
		y.F[i] = toFloat(y.Elem, x, saturate, mode)
	}
	return nil
}

// numberText writes a number as ONNX wants it: the shortest digits that give it back in its type, NaN, INF and -INF.
func numberText(x *Tensor, i int) string {
	switch {
	case x.Elem == ir.U64:
		return strconv.FormatUint(uint64(x.I[i]), 10)
	case x.Elem == ir.Bool:
		return [2]string{"False", "True"}[x.I[i]]
	case x.I != nil:
		return strconv.FormatInt(x.I[i], 10)
	}
	f := x.Float(i)
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "INF"
	case math.IsInf(f, -1):
		return "-INF"
	}
	width := 32
	if x.Elem == ir.F64 {
		width = 64
	}
	s := strconv.FormatFloat(f, 'g', -1, width)
	if exp := strings.IndexByte(s, 'e'); exp < 0 && !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func bitCast(c *Call) error {
	d := c.X(0).Data()
	e := *d
	e.Elem = ir.Elem(c.Int("to"))
	return c.Return(FromData(&e))
}
