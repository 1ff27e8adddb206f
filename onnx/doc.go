// Package onnx reads and writes ONNX models.
//
// Import upgrades every operator to its newest form, so that the rest of the compiler knows only one; what changed between two
// versions of an operator is one row of the table upgrades. Export goes the other way: from the newest form to that of the opset
// asked for.
package onnx
