//go:build amd64 && !purego

package lib

import "testing"

func TestLowTiles(t *testing.T) {
	for rows := range 12 {
		left, want := rows, 0
		for _, high := range []int{6, 4, 2, 1} {
			want += left / high
			left %= high
		}
		if got := lowTiles(rows); got != want {
			t.Errorf("%d rows are %d tiles, not %d", rows, want, got)
		}
	}
}
