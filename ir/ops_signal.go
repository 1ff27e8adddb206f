package ir

import "fmt"

var (
	// DFT is the discrete Fourier transform Σ x[t]·exp(-2πi·kt/N) along axis (-2 by default) of x [..,1] or [..,2] (real, imaginary), cut or
	// filled with zeros to N = dft_length. With onesided only k <= N/2; inverse has +, and 1/N, and takes a onesided transform back
	// to real numbers.
	DFT = define(Op{Name: "DFT", Args: "x dft_length? axis?", Attrs: "inverse:int=0 onesided:int=0", Infer: inferDFT,
		Example: "DFT(x) onesided=1", Inputs: "x f32[2,5,1]"})

	// STFT is the DFT of each frame of frame_length of the signal [B,L,1 or 2], times window, a frame beginning every frame_step: [B,F,K,2].
	STFT = define(Op{Name: "STFT", Args: "signal frame_step window? frame_length?", Attrs: "onesided:int=1", Infer: inferSTFT,
		Example: "STFT(x, i64[]{4}, w)", Inputs: "x f32[1,16,1] w f32[8]"})

	// MelWeightMatrix [dft_length/2+1, bins] sums the frequencies of a spectrum into triangles evenly spaced on the mel scale.
	MelWeightMatrix = define(Op{Name: "MelWeightMatrix", Args: "num_mel_bins dft_length sample_rate lower_edge_hertz upper_edge_hertz", Attrs: "output_datatype:int=1",
		Infer: inferMel, Example: "MelWeightMatrix(i64[]{3}, i64[]{8}, i64[]{4000}, f32[]{0}, f32[]{2000})"})
)

// dimOf is the dimension that the scalar v is, or a fresh one.
func (n *Node) dimOf(v *Value, k int) Dim {
	if ds, ok := v.SymbolicDims(); ok && len(ds) == 1 {
		return ds[0]
	}
	return n.Fresh(k)
}

// half is d/2+1: the frequencies of a onesided transform.
func half(d Dim) Dim {
	q, _ := d.Div(N(2))
	return q.Add(N(1))
}

func inferDFT(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, float)
	if err != nil || !x.Ranked() {
		return []Type{x}, err
	}
	if last := x.Rank() - 1; last < 1 || x.Shape[last].IsConst() && !x.Shape[last].Is(1) && !x.Shape[last].Is(2) {
		return nil, fmt.Errorf("%s does not end in an axis of 1 or 2", x)
	}
	axis := -2
	if a := n.Arg("axis"); a != nil {
		k, ok := a.ConstInts()
		if !ok || len(k) != 1 {
			return []Type{Unranked(x.Elem)}, nil
		}
		axis = int(k[0])
	}
	axis, err = Axis(axis, x.Rank())
	if err != nil {
		return nil, err
	}
	inverse, onesided := n.Int("inverse") != 0, n.Int("onesided") != 0
	shape := append([]Dim{}, x.Shape...)
	shape[x.Rank()-1] = N(2)
	size := x.Shape[axis]
	if inverse && onesided {
		shape[x.Rank()-1] = N(1)
		size = size.Sub(N(1)).Mul(N(2))
	}
	if l := n.Arg("dft_length"); l != nil {
		size = n.dimOf(l, axis)
	}
	shape[axis] = size
	if onesided && !inverse {
		shape[axis] = half(size)
	}
	return []Type{T(x.Elem, shape...)}, nil
}

func inferSTFT(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, float)
	if err != nil || !x.Ranked() {
		return []Type{x}, err
	}
	if x.Rank() != 3 {
		return nil, fmt.Errorf("%s is not [batch,length,1 or 2]", x)
	}
	size := x.Shape[1]
	switch w, l := n.Arg("window"), n.Arg("frame_length"); {
	case l != nil:
		size = n.dimOf(l, 1)
	case w != nil && w.Type.Ranked():
		size = w.Type.Size()
	}
	frames := n.Fresh(2)
	if q, ok := x.Shape[1].Sub(size).Div(n.dimOf(n.Arg("frame_step"), 3)); ok {
		frames = q.Add(N(1))
	}
	if n.Int("onesided") != 0 {
		size = half(size)
	}
	return []Type{T(x.Elem, x.Shape[0], frames, size, N(2))}, nil
}

func inferMel(n *Node) ([]Type, error) {
	e, err := n.elemAttr("output_datatype")
	return []Type{T(e, half(n.dimOf(n.Arg("dft_length"), 0)), n.dimOf(n.Arg("num_mel_bins"), 1))}, err
}
