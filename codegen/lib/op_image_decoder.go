package lib

import (
	"bytes"
	endian "encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
)

// maxPixels is the most pixels that an image may have: a few bytes can announce
// more than any memory holds.
const maxPixels = 1 << 28

// A picture is height x width x 3 bytes: red, green, blue.
type picture struct {
	rgb           []uint8
	height, width int
}

func newPicture(height, width int) picture {
	if height <= 0 || width <= 0 || height > maxPixels/width {
		panic(inputError(fmt.Sprintf("an image of %d x %d pixels", width, height)))
	}
	return picture{make([]uint8, 3*height*width), height, width}
}

// decodeImage is the image in a file, height x width x 3 in the order of
// format, RGB or BGR, or height x width x 1 for Grayscale.
func decodeImage(file []uint8, format string) Item[uint8] {
	p := readPicture(file)
	switch format {
	case "BGR":
		for i := 0; i < len(p.rgb); i += 3 {
			p.rgb[i], p.rgb[i+2] = p.rgb[i+2], p.rgb[i]
		}
	case "Grayscale":
		gray := make([]uint8, len(p.rgb)/3)
		for i := range gray {
			r, g, b := uint32(p.rgb[3*i]), uint32(p.rgb[3*i+1]), uint32(p.rgb[3*i+2])
			gray[i] = uint8((19595*r + 38470*g + 7471*b + 1<<15) >> 16)
		}
		return Item[uint8]{[]int{p.height, p.width, 1}, gray}
	}
	return Item[uint8]{[]int{p.height, p.width, 3}, p.rgb}
}

// readPicture tells the format by how the file begins.
func readPicture(file []uint8) picture {
	s := string(file[:min(len(file), 16)])
	switch {
	case strings.HasPrefix(s, "BM"):
		return readBMP(file)
	case len(s) > 1 && s[0] == 'P' && s[1] >= '1' && s[1] <= '6':
		return readPNM(file)
	case strings.HasPrefix(s, "II*\x00"):
		return readTIFF(file, endian.LittleEndian)
	case strings.HasPrefix(s, "MM\x00*"):
		return readTIFF(file, endian.BigEndian)
	case strings.HasPrefix(s, "\x89PNG"):
		return drawn(file, png.DecodeConfig, png.Decode)
	case strings.HasPrefix(s, "\xff\xd8"):
		return drawn(file, jpeg.DecodeConfig, jpeg.Decode)
	case strings.HasPrefix(s, "GIF8"):
		return drawn(file, gif.DecodeConfig, gif.Decode)
	case strings.HasPrefix(s, "RIFF") && strings.HasSuffix(s[:min(len(s), 12)], "WEBP"):
		panic(inputError("images in WebP are not supported"))
	case strings.Contains(s, "jP  ") || strings.HasPrefix(s, "\xff\x4f\xff\x51"):
		panic(inputError("images in JPEG 2000 are not supported"))
	}
	panic(inputError("the data is no image in a format that is known"))
}

// checkImage ends the reading of a file that is damaged.
func checkImage(ok bool, what string) {
	if !ok {
		panic(inputError("the image is damaged or of a kind that is not supported: " + what))
	}
}

// drawn is what the standard library reads.
func drawn(file []uint8, config func(io.Reader) (image.Config, error), decode func(io.Reader) (image.Image, error)) picture {
	c, err := config(bytes.NewReader(file))
	checkImage(err == nil, fmt.Sprint(err))
	p := newPicture(c.Height, c.Width)
	m, err := decode(bytes.NewReader(file))
	checkImage(err == nil, fmt.Sprint(err))
	if y, ok := m.(*image.YCbCr); ok && y.SubsampleRatio == image.YCbCrSubsampleRatio420 {
		smoothColours(p, y)
		return p
	}
	at := m.Bounds().Min
	for i := range p.height * p.width {
		c := color.NRGBAModel.Convert(m.At(at.X+i%p.width, at.Y+i/p.width)).(color.NRGBA)
		p.rgb[3*i], p.rgb[3*i+1], p.rgb[3*i+2] = c.R, c.G, c.B
	}
	return p
}

// smoothColours is m, whose colours are known for every fourth pixel, with those
// between as libjpeg has them.
func smoothColours(p picture, m *image.YCbCr) {
	low, high := (p.width+1)/2-1, (p.height+1)/2-1
	colour := func(c []uint8, x, y int) int32 {
		cx, cy := x/2, y/2
		nx, ny := min(max(cx-1+x%2*2, 0), low), min(max(cy-1+y%2*2, 0), high)
		column := func(x int) int32 { return 3*int32(c[cy*m.CStride+x]) + int32(c[ny*m.CStride+x]) }
		return (3*column(cx)+column(nx)+8-int32(x%2))>>4 - 128
	}
	clamp := func(x int32) uint8 { return uint8(min(max(x, 0), 255)) }
	for y := range p.height {
		for x := range p.width {
			l, b, r := int32(m.Y[y*m.YStride+x]), colour(m.Cb, x, y), colour(m.Cr, x, y)
			to := p.rgb[3*(y*p.width+x):]
			to[0] = clamp(l + (91881*r+1<<15)>>16)
			to[1] = clamp(l + (-22554*b-46802*r+1<<15)>>16)
			to[2] = clamp(l + (116130*b+1<<15)>>16)
		}
	}
}

