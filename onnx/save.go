package onnx

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

const (
	maxModel    = 1<<31 - 1<<24 // bytes; a message of 2 GB cannot be read, and there is more in it than weights
	minExternal = 1 << 10       // bytes; smaller tensors stay in the model
	alignment   = 4096          // of a tensor in a file, so that runtimes can map it
)

// Export writes prog as an ONNX model. Weights of 2 GB and more go into a file beside it, with ".data" behind the model's name. The
// files appear when they are complete.
func Export(prog *ir.Program, path string, o ExportOptions) error {
	m, data, err := model(prog, o)
	if err != nil {
		return err
	}
	size := 0
	for _, d := range data {
		size += storedSize(d.Elem, d.Len())
	}
	var files []*staged
	defer func() {
		for _, f := range files {
			f.discard()
		}
	}()
	stage := func(path string, write func(w io.Writer) error) error {
		f, err := stageFile(path, write)
		if err == nil {
			files = append(files, f)
		}
		return err
	}
	if o.External || size > maxModel {
		location := filepath.Base(path) + ".data"
		if err := stage(path+".data", func(w io.Writer) error { return externalize(m.Graph.Initializer, data, location, w) }); err != nil {
			return err
		}
	}
	data.fill()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := stage(path, func(w io.Writer) error { _, err := w.Write(b); return err }); err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Rename(f.tmp, f.path); err != nil {
			return err
		}
	}
	return nil
}

// externalize writes the data of large tensors to w, one after the other.
func externalize(ts []*pb.TensorProto, data weightData, location string, w io.Writer) error {
	var at int
	var zeros [alignment]byte
	for _, t := range ts {
		d := data[t]
		if d == nil || storedSize(d.Elem, d.Len()) < minExternal {
			continue
		}
		raw := Pack(d)
		gap := -at & (alignment - 1)
		if _, err := w.Write(zeros[:gap]); err != nil {
			return err
		}
		if _, err := w.Write(raw); err != nil {
			return err
		}
		at += gap
		t.DataLocation = pb.TensorProto_EXTERNAL
		for _, e := range [][2]string{{"location", location}, {"offset", strconv.Itoa(at)}, {"length", strconv.Itoa(len(raw))}} {
			t.ExternalData = append(t.ExternalData, &pb.StringStringEntryProto{Key: e[0], Value: e[1]})
		}
		at += len(raw)
	}
	return nil
}

// A staged file is complete, under another name than it is to have.
type staged struct{ tmp, path string }

// discard removes the file if it has not got its name.
func (f *staged) discard() { os.Remove(f.tmp) }

// stageFile writes a file in the folder that it is to be in. It is not to take the place of a device.
func stageFile(path string, write func(w io.Writer) error) (s *staged, err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	if err := f.Chmod(0o644); err != nil {
		return nil, err
	}
	return &staged{f.Name(), path}, f.Close()
}
