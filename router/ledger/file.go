package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/wire"
)

// Kind opens the content of every epoch file and names its format.
const Kind = "fallow-epoch-v1"

const signatureDomain = "fallow-epoch-signature-v1\n"

// File is an epoch as it is published: everything that is needed to compute
// it again, what came out, and the router's signature.
//
// Its bytes are canonical. They are JSON in one line with a line feed behind
// it, members in the order of these types, no member that is not here, no
// white space, nodes and statements by node key, work by job id, times in UTC
// after RFC 3339. Counts and micro-points are strings, because JSON
// readers lose integers above 2^53; epoch, formula and permilles are numbers.
type File struct {
	Content   Content     `json:"content"`
	Hash      merkle.Hash `json:"hash"`      // SHA-256 of the canonical bytes of content
	Signature Signature   `json:"signature"` // the router's, over a domain line and Hash
}

// Content is the signed part of a File.
type Content struct {
	Kind        string      `json:"kind"`
	Router      wire.Key    `json:"router"`
	Epoch       uint64      `json:"epoch"`
	Start       time.Time   `json:"start"`
	End         time.Time   `json:"end"`
	Params      Params      `json:"params"`
	Nodes       []NodeInput `json:"nodes"`
	Statements  []Statement `json:"statements"`
	Unallocated Unallocated `json:"unallocated"`
	Root        merkle.Hash `json:"root"`
}

// MaxFileBytes bounds what ReadFile and Parse take: 1 GiB, which is more than
// an epoch of half a million nodes needs.
const MaxFileBytes = 1 << 30

// ErrFormat says that something is no epoch file at all, as opposed to one
// that is wrong; Verify finds the latter.
var ErrFormat = errors.New("not an epoch file")

// seal computes hash and signature of content.
func seal(content Content, key ed25519.PrivateKey) (*File, error) {
	encoded, err := canonical(content)
	if err != nil {
		return nil, fmt.Errorf("encode epoch %d: %w", content.Epoch, err)
	}
	f := &File{Content: content, Hash: sha256.Sum256(encoded)}
	f.Signature = ed25519.Sign(key, signed(f.Hash))
	return f, nil
}

func signed(hash merkle.Hash) []byte { return append([]byte(signatureDomain), hash[:]...) }

// Encode is the canonical bytes of f.
func (f *File) Encode() ([]byte, error) {
	encoded, err := canonical(f)
	if err != nil {
		return nil, fmt.Errorf("encode epoch %d: %w", f.Content.Epoch, err)
	}
	return append(encoded, '\n'), nil
}

func canonical(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}

// Parse reads the bytes of an epoch file. It is strict: whatever Encode would
// not have written in exactly this way is refused. The error wraps ErrFormat.
// That the numbers are right is for Verify to say.
func Parse(raw []byte) (*File, error) {
	if len(raw) > MaxFileBytes {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrFormat, MaxFileBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	f := new(File)
	if err := dec.Decode(f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if f.Content.Kind != Kind {
		return nil, fmt.Errorf("%w: kind is %.40q, this program reads %q", ErrFormat, f.Content.Kind, Kind)
	}
	encoded, err := f.Encode()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if at := firstDifference(raw, encoded); at >= 0 {
		return nil, fmt.Errorf("%w: byte %d is not as the canonical form has it", ErrFormat, at)
	}
	return f, nil
}

// firstDifference is the offset of the first byte that differs, or -1.
func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

// read takes at most MaxFileBytes from r.
func read(r io.Reader) (*File, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxFileBytes+1))
	if err != nil {
		return nil, err
	}
	return Parse(raw)
}

// NewFile computes an epoch that has ended and seals the result with the
// router's key. before is what each node earned in earlier epochs.
func NewFile(e Epoch, nodes []NodeInput, before map[wire.Key]MicroPoints, key ed25519.PrivateKey) (*File, error) {
	nodes, err := ordered(e.Number, nodes)
	if err != nil {
		return nil, err
	}
	result, err := Compute(Window{Epoch: e.Number, Seconds: e.Seconds()}, e.Params, nodes, before)
	if err != nil {
		return nil, err
	}
	return seal(Content{
		Kind: Kind, Router: wire.KeyOf(key), Epoch: e.Number, Start: e.Start, End: e.End, Params: e.Params,
		Nodes: nodes, Statements: result.Statements, Unallocated: result.Unallocated, Root: result.Root,
	}, key)
}
