package wire

import (
	"bytes"
	"io"
	"reflect"
	"testing"
)

type float16 uint16

func TestMessagesGoRound(t *testing.T) {
	var b bytes.Buffer
	ts := []Tensor{{Elem: 1, Shape: []int{2, 1}, Bytes: []byte{1, 2, 3, 4, 5, 6, 7, 8}}, {Elem: 8, Shape: []int{2}, Str: []string{"", "é"}}, {Elem: 7},
		{List: true}, {List: true, Items: []Tensor{{Elem: 7}, {List: true, Items: []Tensor{{Elem: 9, Bytes: []byte{1}}}}}}}
	req := Request{Package: 3, Threads: 2, Inputs: ts, Runs: 5, Nanoseconds: 1e9}
	rep := Reply{Error: "e", Panic: "p", Outputs: ts, Load: 4, Times: []int64{1, 2}, Steps: []int64{7}, Peak: 9}
	e, d := NewEncoder(&b), NewDecoder(&b)
	for range 2 {
		if err := e.Request(req); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Request(); err != nil || !reflect.DeepEqual(got, req) {
			t.Errorf("got %+v, %v", got, err)
		}
		if err := e.Reply(rep); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Reply(); err != nil || !reflect.DeepEqual(got, rep) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if _, err := d.Request(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if err := e.Request(req); err != nil {
		t.Fatal(err)
	}
	if _, err := NewDecoder(bytes.NewReader(b.Bytes()[:b.Len()-3])).Request(); err == nil {
		t.Error("a truncated message was accepted")
	}
}

func TestMedians(t *testing.T) {
	if got := medians([][]int64{{5, 1}, {1, 9}, {3, 2}}); !reflect.DeepEqual(got, []int64{3, 2}) {
		t.Error(got)
	}
	if got := medians(nil); got != nil {
		t.Errorf("of no runs: %v", got)
	}
}

func TestData(t *testing.T) {
	for _, data := range []any{[]float32{1, 2}, []int64{-1, 5}, []bool{true, false}, []string{"a", "b"}, []float16{1, 2}, []complex64{1, 2i}} {
		w, err := FromData([]int{2}, data)
		if err != nil {
			t.Errorf("%T: %v", data, err)
			continue
		}
		back, err := ToData(w, reflect.Zero(reflect.TypeOf(data)).Interface())
		if err != nil || !reflect.DeepEqual(back, data) {
			t.Errorf("%T: got %v, %v", data, back, err)
		}
	}
	if _, err := FromData(nil, 3); err == nil {
		t.Error("a number was taken for a slice")
	}
	if _, err := ToData(Tensor{Elem: 1}, []int64{}); err == nil {
		t.Error("floats were taken for integers")
	}
}
