package onnx

import (
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/onnx/pb"
)

// order returns nodes so that each comes after those it uses: as they are, if they do so already.
func (s *scope) order(nodes []*pb.NodeProto) ([]*pb.NodeProto, error) {
	producer := map[string]int{}
	for i, n := range nodes {
		for _, out := range n.Output {
			if out == "" {
				continue
			}
			if _, ok := producer[out]; ok {
				return nil, s.nodeError(n, fmt.Errorf("value %q is defined twice", out))
			}
			producer[out] = i
		}
	}
	needs, sorted := make([][]int, len(nodes)), true
	for i, n := range nodes {
		for _, name := range s.im.uses(n) {
			if j, ok := producer[name]; ok {
				needs[i] = append(needs[i], j)
				sorted = sorted && j < i
			}
		}
	}
	if sorted {
		return nodes, nil
	}
	return s.sort(nodes, needs)
}

// sort is a depth-first search with a stack of its own: a file may be a chain as long as it likes.
func (s *scope) sort(nodes []*pb.NodeProto, needs [][]int) ([]*pb.NodeProto, error) {
	const (
		unseen = iota
		open
		done
	)
	state, next := make([]int, len(nodes)), make([]int, len(nodes))
	out := make([]*pb.NodeProto, 0, len(nodes))
	var stack []int
	for root := range nodes {
		if state[root] == unseen {
			stack, state[root] = append(stack[:0], root), open
		}
		for len(stack) > 0 && state[root] != done {
			i := stack[len(stack)-1]
			if next[i] == len(needs[i]) {
				state[i] = done
				out = append(out, nodes[i])
				stack = stack[:len(stack)-1]
				continue
			}
			j := needs[i][next[i]]
			next[i]++
			switch state[j] {
			case open:
				return nil, s.cycle(nodes, stack, j)
			case unseen:
				state[j] = open
				stack = append(stack, j)
			}
		}
	}
	return out, nil
}

// cycle describes the nodes on the stack from j on.
func (s *scope) cycle(nodes []*pb.NodeProto, stack []int, j int) error {
	var names []string
	for i := len(stack) - 1; i >= 0 && len(names) < 8; i-- {
		names = append(names, nodeName(nodes[stack[i]]))
		if stack[i] == j {
			break
		}
	}
	return s.nodeError(nodes[j], fmt.Errorf("the graph has a cycle: %s", strings.Join(names, " needs ")))
}

// uses lists the names that a node needs: its inputs, and what the graphs in it take from around them.
func (im *importer) uses(n *pb.NodeProto) []string {
	names := n.Input
	for _, a := range n.Attribute {
		if a.G != nil {
			names = append(names[:len(names):len(names)], im.captures(a.G)...)
		}
	}
	return names
}

// captures lists the names that g uses without defining them. Each graph is looked through once, however deep it lies.
func (im *importer) captures(g *pb.GraphProto) []string {
	if free, ok := im.free[g]; ok {
		return free
	}
	own := initializerNames(g)
	for _, in := range g.Input {
		own[in.GetName()] = true
	}
	for _, n := range g.Node {
		for _, out := range n.Output {
			own[out] = true
		}
	}
	var free []string
	need := func(name string) {
		if !own[name] {
			own[name] = true // lists it once
			free = append(free, name)
		}
	}
	for _, n := range g.Node {
		for _, name := range im.uses(n) {
			need(name)
		}
	}
	for _, out := range g.Output {
		need(out.GetName())
	}
	im.free[g] = free
	return free
}
