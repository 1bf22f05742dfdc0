// Package sealed keeps a node's identity under a passphrase, as one JSON
// document that can lie on a stick or in a mail: the key stretched with Argon2id,
// the secret sealed with XChaCha20-Poly1305.
//
// It reads and writes bytes; files, terminals and questions are the command
// line's. Whoever has the document and the passphrase has the identity and what
// is paid to it.
package sealed

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/text/unicode/norm"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

// Errors of Seal and Open. None of them, and no text around them, has a secret.
var (
	ErrNotSealed  = errors.New("not a whole sealed identity")
	ErrVersion    = errors.New("sealed identity of a version this agent does not know")
	ErrCost       = errors.New("sealed identity asks for more work than any agent asks for")
	ErrPassphrase = errors.New("wrong passphrase")
	ErrAltered    = errors.New("sealed identity was altered")
	ErrWeak       = errors.New("passphrase cannot be used")
)

const (
	kind    = "fallow-identity"
	version = 1
	// domain separates what is authenticated here from all else in Fallow.
	domain = "fallow-identity-v1\n"

	// MaxSize bounds a document, in bytes; one has about 600.
	MaxSize = 4 << 10
	// MinPassphrase is in characters, and MaxPassphrase in bytes.
	MinPassphrase = 10
	MaxPassphrase = 1 << 10

	checkSize = 16
)

// cost is that of Argon2id. The bounds keep a document from somebody else from
// taking the machine.
type cost struct {
	Time    uint32 `json:"time"`       // passes
	Memory  uint32 `json:"memory_kib"` // KiB
	Threads uint8  `json:"threads"`
}

// usual is the second choice of RFC 9106, for machines without 2 GiB to spare.
var usual = cost{Time: 3, Memory: 64 << 10, Threads: 4}

func (c cost) bearable() bool {
	return c.Time >= 1 && c.Time <= 16 && c.Threads >= 1 && c.Threads <= 16 &&
		c.Memory >= 8*uint32(c.Threads) && c.Memory <= 256<<10
}

// head is what is authenticated along with the secret.
type head struct {
	Kind    string   `json:"kind"`
	Version int      `json:"version"`
	Node    wire.Key `json:"node"` // whose it is, for people with several
	KDF     string   `json:"kdf"`
	Cost    cost     `json:"cost"`
	Salt    []byte   `json:"salt"`
	Cipher  string   `json:"cipher"`
	Nonce   []byte   `json:"nonce"`
}

type document struct {
	head
	// Check comes of the passphrase beside the key, to tell a wrong passphrase
	// from an altered document. It makes guessing no cheaper than Sealed does.
	Check  []byte `json:"check"`
	Sealed []byte `json:"sealed"` // the 64 bytes of the key pair
}

// Seal is the document for id. The error wraps ErrWeak for a passphrase that is
// too short or too long.
func Seal(id identity.Identity, passphrase []byte) ([]byte, error) {
	return sealAt(id, passphrase, usual)
}

func sealAt(id identity.Identity, passphrase []byte, c cost) ([]byte, error) {
	passphrase = norm.NFC.Bytes(passphrase)
	if n := utf8.RuneCount(passphrase); n < MinPassphrase || len(passphrase) > MaxPassphrase {
		return nil, fmt.Errorf("%w: it has %d characters, want %d at least and %d bytes at most", ErrWeak, n, MinPassphrase, MaxPassphrase)
	}
	d := document{head: head{
		Kind: kind, Version: version, Node: id.Public,
		KDF: "argon2id", Cost: c, Salt: random(16),
		Cipher: "xchacha20-poly1305", Nonce: random(chacha20poly1305.NonceSizeX),
	}}
	key, check := d.stretch(passphrase)
	defer clear(key)
	d.Check = check
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("seal identity: %w", err)
	}
	about, err := d.about()
	if err != nil {
		return nil, err
	}
	d.Sealed = aead.Seal(nil, d.Nonce, id.Private, about)
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("seal identity: %w", err)
	}
	return append(text, '\n'), nil
}

