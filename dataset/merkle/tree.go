package merkle

import (
	"fmt"
	"math/bits"
)

// Tree keeps every inner node, so that each proof costs a walk of log n steps
// instead of a pass over all leaves. It takes 64 bytes a leaf and is safe for
// concurrent use.
type Tree struct {
	// levels[0] are the leaves; levels[k+1] are the hashes over pairs of
	// levels[k], where a last one without a partner moves up as it is. That is
	// the same tree as RFC 9162's, which splits at the largest power of two.
	levels [][]Hash
}

// NewTree builds the tree over leaves, which it keeps and does not change.
func NewTree(leaves []Hash) *Tree {
	t := &Tree{levels: [][]Hash{leaves}}
	for below := leaves; len(below) > 1; below = t.levels[len(t.levels)-1] {
		above := make([]Hash, (len(below)+1)/2)
		for i := range len(below) / 2 {
			above[i] = inner(below[2*i], below[2*i+1])
		}
		if len(below)%2 == 1 {
			above[len(above)-1] = below[len(below)-1]
		}
		t.levels = append(t.levels, above)
	}
	return t
}

// Len is the number of leaves.
func (t *Tree) Len() int { return len(t.levels[0]) }

// Root is the root, as Root over the same leaves has it.
func (t *Tree) Root() Hash {
	top := t.levels[len(t.levels)-1]
	if len(top) == 0 {
		return Empty()
	}
	return top[0]
}

// Prove is the inclusion proof of leaf index, as Prove over the same leaves
// has it.
func (t *Tree) Prove(index int) ([]Hash, error) {
	if index < 0 || index >= t.Len() {
		return nil, fmt.Errorf("prove leaf %d of a tree with %d", index, t.Len())
	}
	return t.AppendProof(make([]Hash, 0, bits.Len(uint(t.Len()-1))), index), nil
}

// AppendProof appends the proof of leaf index to path. It panics if there is no
// such leaf.
func (t *Tree) AppendProof(path []Hash, index int) []Hash {
	for _, level := range t.levels[:len(t.levels)-1] {
		if sibling := index ^ 1; sibling < len(level) {
			path = append(path, level[sibling])
		}
		index /= 2
	}
	return path
}
