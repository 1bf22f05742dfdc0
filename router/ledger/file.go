package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/wire"
)

const signatureDomain = "fallow-epoch-signature-v1\n"

// File is an epoch as it is published: everything that is needed to compute it
// again, what came out, and the router's signature.
//
// It has two forms, JSON and Parquet, with the same content and the same hash.
// Every part has one canonical JSON form: members in the order of these types,
// no member that is not here, no white space, times in UTC after RFC 3339.
// Counts and amounts are strings, because JSON readers lose integers above 2^53;
// epoch, formula and permilles are numbers.
type File struct {
	Seal
	Statements []Statement // by node key
}

// Seal is the head of a file, its hash and the router's signature. Through the
// head's statements_sha256 it covers every byte of the statements.
type Seal struct {
	Head      Head        `json:"head"`
	Hash      merkle.Hash `json:"hash"`      // SHA-256 of the canonical bytes of head
	Signature Signature   `json:"signature"` // the router's, over a domain line and hash
}

// ErrFormat says that something is no epoch file at all, as opposed to one
// that is wrong; Verify finds the latter.
var ErrFormat = errors.New("not an epoch file")

// hash is that of a head.
func (h *Head) hash() (merkle.Hash, error) {
	encoded, err := canonical(h)
	if err != nil {
		return merkle.Hash{}, fmt.Errorf("encode the head of epoch %d: %w", h.Epoch, err)
	}
	return sha256.Sum256(encoded), nil
}

// hashLines is the SHA-256 over each statement and a line feed.
func hashLines(statements []Statement) merkle.Hash {
	digest, buf := sha256.New(), make([]byte, 0, 64<<10)
	for i := range statements {
		buf = append(statements[i].AppendJSON(buf), '\n')
		if len(buf) > 48<<10 {
			digest.Write(buf)
			buf = buf[:0]
		}
	}
	digest.Write(buf)
	return merkle.Hash(digest.Sum(nil))
}

func signed(hash merkle.Hash) []byte { return append([]byte(signatureDomain), hash[:]...) }

func canonical(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}

// NewFile computes an epoch and seals the result with the router's key. head
// has no totals yet; the statements are its inputs in any order, with what each
// node earned in earlier epochs in Ever and RoyaltyEver. before are the sums of
// these over all nodes. The statements are sorted and filled in place.
func NewFile(head Head, statements []Statement, before Totals, key ed25519.PrivateKey) (*File, error) {
	sortStatements(statements)
	head.Kind, head.Router = Kind, wire.KeyOf(key)
	result, err := Compute(&head, statements)
	if err != nil {
		return nil, err
	}
	if err := result.Fill(statements); err != nil {
		return nil, err
	}
	head.Totals = result.Totals
	head.Totals.PointsEver = before.PointsEver + result.Totals.Allocated()
	head.Totals.RoyaltiesEver = before.RoyaltiesEver + result.Totals.Royalties
	head.Lines, head.Root = hashLines(statements), root(head.Epoch, statements)
	f := &File{Seal: Seal{Head: head}, Statements: statements}
	if f.Hash, err = head.hash(); err != nil {
		return nil, err
	}
	f.Signature = ed25519.Sign(key, signed(f.Hash))
	return f, nil
}

// Find is the index of a node's statement, or -1.
func (f *File) Find(node wire.Key) int {
	low, high := 0, len(f.Statements)
	for low < high {
		if middle := (low + high) / 2; compareKeys(f.Statements[middle].Node, node) < 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < len(f.Statements) && f.Statements[low].Node == node {
		return low
	}
	return -1
}
