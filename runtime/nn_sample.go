package runtime

import "math"

// bilinear reads an image [h,w] between its pixels; outside of it there are zeros.
func bilinear(image []float64, h, w int, y, x float64) float64 {
	y0, x0 := math.Floor(y), math.Floor(x)
	fy, fx := y-y0, x-x0
	sum := 0.0
	for dy, wy := range [2]float64{1 - fy, fy} {
		for dx, wx := range [2]float64{1 - fx, fx} {
			r, col := y0+float64(dy), x0+float64(dx)
			if weight := wy * wx; weight != 0 && r >= 0 && r < float64(h) && col >= 0 && col < float64(w) {
				sum += weight * image[int(r)*w+int(col)]
			}
		}
	}
	return sum
}
