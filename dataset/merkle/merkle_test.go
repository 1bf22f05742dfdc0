package merkle_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/fallow-network/fallow/dataset/merkle"
)

func leaves(n int) []merkle.Hash {
	out := make([]merkle.Hash, n)
	for i := range out {
		out[i] = merkle.Leaf(fmt.Appendf(nil, "leaf %d", i))
	}
	return out
}

// The known answers of the reference tree in the Certificate Transparency
// project (RFC 6962 and 9162 share them), typed in as facts.
func TestKnownRoots(t *testing.T) {
	inputs := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	want := map[int]string{
		0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var all []merkle.Hash
	for _, in := range inputs {
		raw, _ := hex.DecodeString(in)
		all = append(all, merkle.Leaf(raw))
	}
	for n, root := range want {
		if got := merkle.Root(all[:n]).String(); got != root {
			t.Errorf("root of %d leaves = %s, want %s", n, got, root)
		}
	}
}

func TestEveryProofOfEverySize(t *testing.T) {
	for size := 1; size <= 40; size++ {
		all := leaves(size)
		root := merkle.Root(all)
		for i := range all {
			path, err := merkle.Prove(all, i)
			if err != nil {
				t.Fatal(err)
			}
			if err := merkle.Verify(root, all[i], uint64(i), uint64(size), path); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, size, err)
			}
			if err := merkle.Verify(root, merkle.Leaf([]byte("other")), uint64(i), uint64(size), path); !errors.Is(err, merkle.ErrProof) {
				t.Fatalf("another leaf passed as %d of %d", i, size)
			}
			wrong := (i + 1) % size
			if size > 1 {
				if err := merkle.Verify(root, all[i], uint64(wrong), uint64(size), path); err == nil {
					t.Fatalf("leaf %d of %d passed at %d", i, size, wrong)
				}
				if err := merkle.Verify(root, all[i], uint64(i), uint64(size), path[1:]); err == nil {
					t.Fatalf("short proof of leaf %d of %d passed", i, size)
				}
			}
		}
	}
}

func TestProveRefusesOutsideIndex(t *testing.T) {
	for _, i := range []int{-1, 3} {
		if _, err := merkle.Prove(leaves(3), i); err == nil {
			t.Errorf("proved leaf %d of 3", i)
		}
	}
}

func TestParse(t *testing.T) {
	h := merkle.Leaf([]byte("x"))
	got, err := merkle.Parse(h.String())
	if err != nil || got != h {
		t.Fatalf("parse(string) = %v, %v", got, err)
	}
	for _, bad := range []string{"", "00", h.String() + "0", "zz" + h.String()[2:]} {
		if _, err := merkle.Parse(bad); err == nil {
			t.Errorf("parsed %q", bad)
		}
	}
}

func BenchmarkBuilder(b *testing.B) {
	leaf := merkle.Leaf([]byte("leaf"))
	var builder merkle.Builder
	for b.Loop() {
		builder.Add(leaf)
	}
}
