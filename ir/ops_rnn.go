package ir

import "fmt"

// rnnAttrs are the attributes that the three recurrent operators share.
const rnnAttrs = "activation_alpha:floats? activation_beta:floats? activations:strings? clip:float? direction:string=forward hidden_size:int? layout:int=0"

var (
	// RNN is h' = f(x·Wᵀ + h·Rᵀ + Wb + Rb) step by step: x [seq,batch,input], w [dirs,hidden,input], r [dirs,hidden,hidden],
	// y [seq,dirs,batch,hidden]; with layout 1 the batch comes first. direction is forward, reverse or bidirectional.
	RNN = define(Op{Name: "RNN", Args: "x w r b? sequence_lens? initial_h?", Results: "y y_h", Attrs: rnnAttrs, Infer: floats(inferRecurrent(1), 0),
		Example: "RNN(x, w, r)", Inputs: "x f32[3,2,4] w f32[1,5,4] r f32[1,5,5]"})

	// GRU has the gates z, r, h in its weights [dirs,3·hidden,..]: z = f(xWz+hRz), r = f(xWr+hRr), n = g(xWh + (r∘h)Rh),
	// h' = (1-z)∘n + z∘h; with linear_before_reset n = g(xWh + r∘(hRh)).
	GRU = define(Op{Name: "GRU", Args: "x w r b? sequence_lens? initial_h?", Results: "y y_h", Attrs: rnnAttrs + " linear_before_reset:int=0", Infer: floats(inferRecurrent(3), 0),
		Example: "GRU(x, w, r, b) linear_before_reset=1", Inputs: "x f32[3,2,4] w f32[1,15,4] r f32[1,15,5] b f32[1,30]"})

	// LSTM has the gates i, o, f, c in its weights [dirs,4·hidden,..] and peepholes p for i, o, f: i = f(xWi+hRi+Pi∘c),
	// f = f(xWf+hRf+Pf∘c), c' = f∘c + i∘g(xWc+hRc), o = f(xWo+hRo+Po∘c'), h' = o∘h(c').
	LSTM = define(Op{Name: "LSTM", Args: "x w r b? sequence_lens? initial_h? initial_c? p?", Results: "y y_h y_c", Attrs: rnnAttrs + " input_forget:int=0", Infer: floats(inferRecurrent(4), 0),
		Example: `LSTM(x, w, r) direction="bidirectional"`, Inputs: "x f32[3,2,4] w f32[2,20,4] r f32[2,20,5]"})
)

// inferRecurrent infers a recurrent operator whose weights hold that many gates.
func inferRecurrent(gates int) func(n *Node) ([]Type, error) {
	return func(n *Node) ([]Type, error) {
		e, err := n.SameElem(0, 1, 2)
		if err != nil {
			return nil, err
		}
		x, w, r := n.TypeAt(0), n.TypeAt(1), n.TypeAt(2)
		if !x.Ranked() || !w.Ranked() || !r.Ranked() {
			return []Type{Unranked(e), Unranked(e), Unranked(e)}, nil
		}
		if x.Rank() != 3 || w.Rank() != 3 || r.Rank() != 3 {
			return nil, fmt.Errorf("x, w and r are %s, %s and %s; three axes each are wanted", x, w, r)
		}
		dirs := 1
		switch d := n.Str("direction"); d {
		case "forward", "reverse":
		case "bidirectional":
			dirs = 2
		default:
			return nil, fmt.Errorf("direction %q", d)
		}
		hidden := r.Shape[2]
		if rows := r.Shape[1]; rows.IsConst() && hidden.IsConst() && !rows.Equal(hidden.Mul(N(gates))) {
			return nil, fmt.Errorf("r is %s: %d gates of %s rows are wanted", r, gates, hidden)
		}
		if d := r.Shape[0]; d.IsConst() && !d.Is(dirs) {
			return nil, fmt.Errorf("r is %s, for %s directions; %q has %d", r, d, n.Str("direction"), dirs)
		}
		seq, batch := x.Shape[0], x.Shape[1]
		y, last := T(e, seq, N(dirs), batch, hidden), T(e, N(dirs), batch, hidden)
		if n.Int("layout") != 0 {
			seq, batch = batch, seq
			y, last = T(e, batch, seq, N(dirs), hidden), T(e, batch, N(dirs), hidden)
		}
		return []Type{y, last, last}[:min(3, max(gates-1, 2))], nil
	}
}
