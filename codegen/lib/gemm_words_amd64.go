//go:build amd64 && !purego

package lib

// ahead is what a kernel fetches while it passes over w with so many tiles, a
// part of next with each, and by how many bytes it goes on at each step.
func ahead(w, next []uint32, tiles int) (*uint32, int) {
	if len(next) == 0 {
		return &w[0], 0 // what is in the cache anyway
	}
	return &next[0], (4*panelCols + tiles - 1) / tiles
}
