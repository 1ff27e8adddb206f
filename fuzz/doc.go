// Package fuzz makes random programs and says how far two computations of one may differ.
//
// The programs are for comparing: optimised with unoptimised, compiled with reference, ours with ONNX Runtime's. They are put together
// from operators with arguments at random, from the examples of the operator table, and from the patterns that the compiler looks
// for (attention, normalisations, GELU, rotary embeddings, projections), written in one of their many ways.
//
// Two correct computations of one program round differently, and a program may make anything of a rounding error. How much, the
// program itself tells: Evaluate computes it several times with a little noise in every result, and what that changes is what a
// result may be off.
package fuzz
