package wire

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"
)

// A Package is an emitted package as the server sees it.
type Package struct {
	load func() (session func(threads int) (*session, error), err error)
}

type session struct {
	run   func([]Tensor) (func() error, func() ([]Tensor, error), error) // inputs to a run, repeatable, and its outputs
	steps func() []int64
	close func()
}

type tensor = struct {
	Shape []int
	Data  any
}

// Beside is the path of a file that lies beside the program.
func Beside(name string) string {
	path, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(path), name)
}

// A Session is what all emitted sessions have in common. Those of packages that measure their steps have StepTimes too.
type Session interface{ Close() }

// Entry makes a Package of an emitted package's functions. like has a nil slice of the element type of each input.
func Entry[M any, T ~struct {
	Shape []int
	Data  any
}](load func() (M, error), open func(m M, threads int) (run func([]T) ([]T, error), s Session, err error), like ...any) Package {
	return Package{func() (func(int) (*session, error), error) {
		m, err := load()
		if err != nil {
			return nil, err
		}
		return func(threads int) (*session, error) {
			run, s, err := open(m, threads)
			if err != nil {
				return nil, err
			}
			steps := func() []int64 { return nil }
			if p, ok := s.(interface{ StepTimes() []int64 }); ok {
				steps = func() []int64 { return slices.Clone(p.StepTimes()) }
			}
			return &session{run: func(in []Tensor) (func() error, func() ([]Tensor, error), error) { return bind(run, in, like) },
				steps: steps, close: s.Close}, nil
		}, nil
	}}
}

// bind converts the inputs, once for many runs.
func bind[T ~struct {
	Shape []int
	Data  any
}](run func([]T) ([]T, error), in []Tensor, like []any) (func() error, func() ([]Tensor, error), error) {
	if len(in) != len(like) {
		return nil, nil, fmt.Errorf("%d inputs, want %d", len(in), len(like))
	}
	args := make([]T, len(in))
	for i, t := range in {
		data, err := toData[T](t, like[i])
		if err != nil {
			return nil, nil, fmt.Errorf("input %d: %w", i, err)
		}
		args[i] = T(tensor{t.Shape, data})
	}
	var out []T
	once := func() (err error) {
		out, err = run(args)
		return err
	}
	outputs := func() ([]Tensor, error) {
		ts := make([]Tensor, len(out))
		for i, o := range out {
			var err error
			if ts[i], err = fromData(o); err != nil {
				return nil, fmt.Errorf("output %d: %w", i, err)
			}
		}
		return ts, nil
	}
	return once, outputs, nil
}

// toData is what a Tensor of an emitted package has as its data for t.
func toData[T ~struct {
	Shape []int
	Data  any
}](t Tensor, like any) (any, error) {
	if !t.List {
		return ToData(t, like)
	}
	items := make([]T, len(t.Items))
	for i, e := range t.Items {
		data, err := toData[T](e, like)
		if err != nil {
			return nil, err
		}
		items[i] = T(tensor{e.Shape, data})
	}
	return items, nil
}

// fromData is toData the other way.
func fromData[T ~struct {
	Shape []int
	Data  any
}](o T) (t Tensor, err error) {
	x := tensor(o)
	items, ok := x.Data.([]T)
	if !ok {
		return FromData(x.Shape, x.Data)
	}
	t = Tensor{List: true}
	for _, e := range items {
		item, err := fromData(e)
		if err != nil {
			return t, err
		}
		t.Items = append(t.Items, item)
	}
	return t, nil
}

// Serve answers requests on standard input until there are none left.
func Serve(packages []Package) {
	d, e := NewDecoder(os.Stdin), NewEncoder(os.Stdout)
	for {
		req, err := d.Request()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = e.Reply(answer(packages, req))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func answer(packages []Package, req Request) (rep Reply) {
	defer func() {
		if r := recover(); r != nil {
			rep = Reply{Panic: fmt.Sprintf("%v\n%s", r, debug.Stack())}
		}
	}()
	if err := packages[req.Package].answer(req, &rep); err != nil {
		return Reply{Error: err.Error()}
	}
	return rep
}

func (p Package) answer(req Request, rep *Reply) error {
	start := time.Now()
	open, err := p.load()
	if err != nil {
		return err
	}
	rep.Load = int64(time.Since(start))
	s, err := open(req.Threads)
	if err != nil {
		return err
	}
	defer s.close()
	run, outputs, err := s.run(req.Inputs)
	if err != nil {
		return err
	}
	var steps [][]int64 // of each run
	for begin := time.Now(); ; {
		start := time.Now()
		if err := run(); err != nil {
			return err
		}
		rep.Times = append(rep.Times, int64(time.Since(start)))
		steps = append(steps, s.steps())
		if len(rep.Times) >= req.Runs && int64(time.Since(begin)) >= req.Nanoseconds {
			break
		}
	}
	rep.Steps = medians(steps[1:])
	if rep.Outputs, err = outputs(); err != nil {
		return err
	}
	rep.Peak = peak()
	return nil
}

// medians are those of each column.
func medians(rows [][]int64) []int64 {
	if len(rows) == 0 {
		return nil
	}
	out := make([]int64, len(rows[0]))
	column := make([]int64, len(rows))
	for i := range out {
		for k, r := range rows {
			column[k] = r[i]
		}
		slices.Sort(column)
		out[i] = column[len(column)/2]
	}
	return out
}