// readBMP reads what is neither compressed nor of fewer than 8 bits.
func readBMP(file []uint8) picture {
	checkImage(len(file) >= 54, "a short BMP")
	at := func(i int) int { return int(int32(endian.LittleEndian.Uint32(file[i:]))) }
	width, height, bits := at(18), at(22), int(endian.LittleEndian.Uint16(file[28:]))
	checkImage(at(30) == 0 && (bits == 8 || bits == 24 || bits == 32), fmt.Sprintf("a BMP of %d bits, compression %d", bits, at(30)))
	down := height < 0
	if down {
		height = -height
	}
	p := newPicture(height, width)
	stride, begin, palette := (width*bits/8+3)/4*4, at(10), 14+at(14)
	checkImage(begin >= 0 && begin <= len(file) && len(file)-begin >= stride*height, "a short BMP")
	for y := range height {
		row := file[begin+y*stride:]
		to := p.rgb[3*width*(height-1-y):]
		if down {
			to = p.rgb[3*width*y:]
		}
		for x := range width {
			c := row[x*bits/8:]
			if bits == 8 {
				k := palette + 4*int(row[x])
				checkImage(k >= 0 && k+4 <= len(file), "a short BMP")
				c = file[k:]
			}
			to[3*x], to[3*x+1], to[3*x+2] = c[2], c[1], c[0]
		}
	}
	return p
}

// readPNM reads a PGM or PPM of 8 bits, in bytes or in text.
func readPNM(file []uint8) picture {
	pos := 2
	number := func() (n int) {
		for pos < len(file) && (file[pos] <= ' ' || file[pos] == '#') {
			if file[pos] == '#' {
				pos += max(bytes.IndexByte(file[pos:], '\n'), 0)
			}
			pos++
		}
		begin := pos
		for ; pos < len(file) && file[pos] >= '0' && file[pos] <= '9' && n < maxPixels; pos++ {
			n = 10*n + int(file[pos]-'0')
		}
		checkImage(pos > begin, "a PNM without a number in its place")
		return n
	}
	kind := file[1]
	checkImage(kind != '1' && kind != '4', "a PBM")
	width, height, top := number(), number(), number()
	checkImage(top > 0 && top < 256, fmt.Sprintf("a PNM with values to %d", top))
	p := newPicture(height, width)
	next := number
	if kind > '3' {
		pos++
		next = func() int {
			checkImage(pos < len(file), "a short PNM")
			pos++
			return int(file[pos-1])
		}
	}
	for i := 0; i < len(p.rgb); i++ {
		p.rgb[i] = uint8((min(next(), top)*255 + top/2) / top)
		if kind == '2' || kind == '5' {
			p.rgb[i+1], p.rgb[i+2] = p.rgb[i], p.rgb[i]
			i += 2
		}
	}
	return p
}

// checkPart ends the reading of a file that has no n bytes from at on.
func checkPart(file []uint8, at, n int) {
	checkImage(at >= 0 && n >= 0 && at <= len(file) && n <= len(file)-at, "a short TIFF")
}

// tiffFields are the numbers in the first directory of a TIFF, by tag.
func tiffFields(file []uint8, order endian.ByteOrder) (fields map[uint16][]int) {
	need := func(at, n int) { checkPart(file, at, n) }
	need(0, 8)
	dir := int(order.Uint32(file[4:]))
	need(dir, 2)
	fields = map[uint16][]int{}
	for i := range int(order.Uint16(file[dir:])) {
		e := dir + 2 + 12*i
		need(e, 12)
		tag, kind, count := order.Uint16(file[e:]), order.Uint16(file[e+2:]), int(order.Uint32(file[e+4:]))
		size := map[uint16]int{1: 1, 3: 2, 4: 4}[kind]
		if size == 0 || count > len(file) {
			continue
		}
		at := e + 8
		if size*count > 4 {
			at = int(order.Uint32(file[at:]))
		}
		need(at, size*count)
		for k := range count {
			b := file[at+k*size:]
			switch size {
			case 1:
				fields[tag] = append(fields[tag], int(b[0]))
			case 2:
				fields[tag] = append(fields[tag], int(order.Uint16(b)))
			case 4:
				fields[tag] = append(fields[tag], int(order.Uint32(b)))
			}
		}
	}
	return fields
}

// readTIFF reads the first image, of 8 bits for each of one or three and more
// channels that lie together, not compressed.
func readTIFF(file []uint8, order endian.ByteOrder) picture {
	fields := tiffFields(file, order)
	field := func(tag uint16, def int) int {
		if v := fields[tag]; len(v) > 0 {
			return v[0]
		}
		return def
	}
	channels, kind := field(277, 1), field(262, -1)
	checkImage(field(259, 1) == 1 && field(258, 1) == 8 && field(284, 1) == 1 && (kind == 2 && channels >= 3 || kind == 1 && channels >= 1),
		fmt.Sprintf("a TIFF with compression %d, %d bits, colours %d", field(259, 1), field(258, 1), kind))
	p := newPicture(field(257, 0), field(256, 0))
	var data []uint8
	starts, lengths := fields[273], fields[279]
	checkImage(len(starts) == len(lengths), "a TIFF without its strips")
	for i, at := range starts {
		checkPart(file, at, lengths[i])
		data = append(data, file[at:at+lengths[i]]...)
	}
	checkImage(len(data)/channels >= p.height*p.width, "a short TIFF")
	for i := range p.height * p.width {
		c := data[i*channels:]
		if kind == 1 {
			p.rgb[3*i], p.rgb[3*i+1], p.rgb[3*i+2] = c[0], c[0], c[0]
			continue
		}
		copy(p.rgb[3*i:3*i+3], c)
	}
	return p
}
