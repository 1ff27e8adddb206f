package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/onnx/pb"
	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

func TestMain(m *testing.M) {
	os.Exit(testscript.RunMain(m, map[string]func() int{"gpamc": func() int { return run(os.Args) }}))
}

// The command line, golden by golden. GPAMC_UPDATE=1 rewrites what cmp compares.
func TestScripts(t *testing.T) {
	goEnv := goEnvironment(t)
	data, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("GPAMC_UPDATE") != "",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for name, value := range goEnv {
				e.Setenv(name, value)
			}
			e.Setenv("MODELS", filepath.Join(data, "models"))
			e.Setenv("ZOO", filepath.Join(data, "zoo"))
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, ".cache"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"model": modelCommand, "tensor": tensorCommand, "cut": cutCommand, "empty": emptyCommand, "same": sameCommand,
		},
	})
}

// goEnvironment is what the go command needs to find its caches, which scripts with a home of their own hide.
func goEnvironment(t *testing.T) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env[name] = strings.TrimSpace(string(out))
	}
	return env
}

// model TEXT FILE: writes the ONNX model that TEXT, protobuf's text form, describes.
func modelCommand(ts *testscript.TestScript, _ bool, args []string) {
	m := &pb.ModelProto{}
	ts.Check(prototext.Unmarshal([]byte(ts.ReadFile(args[0])), m))
	b, err := proto.Marshal(m)
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[1])), 0o777))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o666))
}

// tensor FILE CONST: writes a tensor, given as in IR text, to a .npy or .pb file.
func tensorCommand(ts *testscript.TestScript, _ bool, args []string) {
	f, err := ir.Parse("func f() {\nreturn " + args[1] + "\n}")
	ts.Check(err)
	b, err := values.Format(args[0], onnx.Value{Tensor: f.Results[0].Const()})
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o777))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o666))
}

// cut FILE N: leaves the first N bytes of the file.
func cutCommand(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// same DIR DIR: fails unless every file of the second folder stands in the first with the same contents.
func sameCommand(ts *testscript.TestScript, _ bool, args []string) {
	names, err := filepath.Glob(ts.MkAbs(args[1]) + "/*")
	ts.Check(err)
	if len(names) == 0 {
		ts.Fatalf("%s is empty", args[1])
	}
	for _, name := range names {
		a, err := os.ReadFile(filepath.Join(ts.MkAbs(args[0]), filepath.Base(name)))
		ts.Check(err)
		b, err := os.ReadFile(name)
		ts.Check(err)
		if string(a) != string(b) {
			ts.Fatalf("%s differs", filepath.Base(name))
		}
	}
}

// empty DIR: fails if the folder is there and holds anything.
func emptyCommand(ts *testscript.TestScript, _ bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	if err != nil && !os.IsNotExist(err) {
		ts.Check(err)
	}
	if len(entries) > 0 {
		ts.Fatalf("%s", fmt.Sprintf("%s holds %s and %d more", args[0], entries[0].Name(), len(entries)-1))
	}
}
