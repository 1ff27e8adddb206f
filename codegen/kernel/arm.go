package kernel

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/reg"
)

// Kernels that lanes writes are for arm64 as well. avo does not know its
// instructions, but finds registers for any: so they are put down with the
// registers of amd64, and spelled for arm64 in the end. Its 16 general and 32
// vector registers are those of the same numbers, its masks are R19 to R25.

// An armForm is how an instruction is spelled.
type armForm struct {
	code uint32 // the encoding without registers, where Go's assembler has no name for it
	name string // what Go's assembler calls it, where that is not its name here
	as   string // how vector registers are written for Go's assembler
	kept bool   // the result is an operand, too
}

// armForms is the instructions on vectors that lanes uses, of four float32 or
// int32 where nothing else is said. All others are on general registers.
var armForms = map[string]armForm{
	"FADD": {code: fadd4}, "FSUB": {code: fsub4}, "FMUL": {code: fmul4}, "FDIV": {code: 0x6E20FC00},
	"FMLA": {code: 0x4E20CC00, kept: true}, "FMLS": {code: 0x4EA0CC00, kept: true},
	"FMAX": {code: fmax4}, "FMIN": {code: fmin4}, "FMAXNM": {code: fmaxnm4}, "FADDP": {code: faddp4},
	"FCMGT": {code: fcmgt4}, "FCMEQ": {code: 0x4E20E400},
	"FABS": {code: fabs4}, "FNEG": {code: 0x6EA0F800}, "FSQRT": {code: 0x6EA1F800},
	"FRINTN": {code: frintn4}, "FRINTM": {code: 0x4E219800}, "FRINTP": {code: 0x4EA18800},
	"FCVTNS": {code: fcvtns4}, "SCVTF": {code: scvtf4},
	"ADD4": {code: 0x4EA08400}, "SUB4": {code: 0x6EA08400}, "CMGT": {code: cmgt4},
	"SSHR": {code: 0x4F200400}, "USHR": {code: 0x6F200400}, "SHL": {code: 0x4F205400},
	"AND16": {code: 0x4E201C00}, "ORR16": {code: 0x4EA01C00}, "EOR16": {code: 0x6E201C00}, "BSL": {code: 0x6E601C00, kept: true},
	"FMAXNMV": {code: fmaxnmv4}, "FMINNMV": {code: 0x6EB0C800}, // into the first element
	"DUP":    {code: 0x4E040400},                                            // of the first element
	"SQXTUN": {code: 0x2E612800}, "SQXTUN2": {code: 0x6E612800, kept: true}, // to uint16, in the first half and the second
	"UQXTN": {code: 0x2E214800}, "UQXTN2": {code: 0x6E214800, kept: true}, // these to uint8

	"FCVTL": {code: 0x0E217800}, "FCVTL2": {code: 0x4E217800}, // of the first four float16, of the last four
	"FCVTN": {code: 0x0E216800}, "FCVTN2": {code: 0x4E216800, kept: true}, // to these

	"FLDRQ": {code: 0x3CE06800}, // from the sum of two general registers

	"FMOVQ": {as: "F%d"}, "FMOVS": {as: "F%d"}, "SCVTFS": {as: "F%d"},
	"VMOV": {as: "V%d.B16"}, "VDUP": {as: "V%d.S4"}, "VLD1R": {as: "[V%d.S4]"},
	"VLD1_1": {name: "VLD1", as: "V%d.S[1]", kept: true}, "VLD1_2": {name: "VLD1", as: "V%d.S[2]", kept: true},
	"VST1_1": {name: "VST1", as: "V%d.S[1]"}, "VST1_2": {name: "VST1", as: "V%d.S[2]"},
}

// arm puts down an instruction of arm64, with what it changes and what it
// reads.
func (a *asm) arm(op string, out operand.Op, in ...operand.Op) {
	i := &ir.Instruction{Opcode: op, Operands: append(slices.Clone(in), out), Inputs: in, Outputs: []operand.Op{out}}
	if armForms[op].kept {
		i.Inputs = append(slices.Clone(in), out)
	}
	a.Instruction(i)
}

