// Package built turns packages that gpamc has emitted into one running program: a generated module that holds them all beside a small
// server, built once. Programs are kept in the user's cache folder by the content of what they were made from.
package built

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// GoVersion is the language version that emitted packages are written in.
const GoVersion = "1.24"

// modulePath is that of the generated module. No package is called so.
const modulePath = "emitted"

//go:embed wire/wire.go wire/data.go wire/serve.go wire/peak_linux.go wire/peak_unix.go wire/peak_other.go
var wireSource embed.FS

// A Package is an emitted package: files by name, and the forms of what its RunTensors takes and gives.
type Package struct {
	Files           map[string][]byte
	Inputs, Results []Form
	Mapped          bool // its weights are in a file, that of Module.Weights
}

// A Module is a set of packages that are built together.
type Module struct {
	Tags string // build tags, as go build takes them
	dir  string // temporary, until Build

	mu       sync.Mutex
	packages map[string]entry // by name of folder
}

type entry struct {
	hash    string
	results []Form
	weights string // the name of their file beside the program, if there is one
}

// New makes an empty module. Close removes what it leaves on the disk.
func New() (*Module, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return nil, err
	}
	return &Module{dir: dir, packages: map[string]entry{}}, nil
}

// Close removes the module's source.
func (m *Module) Close() error { return os.RemoveAll(m.dir) }

// Weights makes the file of weights of a package that is to be added.
func (m *Module) Weights(name string) (*os.File, error) {
	return os.Create(filepath.Join(m.dir, folderName(name)+weightsSuffix))
}

const weightsSuffix = ".weights"

// Add puts a package into the module, under a name that is only to be unique. It may be called from several goroutines.
func (m *Module) Add(name string, p Package) error {
	folder := folderName(name)
	h := sha256.New()
	for _, file := range slices.Sorted(maps.Keys(p.Files)) {
		if file == "go.mod" {
			continue
		}
		fmt.Fprintf(h, "%s %d\n", file, len(p.Files[file]))
		h.Write(p.Files[file])
		path := filepath.Join(m.dir, folder, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, p.Files[file], 0o666); err != nil {
			return err
		}
	}
	if err := m.writeEntry(folder, p); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.packages[folder]; ok {
		return fmt.Errorf("package %q is there twice", name)
	}
	e := entry{hash: hex.EncodeToString(h.Sum(nil)), results: p.Results}
	if p.Mapped {
		e.weights = folder + weightsSuffix
	}
	m.packages[folder] = e
	return nil
}

// folderName makes a folder's name of any name: an import path in which different names stay different.
func folderName(name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-':
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "_%x_", r)
		}
	}
	return "p-" + b.String() // never "internal", "testdata" or with a leading _, which go build treats in its own way
}

// Build builds the packages into a program. Packages that do not build are left out of it; failures has what the Go compiler says of
// each, by the name given to Add.
func (m *Module) Build(ctx context.Context) (p *Program, err error) {
	key, err := m.key()
	if err != nil {
		return nil, err
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, key)
	if p, err := open(dir); err == nil {
		return p, nil
	}
	p = &Program{Index: map[string]int{}, Results: map[string][]Form{}, Failures: map[string]string{}}
	if err := m.writeCommon(); err != nil {
		return nil, err
	}
	for range 3 { // a second time without those that do not build; a third if that uncovers more
		bad, err := m.build(ctx, p)
		if err == nil {
			return p, m.keep(p, dir)
		}
		if len(bad) == 0 {
			return nil, err
		}
		maps.Copy(p.Failures, bad)
	}
	return nil, errors.New("BUG: the generated program does not build")
}

// key names a program by all that it is made from.
func (m *Module) key() (string, error) {
	h := sha256.New()
	version, err := exec.Command("go", "version").Output()
	if err != nil {
		return "", fmt.Errorf("the go command is needed to build what gpamc emits: %w", err)
	}
	fmt.Fprintf(h, "%s%s\n", version, m.Tags)
	for _, name := range []string{"GOOS", "GOARCH", "GOAMD64", "GOARM64"} {
		fmt.Fprintln(h, os.Getenv(name))
	}
	err = eachWireFile(func(name string, b []byte) error {
		fmt.Fprintf(h, "%s %d\n%s", name, len(b), b)
		return nil
	})
	for _, name := range m.names() {
		fmt.Fprintf(h, "%s %v\n", name, m.packages[name])
	}
	h.Write([]byte(entryText))
	return hex.EncodeToString(h.Sum(nil))[:32], err
}

func (m *Module) names() []string { return slices.Sorted(maps.Keys(m.packages)) }

func eachWireFile(f func(name string, b []byte) error) error {
	files, err := wireSource.ReadDir("wire")
	for _, file := range files {
		if err != nil {
			break
		}
		var b []byte
		if b, err = wireSource.ReadFile("wire/" + file.Name()); err == nil {
			err = f(file.Name(), b)
		}
	}
	return err
}

