//go:build amd64 && !purego

package lib

import "testing"

func TestTiles(t *testing.T) {
	for _, heights := range [][]int{{12, 8, 4, 2, 1}, {6, 4, 2, 1}, {4, 2, 1}} {
		for rows := range 100 {
			left, want := rows, 0
			for _, high := range heights {
				want += left / high
				left %= high
			}
			if got := tiles(rows, heights[0]); got != want {
				t.Errorf("%d rows are %d tiles of at most %d, not %d", rows, want, heights[0], got)
			}
		}
	}
}
