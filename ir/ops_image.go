package ir

import "fmt"

// Data movement of images, and of matrices.
var (
	// DepthToSpace moves blocks of channels to blocks of pixels; the channels are ordered block, then depth (DCR), or the reverse (CRD).
	DepthToSpace = define(Op{Name: "DepthToSpace", Args: "x", Attrs: "blocksize:int mode:string=DCR", Expand: expandDepthToSpace,
		Example: "DepthToSpace(x) blocksize=2", Inputs: "x f32[1,8,2,3]"})
	// SpaceToDepth moves blocks of pixels to blocks of channels.
	SpaceToDepth = define(Op{Name: "SpaceToDepth", Args: "x", Attrs: "blocksize:int", Expand: expandSpaceToDepth,
		Example: "SpaceToDepth(x) blocksize=2", Inputs: "x f32[1,2,4,6]"})
	// CenterCropPad crops or pads x about its middle to the shape, on each of the axes.
	CenterCropPad = define(Op{Name: "CenterCropPad", Args: "x shape", Attrs: "axes:ints?", Infer: inferCenterCropPad,
		Example: "CenterCropPad(x, [4,2])", Inputs: "x f32[3,5]"})
	// Col2Im adds up the columns of blocks, as im2col lays them out, to an image.
	Col2Im = define(Op{Name: "Col2Im", Args: "x image_shape block_shape", Attrs: "dilations:ints? pads:ints? strides:ints?", Infer: inferCol2Im,
		Example: "Col2Im(x, [3,3], [2,2])", Inputs: "x f32[1,4,4]"})
	// ImageDecoder is the image in the bytes of a file, [height, width, channels]: red, green and blue in the order of RGB or BGR, or
	// one channel of Grayscale.
	ImageDecoder = define(Op{Name: "ImageDecoder", Args: "file", Attrs: "pixel_format:string=RGB", Infer: inferImageDecoder,
		Example: `ImageDecoder(u8[14]{80,54,10,49,32,49,10,50,53,53,10,1,2,3}) pixel_format="BGR"`})
	// Det is the determinant of the matrices of the last two axes.
	Det = define(Op{Name: "Det", Args: "x", Infer: inferDet, Example: "Det(x)", Inputs: "x f32[2,3,3]"})
)

// image is argument 0 as [batch, channels, height, width], for an expansion.
func (n *Node) image() (x Type, block Dim) {
	x, err := n.tensorAt(0, anyElem)
	switch {
	case err == nil && x.Rank() != 4:
		err = fmt.Errorf("%s is not [batch,channels,height,width]", x)
	case err == nil && n.Int("blocksize") < 1:
		err = fmt.Errorf("blocksize is %d", n.Int("blocksize"))
	}
	if err != nil {
		panic(&Misfit{err})
	}
	return x, N(n.Int("blocksize"))
}

// parted is d/k, which must leave no remainder.
func parted(d, k Dim) Dim {
	if r, ok := d.Mod(k); !ok || r.IsConst() && !r.Is(0) {
		panic(&Misfit{fmt.Errorf("a dimension of %s is no multiple of %s", d, k)})
	}
	q, _ := d.Div(k)
	return q
}

func expandDepthToSpace(b *Builder, n *Node) []*Value {
	x, k := n.image()
	batch, h, w := x.Shape[0], x.Shape[2], x.Shape[3]
	c := parted(x.Shape[1], k.Mul(k))
	shape, perm := []Dim{batch, k, k, c, h, w}, []int{0, 3, 4, 1, 5, 2}
	switch n.Str("mode") {
	case "DCR":
	case "CRD":
		shape, perm = []Dim{batch, c, k, k, h, w}, []int{0, 1, 4, 2, 5, 3}
	default:
		panic(&Misfit{fmt.Errorf("mode %q is not DCR or CRD", n.Str("mode"))})
	}
	y := b.New(Transpose, Attrs{"perm": perm}, b.New(Reshape, nil, n.Args[0], b.Dims(shape...)))
	return b.New1(Reshape, nil, y, b.Dims(batch, c, h.Mul(k), w.Mul(k)))
}

