package operators

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
)

const docs = "../../../../docs"

func TestPageIsCurrent(t *testing.T) {
	list := readList(t)
	got, err := os.ReadFile(filepath.Join(docs, PageFile))
	if err != nil {
		t.Fatal(err)
	}
	floors, err := os.ReadFile(filepath.Join(docs, FloorsFile))
	if err != nil {
		t.Fatal(err)
	}
	counts, err := ParseFloors(string(floors))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != Page(list, counts) {
		t.Error("docs/operators.md is not what the operators are: go generate ./cmd/gpamc/internal/operators")
	}
}

// Every operator runs everywhere.
func TestNoOperatorIsMissing(t *testing.T) {
	page := Page(nil, nil)
	for _, op := range ir.Ops() {
		if !strings.Contains(page, "| "+op.Name+" |") && !strings.Contains(page, "("+op.Name+" here)") {
			t.Errorf("%s is not on the page", op.Name)
		}
		if evaluated(op) == "no" || compiled(op) == "no" {
			t.Errorf("%s: reference %s, compiled %s", op.Name, evaluated(op), compiled(op))
		}
	}
}

func TestParseFailing(t *testing.T) {
	for text, want := range map[string]string{
		"test_a\tboth\n":         "want a test",
		"# c\na\tsomewhere\tb\n": "failing.tsv:2",
	} {
		if _, err := ParseFailing(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Every suite that CI has a floor for is on the page.
func TestSuites(t *testing.T) {
	floors := Floors{}
	for _, s := range suiteRows {
		floors[s[0]] = map[string]int{"compiled": 4711}
	}
	if n := strings.Count(Page(nil, floors), " 4711 |"); n != len(suiteRows) {
		t.Errorf("%d suites of %d have a number", n, len(suiteRows))
	}
	text, err := os.ReadFile(filepath.Join(docs, FloorsFile))
	if err != nil {
		t.Fatal(err)
	}
	have, err := ParseFloors(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for suite := range have {
		if floors[suite] == nil {
			t.Errorf("suite %s is not on the page", suite)
		}
	}
	if _, err := ParseFloors("node compiled many"); err == nil {
		t.Error("a floor that is no number was read")
	}
}

func readList(t *testing.T) []Failing {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, ListFile))
	if err != nil {
		t.Fatal(err)
	}
	list, err := ParseFailing(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Error("the list of failing tests is empty")
	}
	return list
}
