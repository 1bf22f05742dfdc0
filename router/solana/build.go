package solana

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	sol "github.com/gagliardetto/solana-go"
	computebudget "github.com/gagliardetto/solana-go/programs/compute-budget"
	"github.com/gagliardetto/solana-go/programs/system"
	spl "github.com/gagliardetto/solana-go/programs/token"

	"github.com/fallow-network/fallow/router/settle"
)

// maxWire is how many bytes a transaction may have.
const maxWire = 1232

// markerOwner is the program that markers are given to. It does nothing with
// them, and nobody else can: they stay for ever.
var markerOwner = sol.MemoProgramID

// lead is how many instructions stand before those of the payouts.
const lead = 5

// seedLength is how many characters a marker's seed has, 32 at most. 64 bits keep
// strangers from guessing it; each character more is taken from the payouts.
const seedLength = 16

// markerSeed is where the marker of seq lies under the treasury. Only who has
// the treasury's key can tell it beforehand.
func (c *Chain) markerSeed(seq uint64) string {
	mac := hmac.New(sha256.New, c.markerKey[:])
	mac.Write(binary.BigEndian.AppendUint64([]byte("seq\n"), seq))
	return hex.EncodeToString(mac.Sum(nil))[:seedLength]
}

func (c *Chain) marker(seq uint64) (sol.PublicKey, error) {
	return sol.CreateWithSeed(c.treasury, c.markerSeed(seq), markerOwner)
}

// build is b's transaction, not signed.
func (c *Chain) build(b settle.Batch, recent sol.Hash, computeUnits uint32, markerRent int64) (*sol.Transaction, error) {
	marker, err := c.marker(b.Seq)
	if err != nil {
		return nil, err
	}
	limit, err := computebudget.NewSetComputeUnitLimitInstruction(computeUnits).ValidateAndBuild()
	if err != nil {
		return nil, err
	}
	price, err := computebudget.NewSetComputeUnitPriceInstruction(c.priority).ValidateAndBuild()
	if err != nil {
		return nil, err
	}
	rent, err := system.NewTransferInstruction(uint64(markerRent), c.treasury, marker).ValidateAndBuild()
	if err != nil {
		return nil, err
	}
	// Not CreateAccountWithSeed: that fails once a stranger has sent the address
	// a lamport.
	allocate, err := system.NewAllocateWithSeedInstruction(c.treasury, c.markerSeed(b.Seq), 0, markerOwner, marker, c.treasury).ValidateAndBuild()
	if err != nil {
		return nil, err
	}
	list := []sol.Instruction{limit, price, rent, allocate, c.memo(b)}
	for _, p := range b.Payouts {
		if p.New {
			list = append(list, c.openAccount(sol.PublicKey(p.Account), sol.PublicKey(p.Address)))
		}
		pay, err := spl.NewTransferInstruction(uint64(p.Units), c.account, sol.PublicKey(p.Account), c.treasury, nil).ValidateAndBuild()
		if err != nil {
			return nil, err
		}
		list = append(list, pay)
	}
	return sol.NewTransaction(list, recent, sol.TransactionPayer(c.treasury))
}

// memo is built by hand: the library puts a length before the text. A commitment
// bears the router's signature too.
func (c *Chain) memo(b settle.Batch) sol.Instruction {
	var signers sol.AccountMetaSlice
	if b.Kind == settle.KindCommit {
		signers = append(signers, sol.Meta(sol.PublicKey(c.witness.Public())).SIGNER())
	}
	return sol.NewInstruction(sol.MemoProgramID, signers, []byte(b.Memo))
}

// createIdempotent is the associated token program's instruction that succeeds
// where the account is there already. The library has only the other one.
const createIdempotent = 1

func (c *Chain) openAccount(account, owner sol.PublicKey) sol.Instruction {
	return sol.NewInstruction(sol.SPLAssociatedTokenAccountProgramID, sol.AccountMetaSlice{
		sol.Meta(c.treasury).WRITE().SIGNER(), sol.Meta(account).WRITE(), sol.Meta(owner),
		sol.Meta(c.mint), sol.Meta(sol.SystemProgramID), sol.Meta(sol.TokenProgramID),
	}, []byte{createIdempotent})
}

// payoutOf is which payout an instruction belongs to; -1 for those before.
func payoutOf(b settle.Batch, instruction int) int {
	at := lead
	for i, p := range b.Payouts {
		if p.New {
			at++
		}
		at++
		if instruction >= lead && instruction < at {
			return i
		}
	}
	return -1
}

// Size implements settle.Chain by arithmetic, since a plan asks for it once per
// payout.
func (c *Chain) Size(b settle.Batch) (size, limit int) {
	const (
		signature, header, recent, key = 64, 3, 32, 32
		budgets                        = 3 + 5 + 3 + 9                            // program, counts, data
		markerRent                     = 3 + 2 + 12                               //
		allocate                       = 3 + 2 + 4 + 32 + 8 + seedLength + 8 + 32 // kind, base, seed with length, space, owner
		transfer, open                 = 3 + 3 + 9, 3 + 6 + 1
	)
	signers := 1
	keys := map[sol.PublicKey]struct{}{
		c.treasury: {}, {1}: {}, sol.SystemProgramID: {}, sol.MemoProgramID: {}, sol.ComputeBudget: {}, // {1} is the marker
	}
	memo := 1 + compact(0) + compact(len(b.Memo)) + len(b.Memo)
	if witness := sol.PublicKey(c.witness.Public()); b.Kind == settle.KindCommit {
		memo++
		if witness != c.treasury {
			signers++
			keys[witness] = struct{}{}
		}
	}
	instructions, payouts := lead, 0
	for _, p := range b.Payouts {
		keys[c.account], keys[sol.PublicKey(p.Account)], keys[sol.TokenProgramID] = struct{}{}, struct{}{}, struct{}{}
		payouts += transfer
		instructions++
		if p.New {
			keys[sol.PublicKey(p.Address)], keys[c.mint], keys[sol.SPLAssociatedTokenAccountProgramID] = struct{}{}, struct{}{}, struct{}{}
			payouts += open
			instructions++
		}
	}
	size = compact(signers) + signers*signature + header + compact(len(keys)) + len(keys)*key + recent +
		compact(instructions) + budgets + markerRent + allocate + memo + payouts
	return size, maxWire
}

// compact is how many bytes a length takes in Solana's encoding.
func compact(n int) int {
	switch {
	case n < 1<<7:
		return 1
	case n < 1<<14:
		return 2
	}
	return 3
}
