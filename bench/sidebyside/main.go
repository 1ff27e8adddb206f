// Command sidebyside compares emitted packages with ONNX Runtime: it makes transformers with random weights, compiles them with gpamc,
// builds a program around each package, and runs the two in turns on the same inputs, so that both meet the same weather.
//
//	export ORT_LIB=$(../scripts/install-onnxruntime)
//	go run ./sidebyside [-models encoder6,gpt2-dual] [-precision int8] [-threads 1,2] [-sizes 1x128,8x16] [-full] [-gomlx] [-n 30] [-json] [MODEL-DIR...]
//	go run ./sidebyside -sessions 2,8 [-models encoder6] [-sizes 1x128]
//
// A size is BATCHxLENGTH. A MODEL-DIR is a folder with model.onnx whose inputs are those of the models that are made here. Run it in
// bench/, on a machine that has nothing else to do. With -gomlx, gomlx's Go backend takes part, as a plain build makes it and, where the Go
// toolchain has that, as GOEXPERIMENT=simd does; its results must be ours. With -sessions, it is seen what sessions of one model cost each other.
//
// With -precision bf16 gpamc compiles for bfloat16 and ONNX Runtime stays in float32, which is what it has; with int8 gpamc compiles for
// int8 and ONNX Runtime runs the model as its quantize_dynamic makes it; with quantized both get that model.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/bench/internal/machine"
)

func main() {
	var o options
	list := func(name, value, usage string) *string { return flag.String(name, value, usage) }
	models := list("models", "encoder6,encoder6-dual,bert-base,bert-base-dual,gpt2,gpt2-dual", "models to make and compare")
	threads := list("threads", "1,2", "numbers of threads")
	sizes := list("sizes", "1x16,1x128", "BATCHxLENGTH of the inputs")
	sessions := list("sessions", "", "numbers of sessions: compare so many at the same time with one, each with one thread, instead of with ONNX Runtime")
	flag.StringVar(&o.precision, "precision", "float32", "float32, bf16, int8 or quantized")
	full := flag.Bool("full", false, "all sizes: batches 1 and 8, lengths 1, 16, 128 and 512")
	gomlx := flag.Bool("gomlx", false, "run gomlx's Go backend, too")
	flag.IntVar(&o.rounds, "n", 20, "number of runs of each")
	flag.DurationVar(&o.pause, "pause", defaultPause, "pause before each run: the threads of the program before spin for a while after theirs")
	flag.StringVar(&o.cache, "cache", "", "folder in which models and programs are kept; a temporary one by default")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	if *full {
		*sizes = "1x1,1x16,1x128,1x512,8x1,8x16,8x128,8x512"
	}
	err := o.parse(*threads, *sizes, *sessions)
	if *gomlx {
		o.peers = peers()
	}
	if err == nil && *gomlx && o.precision != "float32" {
		err = errors.New("-gomlx is a comparison in float32: leave out -precision")
	}
	if err == nil {
		if flag.NArg() > 0 {
			o.dirs = flag.Args()
		} else {
			o.models = strings.Split(*models, ",")
		}
		err = o.run(*asJSON)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sidebyside:", err)
		os.Exit(1)
	}
}

func (o *options) parse(threads, sizes, sessions string) (err error) {
	if o.threads, err = counts(threads, "threads"); err != nil {
		return err
	}
	if sessions != "" {
		if o.sessions, err = counts(sessions, "sessions"); err != nil {
			return err
		}
	}
	for _, s := range strings.Split(sizes, ",") {
		var z size
		if _, err := fmt.Sscanf(s, "%dx%d", &z.Batch, &z.Length); err != nil || z.Batch < 1 || z.Length < 1 {
			return fmt.Errorf("%q is no size: write BATCHxLENGTH, such as 1x128", s)
		}
		o.sizes = append(o.sizes, z)
	}
	if !slices.Contains([]string{"float32", "bf16", "int8", "quantized"}, o.precision) {
		return fmt.Errorf("-precision %q: there are float32, bf16, int8 and quantized", o.precision)
	}
	if o.rounds < 1 {
		return errors.New("-n must be 1 or more")
	}
	return nil
}

// counts reads numbers with commas between.
func counts(list, of string) (all []int, err error) {
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of %s", s, of)
		}
		all = append(all, n)
	}
	return all, nil
}

// A report is everything that was measured.
type report struct {
	System machine.Machine `json:"machine"`
	Format string          `json:"precision"`
	Models []modelRow      `json:"models"`
	Runs   []runRow        `json:"runs,omitempty"`

	Sessions []sessionsRow `json:"sessions,omitempty"`
}

func (o *options) run(asJSON bool) error {
	if os.Getenv("ORT_LIB") == "" && o.sessions == nil {
		return errors.New("ORT_LIB must name the shared library of ONNX Runtime; scripts/install-onnxruntime prints it")
	}
	if o.cache == "" {
		tmp, err := os.MkdirTemp("", "sidebyside-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		o.cache = tmp
	}
	r := report{System: machine.Measure(runtime.NumCPU()), Format: o.precision}
	show := func(format string, args ...any) {
		if !asJSON {
			fmt.Printf(format+"\n", args...)
		}
	}
	show("%s", r.System)
	if o.sessions != nil {
		show(sessionsHeader)
	} else if header := runHeader + peerHeader(o.peers); o.precision == "float32" {
		show("%s", header)
	} else {
		show("%s", header+cosineHeader)
	}
	tools, err := o.tools()
	if err != nil {
		return err
	}
	for _, name := range append(o.models, o.dirs...) {
		m, err := o.prepare(name, tools)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.Models = append(r.Models, m.modelRow)
		if err := o.rows(&r, m, tools, show); err != nil {
			return err
		}
	}
	if asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "\t")
		return e.Encode(r)
	}
	show("\n" + modelHeader)
	for _, m := range r.Models {
		show("%s", m)
	}
	return nil
}

// rows measures a model.
func (o *options) rows(r *report, m *model, tools map[string]string, show func(string, ...any)) error {
	for _, z := range o.sizes {
		for _, n := range o.sessions {
			row, err := o.compareSessions(m, z, n)
			if err != nil {
				return fmt.Errorf("%s, %v, %d sessions: %w", m.Name, z, n, err)
			}
			r.Sessions = append(r.Sessions, row)
			show("%s", row)
		}
	}
	if o.sessions != nil {
		return nil
	}
	for _, t := range o.threads {
		for _, z := range o.sizes {
			row, err := o.compare(m, tools, z, t)
			if err != nil {
				return fmt.Errorf("%s, %v, %d threads: %w", m.Name, z, t, err)
			}
			r.Runs = append(r.Runs, row)
			if o.precision == "float32" {
				show("%s", row)
			} else {
				show("%s", row.String()+row.cosines())
			}
		}
	}
	return nil
}

// tools are the programs that every comparison needs, by name.
func (o *options) tools() (map[string]string, error) {
	dir, err := filepath.Abs(o.cache)
	if err != nil {
		return nil, err
	}
	o.cache = dir
	tools := map[string]string{}
	build := func(name, at, path string, env ...string) error {
		tools[name] = filepath.Join(dir, name)
		_, err := command(at, env, "go", "build", "-o", tools[name], path)
		return err
	}
	if err := build("gpamc", "..", "./cmd/gpamc"); err != nil {
		return nil, err
	}
	if err := build("ortserve", ".", "./ortserve"); err != nil {
		return nil, err
	}
	for _, name := range o.peers {
		if err := build(name, "gomlx", ".", "GOEXPERIMENT="+experiment[name]); err != nil {
			return nil, err
		}
	}
	return tools, nil
}
