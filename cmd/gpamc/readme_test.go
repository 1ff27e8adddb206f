package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The program in the README runs.
func TestReadmeProgram(t *testing.T) {
	_, rest, _ := strings.Cut(readme(t), "```go\n")
	program, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("there is no program in the README")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/app\n\ngo 1.24\n", "main.go": program} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if status := run([]string{"gpamc", "compile", "../../testdata/models/encoder/model.onnx", "-o", filepath.Join(dir, "encoder")}); status != 0 {
		t.Fatal("compile failed")
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "192 [") {
		t.Errorf("it prints %q, %v", out, err)
	}
}

var flagName = regexp.MustCompile(`(^|[ \[])--?([a-z][a-z-]*)`)

// The commands in the README exist, and have the flags that it shows.
func TestReadmeCommands(t *testing.T) {
	known := map[string]*cli.Command{}
	for _, c := range commands() {
		known[c.Name] = c
	}
	shown := map[string]bool{}
	for line := range strings.Lines(readme(t)) {
		words := strings.Fields(line)
		if len(words) < 2 || !strings.HasPrefix(line, "    ") || words[0] != "gpamc" {
			continue
		}
		c := known[words[1]]
		if c == nil {
			t.Errorf("there is no command %q", words[1])
			continue
		}
		shown[c.Name] = true
		for _, m := range flagName.FindAllStringSubmatch(line, -1) {
			if !has(c, m[2]) {
				t.Errorf("gpamc %s has no flag --%s", c.Name, m[2])
			}
		}
	}
	for name := range known {
		if !shown[name] {
			t.Errorf("the README does not show gpamc %s", name)
		}
	}
}

func has(c *cli.Command, flag string) bool {
	for _, f := range c.Flags {
		for _, name := range f.Names() {
			if name == flag {
				return true
			}
		}
	}
	return false
}