// armJump puts down a branch, which may look at a register.
func (a *asm) armJump(op, to string, in ...operand.Op) {
	a.Instruction(&ir.Instruction{Opcode: op, Operands: append([]operand.Op{operand.LabelRef(to)}, in...), Inputs: in, IsBranch: true, IsConditional: op != "B"})
}

// spare is a general register of those that amd64 has not.
func (a *asm) spare() reg.Register { return a.K() }

// armCompare compares r with a number.
func (a *asm) armCompare(r reg.Register, n int) {
	a.Instruction(&ir.Instruction{Opcode: "CMP", Operands: []operand.Op{operand.U32(uint32(n)), r}, Inputs: []operand.Op{r}})
}

// plain is m without an index and a distance, as arm64 wants it for all but
// whole vectors.
func (l *lanes) plain(m operand.Mem) operand.Mem {
	if m = l.unindexed(m); m.Disp != 0 {
		p := l.GP64()
		l.arm("ADD", p, operand.U32(uint32(m.Disp)), m.Base)
		m = at(p, 0)
	}
	return m
}

// unindexed is m without an index.
func (l *lanes) unindexed(m operand.Mem) operand.Mem {
	if m.Index == nil {
		return m
	}
	p := l.GP64()
	l.armIndex(m, p)
	return at(p, m.Disp)
}

// armIndex changes to to the base of m and its index, which is scaled.
func (l *lanes) armIndex(m operand.Mem, to reg.Register) {
	l.arm(fmt.Sprintf("ADD<<%d", bits.TrailingZeros8(m.Scale)), to, m.Index, m.Base)
}

// armLoad loads y, of which a last vector has l.bits elements: one to three.
func (l *lanes) armLoad(y reg.Register, m operand.Mem, last bool) {
	switch {
	case last:
	case m.Index != nil && m.Scale == 1 && m.Disp == 0:
		l.arm("FLDRQ", y, m.Base, m.Index)
		return
	default:
		l.arm("FMOVQ", y, l.unindexed(m))
		return
	}
	l.armEach(m, func(i int, m operand.Mem) {
		l.arm([]string{"FMOVS", "VLD1_1", "VLD1_2"}[i], y, m)
	})
}

func (l *lanes) armStore(y reg.Register, m operand.Mem, last bool) {
	if !last {
		l.arm("FMOVQ", l.unindexed(m), y)
		return
	}
	l.armEach(m, func(i int, m operand.Mem) {
		l.arm([]string{"FMOVS", "VST1_1", "VST1_2"}[i], m, y)
	})
}

// armEach writes body for each of the one to three elements at m that there are.
func (l *lanes) armEach(m operand.Mem, body func(i int, m operand.Mem)) {
	m = l.unindexed(m)
	l.rests++
	end := fmt.Sprint("rest", l.rests)
	for i := range 3 {
		if i > 0 {
			l.jumpIfLess(l.bits, i+1, end)
		}
		body(i, l.plain(m.Offset(4*i)))
	}
	l.Label(end)
}

// A table is constants of kernels for arm64, 16 bytes each.
type table struct {
	words [][4]uint32
	base  reg.Register // where it lies, in the function that is written
	used  bool
}

// of is the offset of a constant.
func (t *table) of(words [4]uint32) int {
	i := slices.Index(t.words, words)
	if i < 0 {
		i = len(t.words)
		t.words = append(t.words, words)
	}
	t.used = true
	return 16 * i
}

// String is the table in the language of Go's assembler.
func (t *table) String() string {
	if len(t.words) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n")
	for i, w := range t.words {
		for half := range 2 {
			fmt.Fprintf(&b, "DATA words<>+%d(SB)/8, $%#x\n", 16*i+8*half, uint64(w[2*half+1])<<32|uint64(w[2*half]))
		}
	}
	fmt.Fprintf(&b, "GLOBL words<>(SB), RODATA|NOPTR, $%d\n", 16*len(t.words))
	return b.String()
}

// fetch is a constant in a register of its own.
func (l *lanes) fetch(words [4]uint32) reg.VecVirtual {
	y := l.fresh()
	l.arm("FMOVQ", y, operand.Mem{Base: l.table.base, Disp: l.table.of(words)})
	return y
}

