package lib

// What the compiler itself uses of this package. Nothing here is emitted.

// PackedLen is the number of floats that PackB fills for a matrix [k, n].
func PackedLen(k, n int) int { return packedLen(k, n) }

// PackB packs the weights w[k, n], element (p, j) at w[p*sk+j*sn], into the
// panels that linear reads: sk, sn = n, 1 as MatMul has them, 1, k transposed.
func PackB(dst, w []float32, k, n, sk, sn int) { packB(dst, w, k, n, sk, sn) }

// PackedBF16Len is the number of words that PackBF16 fills for a matrix [k, n].
func PackedBF16Len(k, n int) int { return packedBF16Len(k, n) }

// PackedInt8Len is the number of words that PackInt8 fills for a matrix [k, n].
func PackedInt8Len(k, n int) int { return packedInt8Len(k, n) }

// PackBF16 packs the weights w[k, n] into the panels that gemmBF16 reads.
func PackBF16(dst []uint32, w []float32, k, n int) { packBF16(dst, w, k, n) }

// PackInt8 packs the weights w[k, n] into the panels that gemmInt8 reads.
func PackInt8(dst []uint32, w []float32, k, n int) { packInt8(dst, w, k, n) }

// MaxInt8Depth is the largest k that gemmInt8 serves.
const MaxInt8Depth = maxInt8Depth
