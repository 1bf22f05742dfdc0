package paid

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"filippo.io/edwards25519"
	"github.com/mr-tron/base58"

	"github.com/fallow-network/fallow/relay/wire"
)

// transaction is as much of a Solana transaction as is read here.
// Source: https://solana.com/docs/core/transactions
type transaction struct {
	signatures   [][]byte
	signers      int // the first so many keys have signed
	keys         []wire.Key
	instructions []instruction
	message      []byte
}

type instruction struct {
	program  wire.Key
	accounts []int // indexes of keys; beyond them for those of lookup tables
	data     []byte
}

// maxWire is how many bytes a transaction can have.
const maxWire = 1232

var errShort = errors.New("it ends too early")

// cursor reads bytes; once something is missing, everything that follows is.
type cursor struct {
	left []byte
	err  error
}

func (c *cursor) take(n int) []byte {
	if c.err != nil || n < 0 || n > len(c.left) {
		c.err = errShort
		return nil
	}
	taken := c.left[:n]
	c.left = c.left[n:]
	return taken
}

func (c *cursor) byte() int {
	b := c.take(1)
	if b == nil {
		return 0
	}
	return int(b[0])
}

// length is a number of one to three bytes, seven bits each.
func (c *cursor) length() int {
	n := 0
	for shift := 0; shift < 21; shift += 7 {
		b := c.byte()
		n |= (b & 0x7f) << shift
		if b&0x80 == 0 {
			return n
		}
	}
	c.err = errors.New("a length of more than three bytes")
	return 0
}

func (c *cursor) key() (k wire.Key) {
	copy(k[:], c.take(len(k)))
	return k
}

// parse reads a transaction and checks every signature.
func parse(raw []byte) (*transaction, error) {
	if len(raw) > maxWire {
		return nil, fmt.Errorf("a transaction of %d bytes", len(raw))
	}
	c := &cursor{left: raw}
	t := new(transaction)
	for range c.length() {
		if c.err != nil {
			return nil, c.err
		}
		t.signatures = append(t.signatures, c.take(ed25519.SignatureSize))
	}
	t.message = c.left
	versioned := len(c.left) > 0 && c.left[0]&0x80 != 0
	if versioned {
		c.take(1)
	}
	t.signers = c.byte()
	c.take(2)
	for range c.length() {
		if c.err != nil {
			return nil, c.err
		}
		t.keys = append(t.keys, c.key())
	}
	c.take(32) // blockhash
	for range c.length() {
		if c.err != nil {
			return nil, c.err
		}
		if err := t.instruction(c); err != nil {
			return nil, err
		}
	}
	// Lookup tables may follow; what comes from them is not of interest.
	if c.err != nil {
		return nil, c.err
	}
	return t, t.verify()
}

func (t *transaction) instruction(c *cursor) error {
	program := c.byte()
	in := instruction{}
	for _, a := range c.take(c.length()) {
		in.accounts = append(in.accounts, int(a))
	}
	in.data = c.take(c.length())
	if c.err == nil && program >= len(t.keys) {
		return errors.New("an instruction of no program")
	}
	if c.err == nil {
		in.program = t.keys[program]
		t.instructions = append(t.instructions, in)
	}
	return c.err
}

func (t *transaction) verify() error {
	if t.signers == 0 || t.signers > len(t.keys) || t.signers != len(t.signatures) {
		return fmt.Errorf("%d signatures of %d signers", len(t.signatures), t.signers)
	}
	for i, signature := range t.signatures {
		if !ed25519.Verify(t.keys[i][:], t.message, signature) {
			return fmt.Errorf("the signature of %s is wrong", t.keys[i])
		}
	}
	return nil
}

// account is the i-th account of an instruction, the zero key if the
// transaction does not name it itself.
func (t *transaction) account(in instruction, i int) wire.Key {
	if i >= len(in.accounts) || in.accounts[i] >= len(t.keys) {
		return wire.Key{}
	}
	return t.keys[in.accounts[i]]
}

// signedBy says whether key has signed.
func (t *transaction) signedBy(key wire.Key) bool {
	for _, k := range t.keys[:t.signers] {
		if k == key {
			return true
		}
	}
	return false
}

// Programs.
var (
	memoProgram  = mustKey("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
	tokenProgram = mustKey("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
	ataProgram   = mustKey("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
)

func mustKey(text string) wire.Key {
	k, err := wire.ParseKey(text)
	if err != nil {
		panic(err) // a constant above is wrong
	}
	return k
}

// tokenAccount is where an owner has its tokens of a mint: the first address of
// 255 that is no point of the curve, so that nobody has its key.
// Source: https://spl.solana.com/associated-token-account
func tokenAccount(owner, mint wire.Key) wire.Key {
	for bump := 255; bump >= 0; bump-- {
		h := sha256.New()
		for _, part := range [][]byte{owner[:], tokenProgram[:], mint[:], {byte(bump)}, ataProgram[:], []byte("ProgramDerivedAddress")} {
			h.Write(part)
		}
		address := wire.Key(h.Sum(nil))
		if _, err := new(edwards25519.Point).SetBytes(address[:]); err != nil {
			return address
		}
	}
	return wire.Key{}
}

// transferOut is the amount of a transfer from one token account, and to which.
func (t *transaction) transferOut(in instruction, from wire.Key) (to wire.Key, units int64, ok bool) {
	const transfer = 3
	if in.program != tokenProgram || len(in.data) != 9 || in.data[0] != transfer || t.account(in, 0) != from {
		return to, 0, false
	}
	units = int64(binary.LittleEndian.Uint64(in.data[1:]))
	return t.account(in, 1), units, units >= 0
}

func base58Text(raw []byte) string { return base58.Encode(raw) }
