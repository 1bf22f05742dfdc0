// Package merkle is the one hash tree of Fallow: SHA-256 in the shape of
// RFC 9162 (Certificate Transparency 2), with leaves hashed under the prefix
// 0x00 and inner nodes under 0x01, so that a leaf can never be passed off as an
// inner node. Datasets use it over rows and shards, the ledger over statements.
//
// It holds no state beyond a Builder and does no I/O. Anyone may import it.
package merkle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
)

// Hash is one node of a tree.
type Hash [sha256.Size]byte

// String is the lower-case hex of h, 64 characters.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is String, so that a Hash in JSON is hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote; any other length is an error.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// Parse reads 64 hex characters.
func Parse(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*len(h) {
		return h, fmt.Errorf("merkle hash has %d characters, want %d", len(s), 2*len(h))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return h, fmt.Errorf("merkle hash: %w", err)
	}
	return h, nil
}

// LeafPrefix is what the hash of a leaf begins with, for those who hash an
// entry in pieces. It must not be changed.
var LeafPrefix = []byte{0}

// Leaf hashes the bytes of one entry.
func Leaf(data []byte) Hash {
	d := sha256.New()
	d.Write(LeafPrefix)
	d.Write(data)
	var h Hash
	d.Sum(h[:0])
	return h
}

func inner(left, right Hash) Hash {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[1+sha256.Size:], right[:])
	return sha256.Sum256(buf[:])
}

// Empty is the root of a tree without leaves: the hash of nothing (RFC 9162, 2.1.1).
func Empty() Hash { return sha256.Sum256(nil) }

// Builder takes leaves one after the other and keeps only the O(log n) roots
// of the complete subtrees so far, so a tree of any size costs at most 64
// hashes of memory. The zero value is ready; it is not safe for concurrent use.
type Builder struct {
	peaks [64]Hash // peaks[k] is a complete subtree of 2^k leaves, present if bit k of n is set
	n     uint64
}

// Add appends one leaf hash.
func (b *Builder) Add(leaf Hash) {
	carry, level := leaf, 0
	for b.n>>level&1 == 1 {
		carry = inner(b.peaks[level], carry)
		level++
	}
	b.peaks[level] = carry
	b.n++
}

// Len is the number of leaves added.
func (b *Builder) Len() uint64 { return b.n }

// Root is the root over the leaves so far; more may be added afterwards.
func (b *Builder) Root() Hash {
	if b.n == 0 {
		return Empty()
	}
	level := bits.TrailingZeros64(b.n)
	root := b.peaks[level]
	for level++; level < 64; level++ {
		if b.n>>level&1 == 1 {
			root = inner(b.peaks[level], root)
		}
	}
	return root
}

// Root is the root over leaves, in their order.
func Root(leaves []Hash) Hash {
	var b Builder
	for _, leaf := range leaves {
		b.Add(leaf)
	}
	return b.Root()
}

// Prove is the inclusion proof of leaves[index]: the sibling hashes from the
// leaf upwards, at most 64. It costs one pass over the leaves.
func Prove(leaves []Hash, index int) ([]Hash, error) {
	if index < 0 || index >= len(leaves) {
		return nil, fmt.Errorf("prove leaf %d of a tree with %d", index, len(leaves))
	}
	var path []Hash
	for len(leaves) > 1 {
		split := 1 << (bits.Len(uint(len(leaves)-1)) - 1)
		if index < split {
			path = append(path, Root(leaves[split:]))
			leaves = leaves[:split]
		} else {
			path = append(path, Root(leaves[:split]))
			leaves, index = leaves[split:], index-split
		}
	}
	for i, j := 0, len(path)-1; i < j; i, j = i+1, j-1 {
		path[i], path[j] = path[j], path[i]
	}
	return path, nil
}

// ErrProof says that a proof does not lead from the leaf to the root.
var ErrProof = errors.New("merkle proof does not match the root")

// Verify checks that leaf stands at index in the tree of size leaves with this
// root (RFC 9162, 2.1.3.2). It returns nil or an error that wraps ErrProof.
func Verify(root, leaf Hash, index, size uint64, path []Hash) error {
	if index >= size {
		return fmt.Errorf("%w: index %d in a tree of %d", ErrProof, index, size)
	}
	fn, sn, got := index, size-1, leaf
	for _, p := range path {
		if sn == 0 {
			return fmt.Errorf("%w: proof is too long", ErrProof)
		}
		if fn&1 == 1 || fn == sn {
			got = inner(p, got)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			got = inner(got, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 {
		return fmt.Errorf("%w: proof is too short", ErrProof)
	}
	if got != root {
		return ErrProof
	}
	return nil
}
