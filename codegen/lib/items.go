package lib

import "fmt"

// checkItems reports an item whose data are not those of its shape, or whose shape is not what is wanted: -1 is any size, nil any
// shape.
func checkItems[T any](name string, x []Item[T], want []int) error {
	for i, e := range x {
		n, ok := elements(e.Shape)
		fits := want == nil || len(e.Shape) == len(want)
		for k, d := range want {
			fits = fits && (d < 0 || e.Shape[k] == d)
		}
		if !fits {
			return fmt.Errorf("item %d of input %q has shape %v instead of %v, where -1 is any size", i, name, e.Shape, want)
		}
		if !ok || len(e.Data) != n {
			return fmt.Errorf("item %d of input %q has %d elements; its shape is %v", i, name, len(e.Data), e.Shape)
		}
	}
	return nil
}

// checkLists is checkItems of a sequence or optional of sequences.
func checkLists[T any](name string, x [][]Item[T], want []int) error {
	for _, l := range x {
		if err := checkItems(name, l, want); err != nil {
			return err
		}
	}
	return nil
}

// checkOptional reports an optional that holds more than one thing.
func checkOptional(name string, n int) error {
	if n > 1 {
		return fmt.Errorf("input %q is an optional of %d values", name, n)
	}
	return nil
}

// tensorItems are the items of a sequence or optional.
func tensorItems[T any](t Tensor, name string) ([]Item[T], error) {
	list, ok := t.Data.([]Tensor)
	if !ok {
		return nil, fmt.Errorf("input %q is %T instead of a sequence or optional, []Tensor", name, t.Data)
	}
	items := make([]Item[T], len(list))
	for i, e := range list {
		x, ok := e.Data.([]T)
		if !ok {
			return nil, fmt.Errorf("item %d of input %q is %T instead of %T", i, name, e.Data, x)
		}
		items[i] = Item[T]{e.Shape, x}
	}
	return items, nil
}

// tensorLists are the items of a sequence or optional of sequences.
func tensorLists[T any](t Tensor, name string) ([][]Item[T], error) {
	list, ok := t.Data.([]Tensor)
	if !ok {
		return nil, fmt.Errorf("input %q is %T instead of a sequence or optional, []Tensor", name, t.Data)
	}
	lists := make([][]Item[T], len(list))
	for i, e := range list {
		var err error
		if lists[i], err = tensorItems[T](e, name); err != nil {
			return nil, err
		}
	}
	return lists, nil
}

// itemTensors is tensorItems the other way.
func itemTensors[T any](x []Item[T]) []Tensor {
	list := make([]Tensor, len(x))
	for i, e := range x {
		list[i] = Tensor{e.Shape, e.Data}
	}
	return list
}

// listTensors is tensorLists the other way.
func listTensors[T any](x [][]Item[T]) []Tensor {
	list := make([]Tensor, len(x))
	for i, l := range x {
		list[i] = Tensor{Data: itemTensors(l)}
	}
	return list
}
