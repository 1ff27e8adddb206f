package kernel

import (
	"slices"
	"strings"
)

// maxLine is the number of columns up to which instructions share a line.
const maxLine = 100

// compact puts neighbouring instructions of one kind on one line, as the rows of a tile that all get the same treatment. What touches
// arguments stays alone: go vet reads such lines.
func compact(src []byte) []byte {
	var out []string
	kind := "" // of the line before, "" when nothing may join it
	for line := range strings.Lines(string(src)) {
		line = strings.TrimRight(line, "\n")
		fields := strings.Fields(line)
		joinable := strings.HasPrefix(line, "\t") && len(fields) > 1 && !strings.Contains(line, "(FP)") && !slices.Contains(directives, fields[0])
		text := strings.Join(fields, " ")
		if !joinable {
			if strings.HasPrefix(line, "\t") {
				line = "\t" + text
			}
			out, kind = append(out, line), ""
			continue
		}
		if last := len(out) - 1; kind == fields[0] && len(out[last])+len(text)+2 <= maxLine {
			out[last] += "; " + text
			continue
		}
		out, kind = append(out, "\t"+text), fields[0]
	}
	return []byte(strings.Join(out, "\n") + "\n")
}

// directives begin lines that are no instructions.
var directives = []string{"//", "#include"}
