package onnx

import (
	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"ConvTransposeWithDynamicPads": (*steps).convTransposeWithDynamicPads,
		"FusedConv":                    (*steps).fusedConv,
		"GridSample":                   (*steps).gridSample,
		"GroupNorm":                    (*steps).groupNorm,
		"NhwcConv":                     (*steps).nhwcFusedConv,
		"NhwcFusedConv":                (*steps).nhwcFusedConv,
		"NhwcMaxPool":                  (*steps).nhwcMaxPool,
		"SkipGroupNorm":                (*steps).skipGroupNorm,
	})
}

// convolved is the operator, a convolution, with the attributes that the node has of those named and the bias, which may be absent.
func (s *steps) convolved(op string, x, w, bias *ir.Value, names ...string) *ir.Value {
	attrs := s.taken(append(names, "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")...)
	if bias == nil {
		return s.new(op, attrs, x, w)
	}
	return s.new(op, attrs, x, w, bias)
}

// taken are the attributes of these names that the node has.
func (s *steps) taken(names ...string) ir.Attrs {
	attrs := ir.Attrs{}
	for _, name := range names {
		if v := s.n.take(name); v != nil {
			attrs[name] = v
		}
	}
	return attrs
}

// fusedConv is the activation of a convolution plus a fourth input.
func (s *steps) fusedConv() []*ir.Value {
	y := s.convolved("Conv", s.required(0), s.required(1), s.n.input(2))
	return []*ir.Value{s.activated(s.sum(y, s.n.input(3)), s.positional())}
}

// nhwcFusedConv is the same of images whose channels are last; those of the weights are not.
func (s *steps) nhwcFusedConv() []*ir.Value {
	x := s.channelsFirst(s.required(0))
	y := s.channelsLast(s.convolved("Conv", x, s.required(1), s.n.input(2)))
	return []*ir.Value{s.activated(s.sum(y, s.n.input(3)), s.positional())}
}

// channelsFirst is x with its last axis behind the batch.
func (s *steps) channelsFirst(x *ir.Value) *ir.Value {
	return s.moved(x, func(rank int) []int64 {
		return append([]int64{0, int64(rank - 1)}, seq(rank - 1)[1:]...)
	})
}

// channelsLast is x with the axis behind the batch at the end.
func (s *steps) channelsLast(x *ir.Value) *ir.Value {
	return s.moved(x, func(rank int) []int64 {
		return append(append([]int64{0}, seq(rank)[2:]...), 1)
	})
}

// moved is x with its axes, of which there are two at least, in the order that perm says.
func (s *steps) moved(x *ir.Value, perm func(rank int) []int64) *ir.Value {
	if s.err != nil {
		return nil
	}
	rank := x.Type.Rank()
	if rank < 2 {
		s.fail("%s where an image is wanted", x.Type)
		return nil
	}
	return s.new("Transpose", ir.Attrs{"perm": perm(rank)}, x)
}

func (s *steps) nhwcMaxPool() []*ir.Value {
	x := s.channelsFirst(s.required(0))
	attrs := s.taken("auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides")
	return []*ir.Value{s.channelsLast(s.new("MaxPool", attrs, x))}
}

// groupNorm is GroupNormalization of an image whose channels may be last, and Swish of that.
func (s *steps) groupNorm() []*ir.Value {
	return []*ir.Value{s.groupNormalization(s.required(0))}
}

// skipGroupNorm is the same of x + skip + bias, and that sum.
func (s *steps) skipGroupNorm() []*ir.Value {
	if last, ok := s.n.attrs["channels_last"].(int64); ok && last == 0 {
		s.fail("channels before height and width are not supported")
	}
	x := s.sum(s.sum(s.required(0), s.n.input(4)), s.skippedImage(s.required(3)))
	return []*ir.Value{s.groupNormalization(x), x}
}

// skippedImage is [N,C] as an image of one pixel.
func (s *steps) skippedImage(skip *ir.Value) *ir.Value {
	if s.err == nil && skip.Type.Rank() == 2 {
		return s.new("Unsqueeze", nil, skip, s.ints(1, 2))
	}
	return skip
}

// groupNormalization computes in the type of its scale, which may be wider than that of x.
func (s *steps) groupNormalization(x *ir.Value) *ir.Value {
	scale, bias := s.ranked(1, 1), s.ranked(2, 1)
	last := s.n.takeInt("channels_last", 1) != 0
	attrs := ir.Attrs{"num_groups": s.n.takeInt("groups", 0), "epsilon": s.n.takeFloat("epsilon", 1e-5)}
	if last {
		x = s.channelsFirst(x)
	}
	if s.err != nil {
		return nil
	}
	y := s.new("GroupNormalization", attrs, s.cast(x, scale.Type.Elem), scale, bias)
	switch a := s.n.takeInt("activation", 0); a {
	case 0:
	case 1:
		y = s.new("Swish", nil, y)
	default:
		s.fail("activation %d is not supported", a)
	}
	y = s.cast(y, x.Type.Elem)
	if last {
		y = s.channelsLast(y)
	}
	return y
}

// gridSample is ONNX's, with the names that its modes had at first.
func (s *steps) gridSample() []*ir.Value {
	attrs := s.taken("align_corners", "padding_mode")
	switch mode := s.n.takeText("mode", "bilinear"); mode {
	case "bilinear":
		attrs["mode"] = "linear"
	case "bicubic":
		attrs["mode"] = "cubic"
	default:
		attrs["mode"] = mode
	}
	return []*ir.Value{s.new("GridSample", attrs, s.required(0), s.required(1))}
}

// convTransposeWithDynamicPads takes the padding from an input, which must be a constant.
func (s *steps) convTransposeWithDynamicPads() []*ir.Value {
	if pads := s.n.input(2); pads != nil {
		d := s.n.data(pads)
		if d == nil {
			s.fail("pads that are not constant are not supported")
			return nil
		}
		sizes := make([]int64, d.Len())
		for i := range sizes {
			sizes[i] = d.Int(i)
		}
		s.n.attrs["pads"] = sizes
	}
	return []*ir.Value{s.convolved("ConvTranspose", s.required(0), s.required(1), s.n.input(3), "output_padding")}
}
