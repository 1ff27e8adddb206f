package built

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/built/wire"
	"github.com/gpamc/gpamc/onnx"
)

var exe = map[bool]string{true: ".exe"}[runtime.GOOS == "windows"]

// A Program holds packages, ready to run.
type Program struct {
	Index    map[string]int    // the number of each package, by folder
	Results  map[string][]Form // the forms of its results, by folder
	Failures map[string]string // what the Go compiler said of those that do not build, by folder
	path     string
}

// find is the number of the package that was added by that name; the error has the Go compiler's words if it did not build.
func (p *Program) find(name string) (int, error) {
	folder := folderName(name)
	if i, ok := p.Index[folder]; ok {
		return i, nil
	}
	if msg, ok := p.Failures[folder]; ok {
		return 0, fmt.Errorf("BUG: the emitted package does not build:\n%s", msg)
	}
	return 0, fmt.Errorf("BUG: no package %q was added", name)
}

// cacheLimit is how many bytes of programs are kept; the oldest go first.
const cacheLimit = 2 << 30

// inUse is how long nobody takes a program away that may just be starting: those that run need their folder no more.
const inUse = 10 * time.Minute

// cacheDir is where programs are kept, and nothing else: prune removes what is in it.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder to keep compiled packages in: %w", err)
	}
	dir = filepath.Join(dir, "gpamc", "programs")
	return dir, os.MkdirAll(dir, 0o777)
}

// open finds a program that was kept.
func open(dir string) (*Program, error) {
	b, err := os.ReadFile(filepath.Join(dir, "program.json"))
	if err != nil {
		return nil, err
	}
	p := &Program{path: filepath.Join(dir, "program"+exe)}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, err
	}
	now := time.Now()
	return p, os.Chtimes(dir, now, now)
}

// keep moves the program from the module to dir.
func (m *Module) keep(p *Program, dir string) error {
	prune(filepath.Dir(dir))
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "keep-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	index, err := json.Marshal(p)
	if err != nil {
		return err
	}
	files := []string{"program" + exe}
	for _, e := range m.packages {
		if e.weights != "" {
			files = append(files, e.weights)
		}
	}
	for _, name := range files {
		if err := os.Rename(filepath.Join(m.dir, name), filepath.Join(tmp, name)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(tmp, "program.json"), index, 0o666); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, os.ErrExist) {
		if _, err2 := open(dir); err2 != nil { // another process may have been faster
			return err
		}
	}
	p.path = filepath.Join(dir, "program"+exe)
	return nil
}

// prune removes the programs that were not used for longest, and what runs that were killed have left, when there is too much.
func prune(cache string) {
	dirs, err := os.ReadDir(cache)
	if err != nil {
		return
	}
	type old struct {
		path string
		at   time.Time
		size int64
	}
	var all []old
	for _, d := range dirs {
		info, err := d.Info()
		if err != nil || !d.IsDir() {
			continue
		}
		o := old{filepath.Join(cache, d.Name()), info.ModTime(), 0}
		filepath.WalkDir(o.path, func(_ string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if info, err := d.Info(); err == nil {
				o.size += info.Size()
			}
			return nil
		})
		all = append(all, o)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].at.After(all[j].at) })
	total := int64(0)
	for _, o := range all {
		if total += o.size; total > cacheLimit && time.Since(o.at) > inUse {
			os.RemoveAll(o.path)
		}
	}
}

// A Server is a running Program. It is for one goroutine.
type Server struct {
	p    *Program
	cmd  *exec.Cmd
	in   io.WriteCloser
	enc  *wire.Encoder
	dec  *wire.Decoder
	errs *tail
}

// Serve makes a server; the process starts with the first request, and anew after one that killed it.
func (p *Program) Serve() *Server { return &Server{p: p} }

// tail keeps the beginning of what a process says on standard error: where Go names the reason for a crash.
type tail struct{ bytes.Buffer }