// writeCommon writes what the module has besides the packages and main.go.
func (m *Module) writeCommon() error {
	if err := os.MkdirAll(filepath.Join(m.dir, "wire"), 0o777); err != nil {
		return err
	}
	mod := fmt.Sprintf("module %s\n\ngo %s\n", modulePath, GoVersion)
	if err := os.WriteFile(filepath.Join(m.dir, "go.mod"), []byte(mod), 0o666); err != nil {
		return err
	}
	return eachWireFile(func(name string, b []byte) error {
		return os.WriteFile(filepath.Join(m.dir, "wire", name), b, 0o666)
	})
}

// build runs go build on all packages that are not known to fail, and returns those that did.
func (m *Module) build(ctx context.Context, p *Program) (bad map[string]string, err error) {
	var names []string
	for _, name := range m.names() {
		if p.Failures[name] == "" {
			names = append(names, name)
		}
	}
	clear(p.Index)
	for i, name := range names {
		p.Index[name] = i
		p.Results[name] = m.packages[name].results
	}
	if err := os.WriteFile(filepath.Join(m.dir, "main.go"), m.mainText(names), 0o666); err != nil {
		return nil, err
	}
	args := []string{"build", "-json", "-trimpath", "-buildvcs=false", "-o", "program" + exe}
	if m.Tags != "" {
		args = append(args, "-tags", m.Tags)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, ".")...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "GO111MODULE=on")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		bad = failures(&out)
		for _, msg := range bad {
			if line := machines(msg); line != "" {
				return nil, fmt.Errorf("building what gpamc emitted: %s", line) // nothing is said of the packages
			}
		}
		return bad, fmt.Errorf("building what gpamc emitted: %w\n%s%s", err, strings.Join(slices.Collect(maps.Values(bad)), ""), errs.String())
	}
	return nil, nil
}

// machines is the line of a message of the Go compiler that is about the machine, not about what it compiles; "" if there is none.
func machines(msg string) string {
	for line := range strings.Lines(msg) {
		for _, fault := range []string{syscall.ENOSPC.Error(), syscall.ENOMEM.Error(), "signal: killed"} {
			if strings.Contains(line, fault) {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}

// failures collects what go build -json says of each package of ours.
func failures(out *bytes.Buffer) map[string]string {
	bad := map[string]string{}
	for d := json.NewDecoder(out); ; {
		var e struct{ ImportPath, Action, Output string }
		if d.Decode(&e) != nil {
			return bad
		}
		path, _, _ := strings.Cut(e.ImportPath, " ")
		name, ok := strings.CutPrefix(path, modulePath+"/")
		if name, _, _ = strings.Cut(name, "/"); ok && e.Action == "build-output" && strings.HasPrefix(name, "p-") {
			bad[name] += e.Output
		}
	}
}

// entryText is a file that every package gets: its way in. In the packages rather than in main.go, they compile side by side.
const entryText = `package %s

import %q

// WireEntry is the package as the server sees it. Inlined into main it would bring all of its generic code along.
//
//go:noinline
func WireEntry() wire.Package {
	return wire.Entry(%s, func(m *Model, threads int) (func([]Tensor) ([]Tensor, error), wire.Session, error) {
		s, err := m.NewSession(Options{Threads: threads})
		if err != nil {
			return nil, nil, err
		}
		return s.RunTensors, s, nil
	}%s)
}
`

var packageClause = regexp.MustCompile(`(?m)^package (\w+)$`)

// writeEntry writes entryText for a package.
func (m *Module) writeEntry(folder string, p Package) error {
	var clause [][]byte
	for name, src := range p.Files {
		if c := packageClause.FindSubmatch(src); c != nil && path.Ext(name) == ".go" && path.Dir(name) == "." {
			clause = c
			break
		}
	}
	if clause == nil {
		return fmt.Errorf("BUG: package %s has no Go file", folder)
	}
	like := ""
	for _, f := range p.Inputs {
		like += fmt.Sprintf(", []%s(nil)", goTypes[carrier(f.Elem)])
	}
	load := "Load"
	if p.Mapped {
		load = fmt.Sprintf("func() (*Model, error) { return Load(wire.Beside(%q)) }", folder+weightsSuffix)
	}
	text := fmt.Sprintf(entryText, clause[1], modulePath+"/wire", load, like)
	return os.WriteFile(filepath.Join(m.dir, folder, "wire_entry.go"), []byte(text), 0o666)
}

func (m *Module) mainText(names []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "package main\n\nimport (\n%q\n", modulePath+"/wire")
	for i, name := range names {
		fmt.Fprintf(&b, "p%d %q\n", i, modulePath+"/"+name)
	}
	b.WriteString(")\n\nfunc main() {\nwire.Serve([]wire.Package{\n")
	for i := range names {
		fmt.Fprintf(&b, "p%d.WireEntry(),\n", i)
	}
	b.WriteString("})\n}\n")
	text, err := format.Source(b.Bytes())
	if err != nil {
		panic("BUG: main.go is no Go: " + err.Error())
	}
	return text
}
