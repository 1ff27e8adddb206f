package ir

import (
	"fmt"
	"strconv"
	"strings"
)

// A token is a piece of the text form. Its kind is 'i' for an identifier, '"' for a quoted one or a string, '0' for a number, '\n' for
// the end of a line, 0 for the end, else the character itself.
type token struct {
	kind byte
	text string
	line int
}

// scan cuts text into tokens. A # begins a comment; line ends count, except inside parentheses.
func scan(src string) ([]token, error) {
	var toks []token
	line, depth := 1, 0
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == '\n':
			if depth == 0 {
				toks = append(toks, token{'\n', "", line})
			}
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '#':
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case c == '"':
			q, err := strconv.QuotedPrefix(src[i:])
			if err != nil {
				return nil, fmt.Errorf("%d: a string without end", line)
			}
			s, err := strconv.Unquote(q)
			if err != nil {
				return nil, fmt.Errorf("%d: %s is no string", line, q)
			}
			toks = append(toks, token{'"', s, line})
			i += len(q)
		case identRune(rune(c), true) || c == '?':
			j := i + 1
			for j < len(src) && identRune(rune(src[j]), false) {
				j++
			}
			toks = append(toks, token{'i', src[i:j], line})
			i = j
		case c >= '0' && c <= '9':
			j := numberEnd(src, i)
			toks = append(toks, token{'0', src[i:j], line})
			i = j
		case strings.IndexByte("()[]{},=+-*/%|!", c) >= 0:
			switch c {
			case '(', '[':
				depth++
			case ')', ']':
				depth--
			}
			toks = append(toks, token{c, string(c), line})
			i++
		case strings.HasPrefix(src[i:], "..."):
			toks = append(toks, token{'.', "...", line})
			i += 3
		default:
			return nil, fmt.Errorf("%d: unexpected character %q", line, c)
		}
	}
	return append(toks, token{'\n', "", line}, token{0, "", line}), nil
}

// numberEnd is where the number that begins at i ends.
func numberEnd(src string, i int) int {
	for j := i; ; j++ {
		if j == len(src) {
			return j
		}
		c := src[j]
		digit := c >= '0' && c <= '9' || c == '.'
		exp := c == 'e' || (c == '+' || c == '-') && src[j-1] == 'e'
		if !digit && !exp {
			return j
		}
	}
}

func (t token) String() string {
	switch t.kind {
	case 0:
		return "the end"
	case '\n':
		return "the end of the line"
	case '"':
		return strconv.Quote(t.text)
	}
	return t.text
}
