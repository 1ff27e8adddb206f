package lib

// What the compiler itself uses of this package. Nothing here is emitted.

// PackedLen is the number of floats that PackB fills for a matrix [k, n].
func PackedLen(k, n int) int { return packedLen(k, n) }

// PackB packs the weights w[k, n], element (p, j) at w[p*sk+j*sn], into the
// panels that linear reads: sk, sn = n, 1 as MatMul has them, 1, k transposed.
func PackB(dst, w []float32, k, n, sk, sn int) { packB(dst, w, k, n, sk, sn) }