// emitArm is the text of a kernel that lanes writes, and the size of its
// arguments and results.
func emitArm(name string, g generator, t *table) (string, int) {
	a := newAsm()
	a.Function(name)
	a.SignatureExpr(g.signature)
	a.table, t.base, t.used = t, a.spare(), false
	g.body(a)
	a.Instruction(&ir.Instruction{Opcode: "RET", IsTerminal: true})
	f, err := a.Result()
	if err != nil {
		panic("BUG: " + err.Error())
	}
	fn := f.Functions()[0]
	if t.used {
		at := operand.NewDataAddr(operand.NewStaticSymbol("words"), 0)
		fn.Nodes = slices.Insert(fn.Nodes, 0, ir.Node(&ir.Instruction{Opcode: "MOVD", Operands: []operand.Op{at, t.base}, Outputs: []operand.Op{t.base}}))
	}
	for _, p := range []pass.FunctionPass{
		pass.PruneJumpToFollowingLabel, pass.PruneDanglingLabels, pass.LabelTarget, pass.CFG, pass.Liveness, pass.AllocateRegisters, pass.BindRegisters, pass.VerifyAllocation,
	} {
		if err := p(fn); err != nil {
			panic(fmt.Sprintf("BUG: kernel %s: %v", name, err))
		}
	}
	var b strings.Builder
	for _, node := range fn.Nodes {
		switch node := node.(type) {
		case ir.Label:
			fmt.Fprintf(&b, "\n%s:\n", node)
		case *ir.Instruction:
			fmt.Fprintf(&b, "\t%s\n", spelled(node))
		}
	}
	return b.String(), fn.ArgumentBytes()
}

// spelled is an instruction of arm64 with its registers, in the language of
// Go's assembler.
func spelled(i *ir.Instruction) string {
	form := armForms[i.Opcode]
	if form.code != 0 {
		return encoded(i, form.code)
	}
	var operands []string
	for _, o := range i.Operands {
		operands = append(operands, spelledOperand(o, form.as))
	}
	if i.IsBranch {
		operands = append(operands[1:], operands[0])
	}
	if op, shift, ok := strings.Cut(i.Opcode, "<<"); ok {
		return fmt.Sprintf("%s %s<<%s, %s", op, operands[0], shift, strings.Join(operands[1:], ", "))
	}
	return strings.TrimSpace(cmp.Or(form.name, i.Opcode) + " " + strings.Join(operands, ", "))
}

func spelledOperand(o operand.Op, vector string) string {
	switch o := o.(type) {
	case reg.Physical:
		switch o.Kind() {
		case reg.KindVector:
			return fmt.Sprintf(vector, o.PhysicalIndex())
		case reg.KindOpmask:
			return fmt.Sprintf("R%d", 19+o.PhysicalIndex())
		}
		return fmt.Sprintf("R%d", o.PhysicalIndex())
	case operand.Mem:
		switch {
		case o.Base == reg.StaticBase:
			return "$" + o.Asm()
		case o.Symbol.Name != "": // a parameter
			return o.Asm()
		}
		m := "(" + spelledOperand(o.Base, "") + ")"
		if o.Disp != 0 {
			m = fmt.Sprint(o.Disp) + m
		}
		return m
	}
	return o.Asm()
}

// encoded is an instruction as the word that it is.
func encoded(i *ir.Instruction, code uint32) string {
	var text []string
	for n, o := range append(i.Operands[len(i.Operands)-1:], i.Operands[:len(i.Operands)-1]...) {
		if r, ok := o.(reg.Physical); ok {
			code |= uint32(r.PhysicalIndex()) << []int{0, 5, 16}[n]
			text = append(text, spelledOperand(r, "V%d"))
		} else {
			shift := uint32(o.(operand.U8))
			text = append(text, fmt.Sprintf("#%d", shift))
			if i.Opcode == "SSHR" || i.Opcode == "USHR" {
				shift = 32 - shift // from the right end
			}
			code |= shift << 16
		}
	}
	return fmt.Sprintf("WORD $%#08x /* %s %s */", code, i.Opcode, strings.Join(text, ", "))
}
