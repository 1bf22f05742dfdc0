// Package tx reads Solana transactions that somebody else shows us: within bounds,
// and with every signature checked, so that what one says is what its signers
// said. It builds and sends none. The router reads payments with it, and so does
// fallow-data.
package tx

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

// Transaction is as much of one as anybody here wants to know.
// Source: https://solana.com/docs/core/transactions
type Transaction struct {
	Signature    string // the first, which names it
	Signers      int    // the first so many keys have signed; the very first pays
	Keys         []wire.Key
	Instructions []Instruction

	signatures [][]byte
	message    []byte
}

// Instruction is one call of a program.
type Instruction struct {
	Program  wire.Key
	Accounts []int // indexes of keys; beyond them for those of lookup tables
	Data     []byte
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

// Parse reads a transaction and checks every signature.
func Parse(raw []byte) (*Transaction, error) {
	if len(raw) > maxWire {
		return nil, fmt.Errorf("a transaction of %d bytes", len(raw))
	}
	c := &cursor{left: raw}
	t := new(Transaction)
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
	t.Signers = c.byte()
	c.take(2)
	for range c.length() {
		if c.err != nil {
			return nil, c.err
		}
		t.Keys = append(t.Keys, c.key())
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
	if err := t.verify(); err != nil {
		return nil, err
	}
	t.Signature = base58.Encode(t.signatures[0])
	return t, nil
}

func (t *Transaction) instruction(c *cursor) error {
	program := c.byte()
	in := Instruction{}
	for _, a := range c.take(c.length()) {
		in.Accounts = append(in.Accounts, int(a))
	}
	in.Data = c.take(c.length())
	if c.err == nil && program >= len(t.Keys) {
		return errors.New("an instruction of no program")
	}
	if c.err == nil {
		in.Program = t.Keys[program]
		t.Instructions = append(t.Instructions, in)
	}
	return c.err
}

func (t *Transaction) verify() error {
	if t.Signers == 0 || t.Signers > len(t.Keys) || t.Signers != len(t.signatures) {
		return fmt.Errorf("%d signatures of %d signers", len(t.signatures), t.Signers)
	}
	for i, signature := range t.signatures {
		if !ed25519.Verify(t.Keys[i][:], t.message, signature) {
			return fmt.Errorf("the signature of %s is wrong", t.Keys[i])
		}
	}
	return nil
}

// Account is the i-th account of an instruction, the zero key if the
// transaction does not name it itself.
func (t *Transaction) Account(in Instruction, i int) wire.Key {
	if i >= len(in.Accounts) || in.Accounts[i] >= len(t.Keys) {
		return wire.Key{}
	}
	return t.Keys[in.Accounts[i]]
}

// SignedBy says whether key has signed.
func (t *Transaction) SignedBy(key wire.Key) bool {
	for _, k := range t.Keys[:t.Signers] {
		if k == key {
			return true
		}
	}
	return false
}

// Programs.
var (
	MemoProgram    = mustKey("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
	TokenProgram   = mustKey("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
	AccountProgram = mustKey("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
)

func mustKey(text string) wire.Key {
	k, err := wire.ParseKey(text)
	if err != nil {
		panic(err) // a constant above is wrong
	}
	return k
}

// TokenAccount is where an owner has its tokens of a mint: the first address of
// 255 that is no point of the curve, so that nobody has its key.
// Source: https://spl.solana.com/associated-token-account
func TokenAccount(owner, mint wire.Key) wire.Key {
	for bump := 255; bump >= 0; bump-- {
		h := sha256.New()
		for _, part := range [][]byte{owner[:], TokenProgram[:], mint[:], {byte(bump)}, AccountProgram[:], []byte("ProgramDerivedAddress")} {
			h.Write(part)
		}
		address := wire.Key(h.Sum(nil))
		if _, err := new(edwards25519.Point).SetBytes(address[:]); err != nil {
			return address
		}
	}
	return wire.Key{}
}

// TransferOut is the amount of a transfer from one token account, and to which.
func (t *Transaction) TransferOut(in Instruction, from wire.Key) (to wire.Key, units int64, ok bool) {
	const transfer = 3
	if in.Program != TokenProgram || len(in.Data) != 9 || in.Data[0] != transfer || t.Account(in, 0) != from {
		return to, 0, false
	}
	units = int64(binary.LittleEndian.Uint64(in.Data[1:]))
	return t.Account(in, 1), units, units >= 0
}

// Memo is the text of the first memo, empty if there is none.
func (t *Transaction) Memo() string {
	for _, in := range t.Instructions {
		if in.Program == MemoProgram {
			return string(in.Data)
		}
	}
	return ""
}
