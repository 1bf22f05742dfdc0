package merkle_test

import (
	"slices"
	"testing"

	"github.com/fallow-network/fallow/dataset/merkle"
)

func TestTreeGivesTheSameRootAndProofs(t *testing.T) {
	for size := range 70 {
		all := leaves(size)
		tree := merkle.NewTree(all)
		if tree.Len() != size || tree.Root() != merkle.Root(all) {
			t.Fatalf("tree of %d leaves: length %d, root %s, want root %s", size, tree.Len(), tree.Root(), merkle.Root(all))
		}
		for i := range size {
			want, err := merkle.Prove(all, i)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tree.Prove(i)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("proof of leaf %d of %d: %v %v, want %v", i, size, got, err, want)
			}
		}
		for _, outside := range []int{-1, size} {
			if _, err := tree.Prove(outside); err == nil {
				t.Fatalf("proved leaf %d of %d", outside, size)
			}
		}
	}
}
