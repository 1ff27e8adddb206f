package lib

import (
	"bytes"
	"encoding/hex"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"slices"
	"strings"
	"testing"
)

// Two rows of three pixels: the primary colours, then 30, 60, 90 and white and black.
var flag = []uint8{255, 0, 0, 0, 255, 0, 0, 0, 255, 30, 60, 90, 255, 255, 255, 0, 0, 0}

func flagFiles(t *testing.T) map[string][]uint8 {
	m := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	p := image.NewPaletted(m.Rect, nil)
	for i := range 6 {
		c := color.NRGBA{flag[3*i], flag[3*i+1], flag[3*i+2], 255}
		m.SetNRGBA(i%3, i/3, c)
		p.Palette = append(p.Palette, c)
		p.Pix[i] = uint8(i)
	}
	var asPNG, asGIF bytes.Buffer
	if err := png.Encode(&asPNG, m); err != nil {
		t.Fatal(err)
	}
	if err := gif.Encode(&asGIF, p, nil); err != nil {
		t.Fatal(err)
	}
	raw := hex.EncodeToString(flag)
	head := func(bits, begin, down string) string {
		return "424d00000000" + "00000000" + begin + "000000" + "28000000" + "03000000" + down + "0100" + bits + "00" + strings.Repeat("00", 24)
	}
	dir := "0b00" + tag("0001", 4, 3) + tag("0101", 3, 2) + tag("0201", 3, 8) + tag("0301", 3, 1) + tag("0601", 3, 2) + tag("1101", 4, 8) +
		tag("1501", 3, 3) + tag("1601", 4, 2) + tag("1701", 4, 18) + tag("1c01", 3, 1) + tag("3101", 5, 0)
	return map[string][]uint8{
		"PNG": asPNG.Bytes(), "GIF": asGIF.Bytes(),
		"PPM":           append([]uint8("P6\n# a comment\n3 2\n255\n"), flag...),
		"text":          []uint8("P3 3 2 255 255 0 0 0 255 0 0 0 255 30 60 90 255 255 255 0 0 0"),
		"BMP":           unhex(head("18", "36", "02000000") + "5a3c1e" + "ffffff" + "000000" + "000000" + "0000ff" + "00ff00" + "ff0000" + "000000"),
		"BMP downwards": unhex(head("20", "36", "feffffff") + "0000ff00" + "00ff0000" + "ff000000" + "5a3c1e00" + "ffffff00" + "00000000"),
		"BMP of colours": unhex(head("08", "4e", "02000000") + "0000ff00" + "00ff0000" + "ff000000" + "5a3c1e00" + "ffffff00" + "00000000" +
			"03040500" + "00010200"),
		"TIFF": unhex("49492a00" + "1a000000" + raw + dir),
	}
}

// tag is a field of a TIFF with one number.
func tag(name string, kind, n uint8) string {
	return name + hex.EncodeToString([]uint8{kind, 0, 1, 0, 0, 0, n, 0, 0, 0})
}

func unhex(s string) []uint8 {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestDecodeImage(t *testing.T) {
	for name, file := range flagFiles(t) {
		if got := decodeImage(file, "RGB"); !slices.Equal(got.Data, flag) || !slices.Equal(got.Shape, []int{2, 3, 3}) {
			t.Errorf("%s: %v %v", name, got.Shape, got.Data)
		}
		for cut := range len(file) - 1 { // a damaged file is an error, and nothing else
			func() {
				defer func() {
					if r := recover(); r != nil {
						if _, ok := r.(inputError); !ok {
							t.Errorf("%s, cut at %d: %v", name, cut, r)
						}
					}
				}()
				decodeImage(file[:cut], "RGB")
			}()
		}
	}
	file := flagFiles(t)["PNG"]
	if got := decodeImage(file, "BGR").Data[9:12]; !slices.Equal(got, []uint8{90, 60, 30}) {
		t.Errorf("BGR: %v", got)
	}
	if got := decodeImage(file, "Grayscale"); !slices.Equal(got.Data, []uint8{76, 150, 29, 54, 255, 0}) || got.Shape[2] != 1 {
		t.Errorf("Grayscale: %v", got)
	}
}
