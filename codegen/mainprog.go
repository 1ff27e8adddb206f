package codegen

import "errors"

// mainSource is a program around the package.
func (g *generator) mainSource() ([]byte, error) {
	return nil, errors.New("a program beside the package is not emitted yet")
}
