package lib

import "math"

// bilinear is the image [height, width] between its pixels, 0 outside of it.
func bilinear[T float](image []T, height, width int, y, x float64) float64 {
	top, left := int(math.Floor(y)), int(math.Floor(x))
	var sum float64
	for i := top; i <= top+1; i++ {
		for j := left; j <= left+1; j++ {
			if i >= 0 && i < height && j >= 0 && j < width {
				sum += (1 - math.Abs(y-float64(i))) * (1 - math.Abs(x-float64(j))) * float64(image[i*width+j])
			}
		}
	}
	return sum
}

// deform is convolve in two dimensions with each tap moved by offset [batch,
// offsetGroups·taps·2, height, width] and times mask [batch, offsetGroups·taps,
// height, width]; b and mask may be nil.
func deform[T float](y, x, w, offset, b, mask []T, sy, sx []int, s sliding, group, offsetGroups int) {
	in, out := spatial(sx), spatial(sy)
	channels, features := sx[1]/group, sy[1]/group
	inSize, outSize, taps := volume(in), volume(out), volume(s.kernel)
	for p := range y {
		n, f, at := p/outSize/sy[1], p/outSize%sy[1], p%outSize
		var sum float64
		if b != nil {
			sum = float64(b[f])
		}
		for c := range channels {
			channel := f/features*channels + c
			image := x[(n*sx[1]+channel)*inSize:][:inSize]
			g := n*offsetGroups + channel/(sx[1]/offsetGroups)
			for t := range taps {
				v := float64(w[(f*channels+c)*taps+t])
				if mask != nil {
					v *= float64(mask[(g*taps+t)*outSize+at])
				}
				i := at/out[2]*s.stride[1] - s.before[1] + t/s.kernel[2]*s.dilation[1]
				j := at%out[2]*s.stride[2] - s.before[2] + t%s.kernel[2]*s.dilation[2]
				down, right := offset[((g*taps+t)*2)*outSize+at], offset[((g*taps+t)*2+1)*outSize+at]
				sum += v * bilinear(image, in[1], in[2], float64(i)+float64(down), float64(j)+float64(right))
			}
		}
		y[p] = T(sum)
	}
}
