package lib

// takeRound is the elements of x [outer, rounds, inner] of one round, as y [outer, inner].
func takeRound[T any](y, x []T, rounds, inner, round int) {
	for i := 0; i*inner < len(y); i++ {
		copy(y[i*inner:(i+1)*inner], x[(i*rounds+round)*inner:])
	}
}

// putRound is takeRound backwards: it puts the elements x of one round into y.
func putRound[T any](y, x []T, rounds, inner, round int) {
	for i := 0; i*inner < len(x); i++ {
		copy(y[(i*rounds+round)*inner:(i*rounds+round+1)*inner], x[i*inner:])
	}
}