func (t *tail) Write(b []byte) (int, error) {
	if room := 4096 - t.Len(); room > 0 {
		t.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

func (s *Server) start() (err error) {
	s.errs = &tail{}
	s.cmd = exec.Command(s.p.path)
	if by, err := emulator(); err != nil {
		return err
	} else if by != "" {
		s.cmd = exec.Command(by, s.p.path)
	}
	s.cmd.Stderr = s.errs
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	s.enc, s.dec = wire.NewEncoder(s.in), wire.NewDecoder(out)
	return s.cmd.Start()
}

// emulator is what runs programs for the system that GOOS and GOARCH name, if that is another than this: as for go run and go test, a command
// go_GOOS_GOARCH_exec.
func emulator() (string, error) {
	goos, goarch := cmp.Or(os.Getenv("GOOS"), runtime.GOOS), cmp.Or(os.Getenv("GOARCH"), runtime.GOARCH)
	if goos == runtime.GOOS && goarch == runtime.GOARCH {
		return "", nil
	}
	name := fmt.Sprintf("go_%s_%s_exec", goos, goarch)
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("programs for %s/%s need a command %s that runs them here, as for go test: %w", goos, goarch, name, err)
	}
	return path, nil
}

// A Job is what a package is to do: one run, or as many as it takes to measure.
type Job struct {
	Package  string // the name given to Add
	Inputs   []onnx.Value
	Threads  int
	Runs     int           // at least so many,
	Duration time.Duration // and for so long
	Limit    time.Duration // after which the process is killed
}

// A Done is what came of a Job.
type Done struct {
	Outputs []onnx.Value // of the last run
	Load    time.Duration
	Times   []time.Duration // of each run
	Steps   []time.Duration // medians of all runs but the first, in packages that measure their steps
	Peak    int64           // bytes of memory that the process had at most
}

// Run does one job. A process that crashes or takes longer than the limit is an error, and gone; the next job starts another.
func (s *Server) Run(j Job) (d Done, err error) {
	req := wire.Request{Threads: max(j.Threads, 1), Runs: j.Runs, Nanoseconds: int64(j.Duration)}
	if req.Package, err = s.p.find(j.Package); err != nil {
		return d, err
	}
	for _, v := range j.Inputs {
		req.Inputs = append(req.Inputs, valueToWire(v))
	}
	rep, err := s.do(req, j.Limit)
	if err != nil {
		return d, err
	}
	results := s.p.Results[folderName(j.Package)]
	for i, t := range rep.Outputs {
		v, err := valueFromWire(t, results[i])
		if err != nil {
			return d, fmt.Errorf("output %d: %w", i, err)
		}
		d.Outputs = append(d.Outputs, v)
	}
	d.Load, d.Peak = time.Duration(rep.Load), rep.Peak
	for _, t := range rep.Times {
		d.Times = append(d.Times, time.Duration(t))
	}
	for _, t := range rep.Steps {
		d.Steps = append(d.Steps, time.Duration(t))
	}
	return d, nil
}

// do sends one request and waits for its reply.
func (s *Server) do(req wire.Request, limit time.Duration) (wire.Reply, error) {
	if s.cmd == nil {
		if err := s.start(); err != nil {
			s.cmd = nil
			return wire.Reply{}, err
		}
	}
	process := s.cmd.Process
	timer := time.AfterFunc(limit, func() { process.Kill() })
	err := s.enc.Request(req)
	var rep wire.Reply
	if err == nil {
		rep, err = s.dec.Reply()
	}
	inTime := timer.Stop()
	if err != nil {
		s.in.Close()
		s.cmd.Wait()
		s.cmd = nil
		if !inTime {
			return rep, fmt.Errorf("took more than %v", limit)
		}
		return rep, fmt.Errorf("the program crashed: %s", bytes.TrimSpace(s.errs.Bytes()))
	}
	switch {
	case rep.Panic != "":
		return rep, fmt.Errorf("panic: %s", rep.Panic)
	case rep.Error != "":
		return rep, errors.New(rep.Error)
	}
	return rep, nil
}

// Close ends the process.
func (s *Server) Close() error {
	if s.cmd == nil {
		return nil
	}
	s.in.Close()
	err := s.cmd.Wait()
	s.cmd = nil
	return err
}
