// Package ir is the intermediate representation of gpamc: functions in SSA form over tensors whose shapes may be symbolic.
//
// Everything that is data about an operator stands in one row of the operator table (see Op). A fused operator is defined by its
// expansion into simpler ones; from that definition come its type, its meaning, its fallback and its ONNX function body.
//
// The text form prints and parses; every dump is a valid input.
package ir
