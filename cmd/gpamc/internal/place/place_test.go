package place

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func tree(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestDirReplacesOnlyItsOwn(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "a", "b")
	header := []byte(Generated + "; DO NOT EDIT.\npackage b\n")
	if err := Dir(dir, map[string][]byte{"x.go": header, "old.go": header, "w.bin": {1}, "cmd/m.go": header}); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(dir, "mine.go")
	if err := os.WriteFile(mine, []byte("package b\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Dir(dir, map[string][]byte{"x.go": append(header, '\n'), "cmd/m.go": header}); err != nil {
		t.Fatal(err)
	}
	if got, want := tree(t, top), []string{"a/b/cmd/m.go", "a/b/mine.go", "a/b/w.bin", "a/b/x.go"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "x.go")); len(b) != len(header)+1 {
		t.Errorf("x.go was not replaced: %q", b)
	}
}

func TestNothingIsLeftAfterAnError(t *testing.T) {
	top := t.TempDir()
	boom := errors.New("boom")
	err := File(filepath.Join(top, "f"), func(tmp string) error {
		if err := os.WriteFile(tmp, []byte("half"), 0o666); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(top, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Dir(filepath.Join(top, "file"), map[string][]byte{"x.go": nil}); err == nil {
		t.Error("a file was taken for a folder")
	}
	if err := Dir(filepath.Join(top, "new", "file"), map[string][]byte{"x": nil, "x/y": nil}); err == nil {
		t.Error("a file was taken for a folder")
	}
	if got := tree(t, top); !slices.Equal(got, []string{"file"}) {
		t.Errorf("left behind: %v", got)
	}
	if _, err := os.Stat(filepath.Join(top, "new")); err == nil {
		t.Error("a folder was left behind")
	}
}

// A program that is told to end leaves nothing that it was filling.
func TestAbandon(t *testing.T) {
	top := t.TempDir()
	err := File(filepath.Join(top, "f"), func(tmp string) error {
		if err := os.WriteFile(tmp, []byte("half"), 0o666); err != nil {
			return err
		}
		Abandon()
		if _, err := os.Stat(tmp); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there: %v", tmp, err)
		}
		return nil
	})
	if err == nil {
		t.Error("a file that was abandoned is complete")
	}
	if err := Dir(filepath.Join(top, "d"), map[string][]byte{"x": nil}); err != nil {
		t.Fatal(err)
	}
	Abandon()
	if got := tree(t, top); !slices.Equal(got, []string{"d/x"}) {
		t.Errorf("there is %v", got)
	}
}

func TestModule(t *testing.T) {
	top := t.TempDir()
	if got, err := Module(filepath.Join(top, "a", "b")); got != "" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(top, "go.mod"), []byte("module m\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := Module(filepath.Join(top, "a", "b")); got != top || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, top)
	}
}

// A package takes no file's place that somebody else has written: nothing is written then.
func TestDirLeavesWhatIsForeign(t *testing.T) {
	header := []byte(Generated + "; DO NOT EDIT.\npackage p\n")
	files := map[string][]byte{"session.go": header, "weights.bin": {1}, "cmd/p/main.go": header}
	for name, mine := range map[string]string{"session.go": "package p\n", "weights.bin": "mine", "cmd/p/main.go": "package main\n"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(mine), 0o666)); err != nil {
			t.Fatal(err)
		}
		if err := Dir(dir, files); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != mine {
			t.Errorf("%s is now %q, %v", name, b, err)
		}
		if got := tree(t, dir); !slices.Equal(got, []string{name}) {
			t.Errorf("beside %s: %v", name, got)
		}
	}
	dir := t.TempDir()
	for _, data := range []string{"a", "b"} { // what is no package replaces what is there
		if err := Dir(dir, map[string][]byte{"y.npy": []byte(data)}); err != nil {
			t.Error(err)
		}
	}
}

// The program of an earlier run goes with its package; packages and programs of others in the same folder stay.
func TestDirReplacesPrograms(t *testing.T) {
	dir := t.TempDir()
	header := []byte(Generated + "; DO NOT EDIT.\npackage p\n")
	if err := Dir(filepath.Join(dir, "cmd", "nested"), map[string][]byte{"session.go": header}); err != nil {
		t.Fatal(err)
	}
	if err := Dir(dir, map[string][]byte{"session.go": header, "cmd/old/main.go": header, "cmd/old/npy.go": header}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cmd", "mine.go"), []byte("package cmd\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Dir(dir, map[string][]byte{"session.go": header, "cmd/new/main.go": header}); err != nil {
		t.Fatal(err)
	}
	if got, want := tree(t, dir), []string{"cmd/mine.go", "cmd/nested/session.go", "cmd/new/main.go", "session.go"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "cmd", "old")); err == nil {
		t.Error("the folder of the old program is there")
	}
}

// What is no regular file, such as a device or, here, a folder, keeps its place.
func TestFileIsRegular(t *testing.T) {
	dir := t.TempDir()
	err := File(dir, func(tmp string) error { return os.WriteFile(tmp, nil, 0o644) })
	if info, statErr := os.Stat(dir); err == nil || !strings.Contains(err.Error(), "no regular file") || statErr != nil || !info.IsDir() {
		t.Errorf("got %v", err)
	}
}
