package wire

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"
)

// A Package is an emitted package as the server sees it.
type Package struct {
	load func() (session func(threads int) (*session, error), err error)
}

type session struct {
	run   func([]Tensor) (func() error, func() ([]Tensor, error), error) // inputs to a run, repeatable, and its outputs
	close func()
}

type tensor = struct {
	Shape []int
	Data  any
}

// Entry makes a Package of an emitted package's functions. like has a nil slice of the element type of each input.
func Entry[M any, T ~struct {
	Shape []int
	Data  any
}](load func() (M, error), open func(m M, threads int) (run func([]T) ([]T, error), close func(), err error), like ...any) Package {
	return Package{func() (func(int) (*session, error), error) {
		m, err := load()
		if err != nil {
			return nil, err
		}
		return func(threads int) (*session, error) {
			run, end, err := open(m, threads)
			if err != nil {
				return nil, err
			}
			return &session{run: func(in []Tensor) (func() error, func() ([]Tensor, error), error) { return bind(run, in, like) }, close: end}, nil
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
		data, err := ToData(t, like[i])
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
			o := tensor(o)
			if ts[i], err = FromData(o.Shape, o.Data); err != nil {
				return nil, fmt.Errorf("output %d: %w", i, err)
			}
		}
		return ts, nil
	}
	return once, outputs, nil
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
	for begin := time.Now(); ; {
		start := time.Now()
		if err := run(); err != nil {
			return err
		}
		rep.Times = append(rep.Times, int64(time.Since(start)))
		if len(rep.Times) >= req.Runs && int64(time.Since(begin)) >= req.Nanoseconds {
			break
		}
	}
	if rep.Outputs, err = outputs(); err != nil {
		return err
	}
	rep.Peak = peak()
	return nil
}
