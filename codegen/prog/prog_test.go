package prog

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestNpyGoesRound(t *testing.T) {
	for _, want := range []tensor{
		{[]int{2, 3}, []float32{1, 2, 3, 4, 5, -6}},
		{nil, []int64{7}},
		{[]int{2}, []bool{true, false}},
		{[]int{0, 4}, []float64{}},
	} {
		path := filepath.Join(t.TempDir(), "x.npy")
		if err := writeNpy(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := readTensor(path)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v comes back as %v, %v", want, got, err)
		}
	}
}

func TestReadPB(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want tensor
	}{
		"raw":    {[]byte{8, 2, 16, 1, 74, 8, 0, 0, 128, 63, 0, 0, 0, 64}, tensor{[]int{2}, []float32{1, 2}}},
		"int64":  {[]byte{10, 1, 3, 16, 7, 58, 3, 1, 2, 3}, tensor{[]int{3}, []int64{1, 2, 3}}},
		"floats": {[]byte{8, 1, 16, 1, 34, 4, 0, 0, 128, 63}, tensor{[]int{1}, []float32{1}}},
		"bool":   {[]byte{8, 2, 16, 9, 42, 2, 1, 0}, tensor{[]int{2}, []bool{true, false}}},
	} {
		got, err := readPB(c.b)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{8, 2, 16, 1, 74, 8, 0, 0, 128, 63, 0, 0, 0, 64})
	path := filepath.Join(f.TempDir(), "x.npy")
	if err := writeNpy(path, tensor{[]int{2}, []float32{1, 2}}); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		readNpy(b)
		readPB(b)
	})
}
