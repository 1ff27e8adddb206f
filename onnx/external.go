package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/onnx/pb"

	"github.com/gpamc/gpamc/mapped"
)

// A folder gives tensors the bytes of files in it. Each file is mapped once, and stays mapped: a program's weights are pieces of it.
type folder struct {
	path   string
	mapped map[string][]byte
}

func newFolder(path string) *folder { return &folder{path: path, mapped: map[string][]byte{}} }

func (f *folder) bytes(entries []*pb.StringStringEntryProto, size int) ([]byte, error) {
	location, offset, length := "", 0, -1
	for _, e := range entries {
		var err error
		switch e.GetKey() {
		case "location":
			location = e.GetValue()
		case "offset":
			offset, err = place(e)
		case "length":
			length, err = place(e)
		}
		if err != nil {
			return nil, err
		}
	}
	all, err := f.open(location)
	if err != nil {
		return nil, err
	}
	if length >= 0 && length != size {
		return nil, fmt.Errorf("external data %q: length %d, but the tensor takes %d bytes", location, length, size)
	}
	if offset > len(all) || size > len(all)-offset {
		return nil, fmt.Errorf("external data %q: %d bytes at %d, but the file has %d", location, size, offset, len(all))
	}
	return all[offset : offset+size : offset+size], nil
}

// place is an offset or a length, which the format keeps as text.
func place(e *pb.StringStringEntryProto) (int, error) {
	n, err := strconv.ParseInt(e.GetValue(), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt {
		return 0, fmt.Errorf("external data: %s is %q, no number of bytes", e.GetKey(), e.GetValue())
	}
	return int(n), nil
}

// open maps a file of the folder. A model must not read what lies elsewhere: not by an absolute path, not by "..", not by a link.
func (f *folder) open(location string) ([]byte, error) {
	if b, ok := f.mapped[location]; ok {
		return b, nil
	}
	fail := func(why error) ([]byte, error) {
		if at := (*fs.PathError)(nil); errors.As(why, &at) {
			why = at.Err // the location says where
		}
		return nil, fmt.Errorf("external data %q: %w", location, why)
	}
	local := filepath.FromSlash(location)
	switch {
	case location == "":
		return fail(errors.New("the location is missing"))
	case filepath.IsAbs(local) || strings.HasPrefix(location, "/"):
		return fail(errors.New("an absolute path is refused; the file must lie in the model's folder"))
	case slices.Contains(strings.FieldsFunc(location, func(r rune) bool { return r == '/' || r == '\\' }), ".."):
		return fail(errors.New(`".." is refused; the file must lie in the model's folder`))
	case !filepath.IsLocal(local):
		return fail(errors.New("the file must lie in the model's folder"))
	}
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return fail(err)
	}
	defer root.Close()
	info, err := root.Stat(local)
	if err != nil {
		return fail(err)
	}
	if !info.Mode().IsRegular() { // a pipe would wait for ever
		return fail(errors.New("it is no regular file"))
	}
	file, err := root.Open(local)
	if err != nil {
		return fail(err)
	}
	defer file.Close()
	b, err := mapped.File(file, info.Size())
	if err != nil {
		return fail(err)
	}
	f.mapped[location] = b
	return b, nil
}
