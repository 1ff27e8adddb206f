package runtime

import (
	"fmt"
	"sort"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{ir.NonMaxSuppression: nonMaxSuppression})
}

// nonMaxSuppression goes through each class's boxes from the best score down.
func nonMaxSuppression(c *Call) error {
	boxes, scores := c.X(0), c.X(1)
	most := 0
	if m := c.X(2); m != nil && m.Len() > 0 {
		most = m.Int(0)
	}
	overlap := 0.0
	if t := c.X(3); t != nil && t.Len() > 0 {
		overlap = t.F[0]
	}
	least := c.X(4)
	if least != nil && least.Len() == 0 {
		least = nil
	}
	n, classes := boxes.Shape[1], scores.Shape[1]
	if boxes.Shape[2] != 4 || scores.Shape[0] != boxes.Shape[0] || scores.Shape[2] != n {
		return fmt.Errorf("scores %s of boxes %s", scores.Type(), boxes.Type())
	}
	out := New(ir.I64, 0, 3)
	for b := range boxes.Shape[0] {
		corners := make([][4]float64, n)
		for i := range corners {
			corners[i] = box(boxes.F[(b*n+i)*4:], c.Int("center_point_box") != 0)
		}
		for class := range classes {
			row := scores.F[(b*classes+class)*n:][:n]
			var order, picked []int
			for i, s := range row {
				if least == nil || s > least.F[0] {
					order = append(order, i)
				}
			}
			sort.SliceStable(order, func(i, j int) bool { return row[order[i]] > row[order[j]] })
			for _, i := range order {
				if len(picked) >= most {
					break
				}
				if !overlapsAny(corners, picked, i, overlap) {
					picked = append(picked, i)
					out.I = append(out.I, int64(b), int64(class), int64(i))
				}
			}
		}
	}
	out.Shape[0] = len(out.I) / 3
	return c.Return(out)
}

// box gives a box by its lesser and greater corner.
func box(b []float64, centre bool) [4]float64 {
	if centre {
		return [4]float64{b[0] - b[2]/2, b[1] - b[3]/2, b[0] + b[2]/2, b[1] + b[3]/2}
	}
	return [4]float64{min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])}
}

// overlapsAny reports whether box i covers, with one of the picked, more than the share limit of what the two cover together.
func overlapsAny(boxes [][4]float64, picked []int, i int, limit float64) bool {
	a := boxes[i]
	for _, j := range picked {
		b := boxes[j]
		w, h := min(a[2], b[2])-max(a[0], b[0]), min(a[3], b[3])-max(a[1], b[1])
		if w <= 0 || h <= 0 {
			continue
		}
		both := w * h
		union := (a[2]-a[0])*(a[3]-a[1]) + (b[2]-b[0])*(b[3]-b[1]) - both
		if union > 0 && both/union > limit {
			return true
		}
	}
	return false
}
