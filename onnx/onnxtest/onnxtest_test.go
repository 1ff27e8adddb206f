package onnxtest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
)

// The folders in testdata are those that Samples and Contributed make; their outputs were recorded by the command bench/recordings.
func TestSamplesAreRecorded(t *testing.T) {
	place := map[string]Sample{}
	for _, s := range Samples() {
		place["onnx-"+s.Name] = s
	}
	for _, s := range Contributed() {
		if _, twice := place["contrib/"+s.Name]; twice {
			t.Errorf("two samples are called %s", s.Name)
		}
		place["contrib/"+s.Name] = s
	}
	for folder, s := range place {
		dir, recorded := t.TempDir(), filepath.Join("..", "..", "testdata", folder)
		if err := s.Write(dir); err != nil {
			t.Fatal(err)
		}
		err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			made, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			kept, err := os.ReadFile(filepath.Join(recorded, name))
			if err == nil && !bytes.Equal(made, kept) {
				t.Errorf("%s: %s is not what is made now: run bench/recordings", s.Name, name)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestModelsAreDeterministic(t *testing.T) {
	for _, name := range []string{"encoder6", "gpt2-dual", "bert-base-dual-paper", "gpt2-one", "encoder6-dual-one"} {
		m, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		m.Layers, m.Width, m.Heads, m.FFN, m.Vocab, m.Positions = 2, 16, 2, 32, 40, 8
		a, b := m.Model(), m.Model()
		if !proto.Equal(a, b) {
			t.Errorf("%s differs from itself", name)
		}
		m.Seed++
		if proto.Equal(a, m.Model()) {
			t.Errorf("%s does not depend on its seed", name)
		}
	}
	for _, name := range []string{"nobody", "gpt2-dual-what"} {
		if _, err := Named(name); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	m := Encoder6
	m.Heads = 7
	if err := m.Write(t.TempDir(), 1, 8); err == nil {
		t.Error("a width that the heads do not divide is no error")
	}
	if err := Encoder6.Write(t.TempDir(), 1, 513); err == nil {
		t.Error("a length over the positions is no error")
	}
}