// Document is a document that has been read and not yet opened.
type Document struct{ document }

// Node is whose identity it says to hold; Open makes sure of it.
func (d *Document) Node() wire.Key { return d.document.Node }

// Parse reads a document and checks everything that needs no passphrase. Errors
// wrap ErrNotSealed, ErrVersion or ErrCost.
func Parse(text []byte) (*Document, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrNotSealed, MaxSize)
	}
	var first struct {
		Kind    string `json:"kind"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &first); err != nil {
		return nil, fmt.Errorf("%w: not one whole JSON object", ErrNotSealed)
	}
	if first.Kind != kind {
		return nil, fmt.Errorf("%w: its kind is not %q", ErrNotSealed, kind)
	}
	if first.Version != version {
		return nil, fmt.Errorf("%w: %d, want %d; install a newer agent", ErrVersion, first.Version, version)
	}
	var d document
	r := json.NewDecoder(bytes.NewReader(text))
	r.DisallowUnknownFields() // what is not known is not authenticated either
	if err := r.Decode(&d); err != nil {
		return nil, fmt.Errorf("%w: a field is unknown, or not of its type", ErrNotSealed)
	}
	if _, err := r.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows it", ErrNotSealed)
	}
	switch {
	case d.KDF != "argon2id" || d.Cipher != "xchacha20-poly1305":
		return nil, fmt.Errorf("%w: version %d has argon2id and xchacha20-poly1305 only", ErrNotSealed, version)
	case len(d.Salt) != 16 || len(d.Nonce) != chacha20poly1305.NonceSizeX || len(d.Check) != checkSize ||
		len(d.Sealed) != ed25519.PrivateKeySize+chacha20poly1305.Overhead:
		return nil, fmt.Errorf("%w: a field has another length than it should", ErrNotSealed)
	case !d.Cost.bearable():
		return nil, fmt.Errorf("%w: %d passes over %d KiB with %d threads", ErrCost, d.Cost.Time, d.Cost.Memory, d.Cost.Threads)
	}
	return &Document{d}, nil
}

// Open gives the identity back. It takes up to some seconds and 256 MiB. Errors
// wrap ErrPassphrase or ErrAltered.
func (d *Document) Open(passphrase []byte) (identity.Identity, error) {
	if len(passphrase) > MaxPassphrase {
		return identity.Identity{}, fmt.Errorf("%w: longer than %d bytes", ErrPassphrase, MaxPassphrase)
	}
	key, check := d.stretch(norm.NFC.Bytes(passphrase))
	defer clear(key)
	if subtle.ConstantTimeCompare(check, d.Check) != 1 {
		return identity.Identity{}, fmt.Errorf("%w, or the file was altered; nothing was changed", ErrPassphrase)
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return identity.Identity{}, fmt.Errorf("open sealed identity: %w", err)
	}
	about, err := d.about()
	if err != nil {
		return identity.Identity{}, err
	}
	secret, err := aead.Open(nil, d.Nonce, d.Sealed, about)
	if err != nil {
		return identity.Identity{}, fmt.Errorf("%w: the passphrase is right, and what it protects is not as it was written", ErrAltered)
	}
	id, err := identity.Parse(identity.Format(secret))
	if err != nil || id.Public != d.Node() {
		return identity.Identity{}, fmt.Errorf("%w: it holds another identity than it says", ErrAltered)
	}
	return id, nil
}

// stretch is the key of the passphrase, and the check beside it.
func (h head) stretch(passphrase []byte) (key, check []byte) {
	all := argon2.IDKey(passphrase, h.Salt, h.Cost.Time, h.Cost.Memory, h.Cost.Threads, chacha20poly1305.KeySize+checkSize)
	return all[:chacha20poly1305.KeySize], all[chacha20poly1305.KeySize:]
}

// about is the head as it is authenticated: compact JSON in the order of the
// fields above, however the document is laid out.
func (h head) about() ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode head of sealed identity: %w", err)
	}
	return append([]byte(domain), text...), nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand aborts the program instead
	return b
}
