package model

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// WriteSafetensors writes tensors and metadata in the safetensors format: wide elements first, then by name, so that every tensor is
// aligned. Equal tensors give equal bytes.
func WriteSafetensors(w io.Writer, tensors map[string]*ir.Data, meta map[string]string) error {
	names := slices.SortedFunc(maps.Keys(tensors), func(a, b string) int {
		if x, y := tensors[a].Elem.Size(), tensors[b].Elem.Size(); x != y {
			return y - x
		}
		return strings.Compare(a, b)
	})
	header, err := safetensorsHeader(names, tensors, meta)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	out.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header))))
	out.Write(header)
	for _, name := range names {
		out.Write(tensors[name].Bytes())
	}
	return out.Flush() // which returns the first error of all writes
}

// safetensorsHeader is the header for tensors that follow each other in the order of names.
func safetensorsHeader(names []string, tensors map[string]*ir.Data, meta map[string]string) ([]byte, error) {
	dtype := map[ir.Elem]string{}
	for s, e := range dtypes {
		dtype[e] = s
	}
	var b strings.Builder
	b.WriteString("{")
	if len(meta) > 0 {
		text, err := json.Marshal(meta)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, `"__metadata__":%s,`, text)
	}
	at := 0
	for i, name := range names {
		d := tensors[name]
		if dtype[d.Elem] == "" {
			return nil, fmt.Errorf("tensor %q: safetensors has no element type %s", name, d.Elem)
		}
		if err := d.Check(); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		if name == "__metadata__" {
			return nil, fmt.Errorf("a tensor cannot be named %q in safetensors", name)
		}
		if i > 0 {
			b.WriteString(",")
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		shape := strings.ReplaceAll(strings.Trim(fmt.Sprint(d.Shape), "[]"), " ", ",")
		fmt.Fprintf(&b, `%s:{"dtype":%q,"shape":[%s],"data_offsets":[%d,%d]}`, key, dtype[d.Elem], shape, at, at+len(d.Bytes()))
		at += len(d.Bytes())
	}
	text := strings.TrimSuffix(b.String(), ",") + "}" // the comma is that of metadata alone
	for len(text)%8 != 0 {
		text += " "
	}
	if len(text) > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes for %d tensors, safetensors allows %d", len(text), len(names), maxHeader)
	}
	return []byte(text), nil
}
