package kernel

import (
	"slices"
	"strings"
)

// maxLine is the number of columns up to which instructions share a line.
const maxLine = 140

// compact puts what belongs together on one line: the arithmetic of addresses, instructions of one kind, such as the loads of a row, a
// load with the arithmetic on what it loads, a comparison with its jump. What touches arguments stands alone: go vet reads such lines.
func compact(src []byte) []byte {
	var out []string
	before := "" // the instruction that ends the last line, "" when nothing may join it
	for line := range strings.Lines(string(src)) {
		fields := strings.Fields(line)
		last := len(out) - 1
		if len(fields) == 0 {
			out, before = append(out, ""), ""
			continue
		}
		op, text := fields[0], strings.Join(fields, " ")
		if strings.HasPrefix(line, "\t") {
			text = "\t" + text
		} else if strings.HasSuffix(op, ":") && last >= 0 && out[last] == "" {
			out = out[:last] // no empty line before a label
			last--
		}
		if joins(before, op, line) && len(out[last])+len(text)+1 <= maxLine {
			out[last] += "; " + strings.TrimPrefix(text, "\t")
		} else {
			out = append(out, text)
		}
		if before = op; alone(op, line) {
			before = ""
		}
	}
	return []byte(strings.Join(out, "\n") + "\n")
}

// alone reports whether nothing may follow on the line.
func alone(op, line string) bool {
	return strings.Contains(line, "(FP)") || isBranch(op) || hasAnyPrefix(op, "RET", "TEXT", "GLOBL", "PCALIGN", "//", "#") || strings.HasSuffix(op, ":")
}

// joins reports whether op may stand on a line that ends with the instruction before.
func joins(before, op, line string) bool {
	switch {
	case before == "":
		return false
	case isBranch(op):
		return hasAnyPrefix(before, "CMP", "TEST", "DEC", "SUB", "BT")
	case op == "RET":
		return before == "VZEROUPPER"
	case alone(op, line), hasAnyPrefix(before, "CMP", "TEST"):
		return false
	case op == before, !vector(op) && !vector(before):
		return true
	}
	return !hasAnyPrefix(op, "MOV", "LEA", "VMOV", "VBROADCAST", "VLD", "DATA")
}

func vector(op string) bool { return hasAnyPrefix(op, "V", "K", "PREFETCH", "DATA") }

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// isBranch knows the branches of amd64, and tells those of arm64 from what begins with the same letter.
func isBranch(op string) bool {
	return strings.HasPrefix(op, "J") || slices.Contains([]string{"B", "BEQ", "BNE", "BLT", "BGE", "BGT"}, op)
}
