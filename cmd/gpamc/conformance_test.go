package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/operators"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/suite"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/onnx/onnxtest"
)

// The reference computes what ONNX Runtime computes of its own operators. The same for compiled packages is .ci/run's.
func TestContributed(t *testing.T) {
	report := reference(t, "../../testdata/contrib", values.Tolerance{Abs: 1e-4}, false)
	if samples := len(onnxtest.Contributed()); report.Reference.Pass != samples || len(report.Cases) != samples {
		report.Text(os.Stderr)
		t.Errorf("%d of %d pass, there are %d samples", report.Reference.Pass, len(report.Cases), samples)
	}
}

// The reference passes the models that lie here, within 1e-4, and as many tests of ONNX's suite as .ci/floors says where
// GPAMC_CONFORMANCE names its folder. The same for compiled packages is .ci/run's.
func TestReference(t *testing.T) {
	report := reference(t, "../../testdata/models", values.Tolerance{Abs: 1e-4}, false)
	if report.Reference.Pass != 9 || report.Failed(true) {
		report.Text(os.Stderr)
		t.Errorf("%d of the nine models pass", report.Reference.Pass)
	}
	dir := os.Getenv("GPAMC_CONFORMANCE")
	if dir == "" {
		return
	}
	for name, floor := range floors(t) {
		folder, dynamic := strings.CutSuffix(name, "-dynamic")
		if _, err := os.Stat(filepath.Join(dir, folder)); err != nil { // .ci/run installs or makes the others
			continue
		}
		report := reference(t, filepath.Join(dir, folder), values.ONNX, dynamic)
		if report.Reference.Pass < floor {
			report.Text(os.Stderr)
			t.Errorf("%s: %d tests pass, the floor is %d", name, report.Reference.Pass, floor)
		}
		if got, want := failing(report), listed(t); name == "node" && !slices.Equal(got, want) {
			t.Errorf("these do not pass: %q\ndocs/failing.tsv has: %q", got, want)
		}
	}
}

// failing are the names of the tests of a report that do not pass.
func failing(r *suite.Report) (names []string) {
	for _, c := range r.Cases {
		if c.Status == suite.Fail || c.Status == suite.Unsupported {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names
}

// listed are the tests that the documentation says do not pass with the reference.
func listed(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + operators.ListFile)
	if err != nil {
		t.Fatal(err)
	}
	list, err := operators.ParseFailing(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if f.Runtime == "reference" || f.Runtime == "both" {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}

func reference(t *testing.T, dir string, tol values.Tolerance, dynamic bool) *suite.Report {
	t.Helper()
	cases, err := suite.Find([]string{dir}, tol)
	if err != nil {
		t.Fatal(err)
	}
	return suite.NewReport(suite.RunReference(cases, suite.Options{Limit: time.Minute, Dynamic: dynamic, Tick: func() {}}))
}

// floors are the numbers of tests that the reference must pass, by suite.
func floors(t *testing.T) map[string]int {
	t.Helper()
	b, err := os.ReadFile("../../.ci/floors")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for line := range strings.Lines(string(b)) {
		var folder, rt string
		var n int
		if _, err := fmt.Sscan(line, &folder, &rt, &n); err == nil && rt == "reference" {
			out[folder] = n
		}
	}
	if len(out) == 0 {
		t.Fatal(".ci/floors names no folder")
	}
	return out
}
