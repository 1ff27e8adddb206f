package codegen

import (
	"fmt"
	"go/token"
	"strings"
	"unicode"
)

// reserved are the names that every emitted package has, or that its code uses for something else.
var reserved = map[string]bool{
	"Model": true, "Session": true, "Options": true, "Inputs": true, "Outputs": true, "Tensor": true, "Item": true, "Load": true, "weights": true,
	"dims": true, "main": true, "init": true, "weightsFile": true, "s": true, "d": true, "f": true, "w": true, "in": true,
	"math": true, "fmt": true, "unsafe": true, "errors": true,
}

// A namer gives out names, each once.
type namer struct{ taken map[string]bool }

func newNamer(taken ...map[string]bool) *namer {
	n := &namer{taken: map[string]bool{}}
	for _, set := range taken {
		for name := range set {
			n.taken[name] = true
		}
	}
	return n
}

// take returns want, or want with a number; fallback where want is no identifier.
func (n *namer) take(want, fallback string) string {
	if !token.IsIdentifier(want) || predeclared[want] {
		want = fallback
		if token.IsIdentifier(want + "_") {
			want = strings.TrimSuffix(want, "_")
		}
	}
	name := want
	stem := strings.TrimRight(want, "0123456789")
	for i := 2; n.taken[name]; i++ {
		name = fmt.Sprintf("%s%d", stem, i)
	}
	n.taken[name] = true
	return name
}

var predeclared = map[string]bool{
	"len": true, "cap": true, "min": true, "max": true, "copy": true, "append": true, "make": true, "new": true, "clear": true,
	"int": true, "string": true, "bool": true, "error": true, "nil": true, "true": true, "false": true, "any": true, "real": true,
	"imag": true, "complex": true, "float32": true, "float64": true, "close": true, "print": true, "panic": true, "delete": true,
}

// initialisms are written in capitals in Go names.
var initialisms = map[string]string{"id": "ID", "ids": "IDs", "kv": "KV", "qkv": "QKV", "url": "URL", "rgb": "RGB", "nlp": "NLP"}

// goName turns a model's name into a Go name: input_ids becomes InputIDs, or inputIDs when it is not exported. It is "" when the name
// has no letter or digit.
func goName(s string, exported bool) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	var b strings.Builder
	for i, w := range words {
		lower := strings.ToLower(w)
		switch {
		case i == 0 && !exported:
			if w == strings.ToUpper(w) {
				w = lower
			}
			b.WriteString(strings.ToLower(w[:1]) + w[1:])
		case initialisms[lower] != "":
			b.WriteString(initialisms[lower])
		default:
			r := []rune(w)
			b.WriteString(string(unicode.ToUpper(r[0])) + string(r[1:]))
		}
	}
	name := b.String()
	switch {
	case name == "":
		return ""
	case exported && !token.IsExported(name): // it begins with a digit, or a letter of a script without capitals
		return "X" + name
	case unicode.IsDigit([]rune(name)[0]):
		return "x" + name
	}
	return name
}
