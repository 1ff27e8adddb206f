package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // each reads one format
	_ "image/jpeg"
	_ "image/png"

	"github.com/gpamc/gpamc/ir"
	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

func init() { register(map[*ir.Op]kernel{ir.ImageDecoder: imageDecoder}) }

func imageDecoder(c *Call) error {
	x := c.X(0)
	file := make([]byte, x.Len())
	for i := range file {
		file[i] = byte(x.I[i])
	}
	m, err := readImage(file)
	if err != nil {
		return err
	}
	channels, format := 3, c.Str("pixel_format")
	if format == "Grayscale" {
		channels = 1
	}
	b := m.Bounds()
	y := New(ir.U8, b.Dy(), b.Dx(), channels)
	for i := range b.Dy() * b.Dx() {
		p := color.NRGBAModel.Convert(m.At(b.Min.X+i%b.Dx(), b.Min.Y+i/b.Dx())).(color.NRGBA)
		switch format {
		case "RGB":
			y.I[3*i], y.I[3*i+1], y.I[3*i+2] = int64(p.R), int64(p.G), int64(p.B)
		case "BGR":
			y.I[3*i], y.I[3*i+1], y.I[3*i+2] = int64(p.B), int64(p.G), int64(p.R)
		default: // Rec. 601, in 16 bits behind the point
			y.I[i] = (19595*int64(p.R) + 38470*int64(p.G) + 7471*int64(p.B) + 1<<15) >> 16
		}
	}
	return c.Return(y)
}

// maxPixels is the most pixels that an image may have: a few bytes can announce more than any memory holds.
const maxPixels = 1 << 28

func readImage(file []byte) (image.Image, error) {
	if len(file) > 2 && file[0] == 'P' && (file[1] == '5' || file[1] == '6') {
		return readPNM(file)
	}
	c, format, err := image.DecodeConfig(bytes.NewReader(file))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the image cannot be read: %w", err)
	case c.Width < 1 || c.Height < 1 || c.Height > maxPixels/c.Width:
		return nil, fmt.Errorf("an image of %d x %d pixels", c.Width, c.Height)
	}
	m, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("the image cannot be read: %w", err)
	}
	y, ok := m.(*image.YCbCr)
	switch {
	case !ok || y.SubsampleRatio != image.YCbCrSubsampleRatio420:
		return m, nil
	case format == "webp":
		return smooth(y, webpColour), nil
	}
	return smooth(y, jpegColour), nil
}

// readPNM reads a PGM or PPM of bytes without comments.
func readPNM(file []byte) (image.Image, error) {
	var kind byte
	var w, h, top int
	r := bytes.NewReader(file)
	if _, err := fmt.Fscanf(r, "P%c\n%d %d\n%d", &kind, &w, &h, &top); err != nil {
		return nil, fmt.Errorf("the image cannot be read: PNM: %w", err)
	}
	r.ReadByte()
	channels := 1
	if kind == '6' {
		channels = 3
	}
	data := file[len(file)-r.Len():]
	if top != 255 || w < 1 || h < 1 || h > maxPixels/w || len(data) < w*h*channels {
		return nil, errors.New("the image cannot be read: PNM: damaged, or not of 8 bits")
	}
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		p := data[i*channels:]
		m.SetNRGBA(i%w, i/w, color.NRGBA{p[0], p[channels/2], p[channels-1], 255})
	}
	return m, nil
}

// smooth is m, which has a colour for four pixels, with the colours between weighed 9:3:3:1, as the libraries do that ONNX's tests
// were made with; mix makes a pixel of its brightness, 16 times its colours, and its column.
func smooth(m *image.YCbCr, mix func(y, b, r int, x int) color.NRGBA) image.Image {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	// sum is 16 times the colour: the nearest, and those beside, above or below, and across.
	sum := func(c []uint8, x, y int) int {
		beside := func(i, n int) int { return min(max(i/2-1+i%2*2, 0), (n+1)/2-1) }
		at := func(x, y int) int { return int(c[y*m.CStride+x]) }
		bx, by := beside(x, w), beside(y, h)
		return 9*at(x/2, y/2) + 3*at(bx, y/2) + 3*at(x/2, by) + at(bx, by)
	}
	for y := range h {
		for x := range w {
			out.SetNRGBA(x, y, mix(int(m.Y[y*m.YStride+x]), sum(m.Cb, x, y), sum(m.Cr, x, y), x))
		}
	}
	return out
}

func clampByte(x int) uint8 { return uint8(min(max(x, 0), 255)) }

// jpegColour is libjpeg's: full range, rounded down in every other column.
func jpegColour(y, b, r, x int) color.NRGBA {
	b, r = (b+8-x%2)>>4-128, (r+8-x%2)>>4-128
	return color.NRGBA{clampByte(y + (91881*r+1<<15)>>16), clampByte(y + (-22554*b-46802*r+1<<15)>>16),
		clampByte(y + (116130*b+1<<15)>>16), 255}
}

// webpColour is libwebp's: Rec. 601 from 16 to 235, in 14 bits behind the point.
func webpColour(y, b, r, _ int) color.NRGBA {
	b, r = (b+8)>>4, (r+8)>>4
	y = y * 19077 >> 8
	return color.NRGBA{clampByte((y + r*26149>>8 - 14234) >> 6), clampByte((y - b*6419>>8 - r*13320>>8 + 8708) >> 6),
		clampByte((y + b*33050>>8 - 17685) >> 6), 255}
}