func expandSpaceToDepth(b *Builder, n *Node) []*Value {
	x, k := n.image()
	batch, c := x.Shape[0], x.Shape[1]
	h, w := parted(x.Shape[2], k), parted(x.Shape[3], k)
	y := b.New(Reshape, nil, n.Args[0], b.Dims(batch, c, h, k, w, k))
	y = b.New(Transpose, Attrs{"perm": []int{0, 3, 5, 1, 2, 4}}, y)
	return b.New1(Reshape, nil, y, b.Dims(batch, c.Mul(k).Mul(k), h, w))
}

// CropPadAxes are the axes that CenterCropPad changes in a tensor of that rank.
func (n *Node) CropPadAxes(rank int) ([]int, error) {
	axes := []int{}
	if !n.Has("axes") {
		for i := range rank {
			axes = append(axes, i)
		}
		return axes, nil
	}
	for _, a := range n.Ints("axes") {
		k, err := Axis(int(a), rank)
		if err != nil {
			return nil, err
		}
		axes = append(axes, k)
	}
	return axes, nil
}

func inferCenterCropPad(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil || !x.Ranked() {
		return []Type{Unranked(x.Elem)}, err
	}
	axes, err := n.CropPadAxes(x.Rank())
	if err != nil {
		return nil, err
	}
	want, ok, err := n.dimsAt(1)
	if err != nil {
		return nil, err
	}
	if ok && len(want) != len(axes) {
		return nil, fmt.Errorf("%d dimensions for %d axes", len(want), len(axes))
	}
	shape := append([]Dim{}, x.Shape...)
	for i, a := range axes {
		if shape[a] = n.Fresh(a); ok && want[i] != nil {
			shape[a] = *want[i]
		}
	}
	return []Type{T(x.Elem, shape...)}, nil
}

func inferCol2Im(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, number)
	if err != nil {
		return nil, err
	}
	if x.Ranked() && x.Rank() != 3 {
		return nil, fmt.Errorf("%s is not [batch,channels·block,blocks]", x)
	}
	image, ok1, err := n.dimsAt(1)
	if err != nil {
		return nil, err
	}
	block, ok2, err := n.dimsAt(2)
	if err != nil || !ok1 || !x.Ranked() {
		return []Type{Unranked(x.Elem)}, err
	}
	shape := []Dim{x.Shape[0], n.Fresh(1)}
	if ok2 {
		size, known := N(1), true
		for _, d := range block {
			if known = known && d != nil; known {
				size = size.Mul(*d)
			}
		}
		if q, ok := x.Shape[1].Div(size); known && ok {
			shape[1] = q
		}
	}
	for i, d := range image {
		if shape = append(shape, n.Fresh(i+2)); d != nil {
			shape[i+2] = *d
		}
	}
	return []Type{T(x.Elem, shape...)}, nil
}

func inferDet(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, float)
	if err != nil || !x.Ranked() {
		return []Type{Unranked(x.Elem)}, err
	}
	r := x.Rank()
	if r < 2 {
		return nil, fmt.Errorf("%s is no matrix", x)
	}
	if _, err := meet(x.Shape[r-1], x.Shape[r-2]); err != nil {
		return nil, fmt.Errorf("the matrices of %s are not square", x)
	}
	return []Type{T(x.Elem, x.Shape[:r-2]...)}, nil
}

func inferImageDecoder(n *Node) ([]Type, error) {
	channels := 3
	switch f := n.Str("pixel_format"); f {
	case "RGB", "BGR":
	case "Grayscale":
		channels = 1
	default:
		return nil, fmt.Errorf("pixel_format %q is not RGB, BGR or Grayscale", f)
	}
	if t := n.TypeAt(0); t.Known() && (t.Kind != Tensor || t.Elem != U8 || t.Ranked() && t.Rank() != 1) {
		return nil, fmt.Errorf("the bytes of a file are wanted, u8[n], not %s", t)
	}
	return []Type{T(U8, n.Fresh(0), n.Fresh(1), N(channels))}, nil
}
