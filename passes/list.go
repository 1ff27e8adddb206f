// Package passes rewrites programs: a list of passes, most of them rules in a notation that looks like the text form of the IR.
//
// A rule's right side is never worse than its left, whoever comes after; so that every pass can stand alone, and a program that is
// taken out between two of them means the same.
package passes

// Default is what a model goes through after import, whatever is made of it.
var Default = []Pass{}

// Kernel follows Default when code is generated: operators take in what their kernels can do on the way.
var Kernel = []Pass{}

// runRules are the names that passes with functions count under.
var runRules = map[string][]string{}
