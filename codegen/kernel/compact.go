package kernel

import (
	"slices"
	"strings"
)

// maxLine is the number of columns up to which instructions share a line.
const maxLine = 120

// compact puts what belongs together on one line: instructions of one kind, such as the loads of a row, and a load with the arithmetic
// on what it loads. What decides where to go next stands alone, and so does what touches arguments: go vet reads such lines.
func compact(src []byte) []byte {
	var out []string
	before := "" // the instruction that ends the last line, "" when nothing may join it
	for line := range strings.Lines(string(src)) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			out, before = append(out, ""), ""
			continue
		}
		op, text := fields[0], strings.Join(fields, " ")
		if strings.HasPrefix(line, "\t") {
			text = "\t" + text
		}
		alone := strings.Contains(line, "(FP)") || hasAnyPrefix(op, "J", "CMP", "TEST", "RET", "TEXT", "GLOBL", "//", "#", "CBZ", "CBNZ") || isBranch(op) || strings.HasSuffix(op, ":")
		last := len(out) - 1
		joins := op == before || !hasAnyPrefix(op, "MOV", "VMOV", "VBROADCAST", "LEA", "DATA")
		if !alone && before != "" && joins && len(out[last])+len(text)+1 <= maxLine {
			out[last] += "; " + strings.TrimPrefix(text, "\t")
		} else {
			out = append(out, text)
		}
		if before = op; alone {
			before = ""
		}
	}
	return []byte(strings.Join(out, "\n") + "\n")
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// isBranch tells the branches of arm64 from what begins with the same letter.
func isBranch(op string) bool {
	return slices.Contains([]string{"B", "BEQ", "BNE", "BLT", "BGE", "BGT"}, op)
}
