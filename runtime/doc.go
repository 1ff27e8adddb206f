// Package runtime is the reference: it says what programs mean, slowly and plainly, and everything else is compared with it.
//
// Floats are computed as float64 and rounded to their element type after every operator, as ONNX does; integers wrap in theirs.
// An operator is one function in the table of kernels, or none: then its expansion is evaluated.
package runtime
