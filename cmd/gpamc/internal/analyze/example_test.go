package analyze

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
)

const (
	page    = "../../../../docs/analyze.md"
	picture = "../../../../docs/analyze.svg"
)

// analyzed is what gpamc analyze makes of a program.
func analyzed(t *testing.T, p *ir.Program, loss string, seed uint64) *Report {
	t.Helper()
	if _, err := passes.Run(p, passes.Portable); err != nil {
		t.Fatal(err)
	}
	r, err := Run(p, Seeded(p, seed, nil), Options{Loss: loss, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Attention alone makes all tokens equal, twice as many digits with each layer; the larger λ, the more often daGPAM does not.
func TestToy(t *testing.T) {
	const seeds = 15
	var text strings.Builder
	fmt.Fprintf(&text, "    λ     residual  collapsed  cosine  gradient of logits\n")
	before := 0.0
	for _, lambda := range []float64{0, .5, 1, 2} {
		var residuals, cosines, gradients mean // of the logarithms of the first and the last
		collapsed := 0
		for seed := range uint64(seeds) {
			l := analyzed(t, parse(t, toyText(lambda)), "attention", seed+1).Layers[5]
			residuals.add(math.Log(float64(l.Relative)))
			cosines.add(float64(l.Similarity))
			gradients.add(math.Log(float64(l.Logits)))
			if l.Relative < 1e-6 {
				collapsed++
			}
			if lambda == 0 && l.Relative > 1e-14 {
				t.Errorf("seed %d: at λ = 0 the relative residual is %v", seed+1, l.Relative)
			}
		}
		relative := math.Exp(residuals.value())
		fmt.Fprintf(&text, "    %-4v  %8.1e  %2d of %d   %.2f    %.1e\n", lambda, relative, collapsed, seeds, cosines.value(), math.Exp(gradients.value()))
		if relative < before || lambda == 2 && (relative < 1e-3 || before < 1e-9) {
			t.Errorf("at λ = %v the mean relative residual is %v, after %v", lambda, relative, before)
		}
		before = relative
	}
	inPage(t, "toy", text.String())
}

// With skip connections, norms and feed-forward nets, at random weights: residual higher, similarity lower, gradients larger in every
// layer.
func TestStack(t *testing.T) {
	names := []string{"sdpa", "dagpam"}
	var reports []*Report
	for i, name := range names {
		path := "testdata/" + name + ".gpam"
		text := []byte(stackText(float64(i), false))
		if os.Getenv("GPAMC_UPDATE") != "" {
			write(t, path, text)
		}
		if file, err := os.ReadFile(path); err != nil || !bytes.Equal(file, text) {
			t.Fatalf("%s is not current (%v); GPAMC_UPDATE=1 writes it", path, err)
		}
		r := analyzed(t, parse(t, string(text)), "outputs", 1)
		r.Model = path
		reports = append(reports, r)
	}
	var text strings.Builder
	text.WriteString("           residual         cosine       gradient of W_Q\n    layer  SDPA   daGPAM  SDPA   daGPAM  SDPA    daGPAM\n")
	for i, s := range reports[0].Layers {
		d := reports[1].Layers[i]
		fmt.Fprintf(&text, "    %5d  %5.1f  %5.1f   %.3f  %.3f   %6.2f  %6.2f\n", i+1, s.Residual, d.Residual, s.Similarity, d.Similarity, s.Query, d.Query)
		if d.Residual <= s.Residual || d.Similarity >= s.Similarity || d.Query <= s.Query || d.Rank <= s.Rank && i > 0 {
			t.Errorf("layer %d: SDPA %+v, daGPAM %+v", i+1, s, d)
		}
	}
	inPage(t, "stack", text.String())
	var svg bytes.Buffer
	if err := Plot(&svg, ".svg", reports); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("GPAMC_UPDATE") != "" {
		write(t, picture, svg.Bytes())
	}
	file, err := os.ReadFile(picture)
	if err != nil || !alike(string(file), svg.String()) {
		t.Errorf("%s is not current (%v); GPAMC_UPDATE=1 writes it", picture, err)
	}
}

// How far the claim holds beyond the example: in how many of 15 layers, for three seeds, with norms before and after each part.
func TestStackSeeds(t *testing.T) {
	var text strings.Builder
	text.WriteString("    norms   residual higher  similarity lower  gradient larger\n")
	for _, post := range []bool{false, true} {
		var counts [3]int
		all := 0
		for seed := range uint64(3) {
			s := analyzed(t, parse(t, stackText(0, post)), "attention", seed+2)
			d := analyzed(t, parse(t, stackText(1, post)), "attention", seed+2)
			for i := range s.Layers {
				a, b := s.Layers[i], d.Layers[i]
				all++
				for k, holds := range []bool{b.Residual > a.Residual, b.Similarity < a.Similarity, b.Query > a.Query} {
					if holds {
						counts[k]++
					}
				}
			}
		}
		name := map[bool]string{false: "before", true: "after"}[post]
		fmt.Fprintf(&text, "    %-6s  %2d of %d         %2d of %d          %2d of %d\n", name, counts[0], all, counts[1], all, counts[2], all)
		if least := slices.Min(counts[:]); !post && least < all || post && 2*least < all {
			t.Errorf("norms %s: %v of %d layers", name, counts, all)
		}
	}
	inPage(t, "seeds", text.String())
}

// inPage compares text with the block of that name in the page, or puts it there.
func inPage(t *testing.T, name, text string) {
	t.Helper()
	file, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(file), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no block %q", page, name)
	}
	if os.Getenv("GPAMC_UPDATE") != "" {
		write(t, page, []byte(before+begin+"\n"+text+"\n"+end+after))
		return
	}
	if !alike(strings.TrimSpace(old), strings.TrimSpace(text)) {
		t.Errorf("%s, block %s, is not current; GPAMC_UPDATE=1 writes\n%s", page, name, text)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

var number = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?`)

// alike compares texts but for what the machine decides: the last digits of their numbers, and all of those that rounding leaves.
func alike(a, b string) bool {
	blank := func(s string) string { return strings.Join(strings.Fields(number.ReplaceAllString(s, "0")), " ") }
	as, bs := number.FindAllString(a, -1), number.FindAllString(b, -1)
	if blank(a) != blank(b) || len(as) != len(bs) {
		return false
	}
	for i := range as {
		x, _ := strconv.ParseFloat(as[i], 64)
		y, _ := strconv.ParseFloat(bs[i], 64)
		if small := max(math.Abs(x), math.Abs(y)) < 1e-2; small && (x > 3*y || y > 3*x) || !small && math.Abs(x-y) > 0.02+0.01*math.Abs(x) {
			return false
		}
	}
	return true
}
