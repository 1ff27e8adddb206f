package analyze

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Formats are the endings of the files that Plot can make.
var Formats = []string{".svg", ".png"}

// panels are those of figure 4 in arXiv 2410.15578.
var panels = []struct {
	title string
	value func(l *Layer) Number
	log   bool // where the numbers are so far apart that a line would show one only
}{
	{"(a) residual", func(l *Layer) Number { return l.Residual }, true},
	{"(b) similarity of tokens", func(l *Layer) Number { return l.Similarity }, false},
	{"(c) gradient of query weights", func(l *Layer) Number { return l.Query }, true},
}

const (
	panelWidth  = 8 * vg.Centimeter
	panelHeight = 6.5 * vg.Centimeter
)

// Plot draws residual, similarity and gradient over the layers, a line for each report, in the format of one of Formats.
func Plot(w io.Writer, format string, reports []*Report) error {
	row := make([]*plot.Plot, len(panels))
	for i, panel := range panels {
		p := plot.New()
		p.Title.Text = panel.title
		p.X.Label.Text = "layer"
		p.X.Tick.Marker = plot.TickerFunc(wholeTicks)
		p.Add(plotter.NewGrid())
		if panel.log && apart(reports, panel.value) {
			p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		}
		for k, r := range reports {
			if err := addLine(p, k, label(r.Model), points(r, panel.value), i == 0); err != nil {
				return err
			}
		}
		p.Legend.Top, p.Legend.Left = true, rising(reports, panel.value)
		row[i] = p
	}
	return drawRow(w, format, row)
}

func addLine(p *plot.Plot, k int, name string, points plotter.XYs, legend bool) error {
	if len(points) == 0 {
		return nil
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	line.Color, dots.Color = plotutil.Color(k), plotutil.Color(k)
	line.Dashes, dots.Shape = plotutil.Dashes(k), plotutil.Shape(k)
	p.Add(line, dots)
	if legend {
		p.Legend.Add(name, line, dots)
	}
	return nil
}

// points leave out the layers that have no such number.
func points(r *Report, value func(l *Layer) Number) (out plotter.XYs) {
	for i := range r.Layers {
		y := float64(value(&r.Layers[i]))
		if !math.IsNaN(y) && !math.IsInf(y, 0) {
			out = append(out, plotter.XY{X: float64(r.Layers[i].Layer), Y: y})
		}
	}
	return out
}

// rising reports whether there are more lines that end higher than they begin, so that the left corner above is free.
func rising(reports []*Report, value func(l *Layer) Number) bool {
	n := 0
	for _, r := range reports {
		if p := points(r, value); len(p) > 0 && p[len(p)-1].Y > p[0].Y {
			n++
		}
	}
	return 2*n > len(reports)
}

// apart reports whether the numbers span more than two powers of ten, and all have a logarithm.
func apart(reports []*Report, value func(l *Layer) Number) bool {
	low, high := math.Inf(1), 0.0
	for _, r := range reports {
		for _, p := range points(r, value) {
			low, high = min(low, p.Y), max(high, p.Y)
		}
	}
	return low > 0 && high > 100*low
}

// wholeTicks are at most about eight layers.
func wholeTicks(low, high float64) (ticks []plot.Tick) {
	step := max(1, math.Ceil((high-low)/8))
	for x := math.Ceil(low); x <= high; x += step {
		ticks = append(ticks, plot.Tick{Value: x, Label: fmt.Sprint(x)})
	}
	return ticks
}

// label is the name of a model: that of its file, or of its folder when the file is called what all are called.
func label(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if dir := filepath.Base(filepath.Dir(path)); name == "model" && dir != "." && dir != string(filepath.Separator) {
		return dir
	}
	return name
}

func drawRow(w io.Writer, format string, row []*plot.Plot) error {
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	width, height := panelWidth*vg.Length(len(row)), panelHeight
	switch format {
	case ".svg":
		canvas = vgsvg.New(width, height)
	case ".png":
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(144))}
	default:
		return fmt.Errorf("no pictures are made as %q; %s are", format, strings.Join(Formats, " and "))
	}
	tiles := draw.Tiles{Rows: 1, Cols: len(row), PadX: vg.Points(12), PadTop: vg.Points(4), PadBottom: vg.Points(4), PadLeft: vg.Points(4),
		PadRight: vg.Points(8)}
	for i, c := range plot.Align([][]*plot.Plot{row}, tiles, draw.New(canvas))[0] {
		row[i].Draw(c)
	}
	_, err := canvas.WriteTo(w)
	return err
}
