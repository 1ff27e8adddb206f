//go:build (!amd64 && !arm64) || purego

package lib

import "runtime"

// chooseISA has no choice: here every kernel is portable Go.
func chooseISA() int { return isaPortable }

// pause lets another goroutine run while this one spins: there may be only
// one processor, as under WebAssembly.
func pause() { runtime.Gosched() }
