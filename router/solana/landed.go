package solana

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	sol "github.com/gagliardetto/solana-go"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
)

// Bounds on looking for the transaction that made a marker: strangers can name
// its address in theirs.
const (
	pageSignatures = 1_000
	maxPages       = 10
	maxCandidates  = 50
)

// Landed implements settle.Chain.
func (c *Chain) Landed(ctx context.Context, seq uint64) (settle.Landing, bool, error) {
	marker, err := c.marker(seq)
	if err != nil {
		return settle.Landing{}, false, err
	}
	exists, err := agreed(ctx, c, fmt.Sprintf("whether the marker of payment %d exists", seq), func(ctx context.Context, e *jsonrpc.Client) (bool, error) {
		var answer valued[*account]
		err := e.Call(ctx, &answer, "getAccountInfo", marker, final.in("encoding", "base64"))
		// Anybody can send lamports there; only the treasury can give it away.
		return answer.Value != nil && answer.Value.Owner == markerOwner, err
	})
	if err != nil || !exists {
		return settle.Landing{}, false, err
	}
	landings, err := everywhere(ctx, c, func(ctx context.Context, e *jsonrpc.Client) (*settle.Landing, error) {
		return c.origin(ctx, e, marker)
	})
	if err != nil {
		return settle.Landing{}, true, err
	}
	var origin *settle.Landing
	for _, l := range landings {
		switch {
		case l == nil: // without history
		case origin == nil:
			origin = l
		case !same(*origin, *l):
			return settle.Landing{}, true, fmt.Errorf("%w: on the transaction of payment %d", settle.ErrDisagree, seq)
		}
	}
	if origin == nil {
		return settle.Landing{}, true, fmt.Errorf("payment %d: %w", seq, settle.ErrHistory)
	}
	return *origin, true, nil
}

func same(a, b settle.Landing) bool {
	return a.Signature == b.Signature && a.Memo == b.Memo && a.Spent == b.Spent && slices.Equal(a.Transfers, b.Transfers)
}

// origin finds the transaction that made a marker, nil if this endpoint does not
// have it any more.
func (c *Chain) origin(ctx context.Context, e *jsonrpc.Client, marker sol.PublicKey) (*settle.Landing, error) {
	candidates, err := signatures(ctx, e, marker)
	if err != nil {
		return nil, err
	}
	// Nothing but the origin can come before it, save gifts of lamports.
	slices.Reverse(candidates)
	for i, candidate := range candidates {
		if i == maxCandidates {
			break
		}
		l, err := c.read(ctx, e, candidate, marker)
		if err != nil || l != nil {
			return l, err
		}
	}
	return nil, nil
}

// signatures are those of all successful final transactions that name an
// account, newest first.
func signatures(ctx context.Context, e *jsonrpc.Client, key sol.PublicKey) ([]sol.Signature, error) {
	var list []sol.Signature
	options := final.in("limit", pageSignatures)
	for range maxPages {
		var page []signatureInfo
		if err := e.Call(ctx, &page, "getSignaturesForAddress", key, options); err != nil {
			return nil, err
		}
		for _, info := range page {
			if len(info.Err) == 0 || string(info.Err) == "null" {
				list = append(list, info.Signature)
			}
		}
		if len(page) < pageSignatures {
			return list, nil
		}
		options = options.in("before", page[len(page)-1].Signature)
	}
	return nil, fmt.Errorf("%s knows more than %d transactions for %s", e.Host(), maxPages*pageSignatures, key)
}

// transaction is a final and successful transaction with its signatures checked,
// so that its content is as it was signed whatever the endpoint is like; nil if
// there is none.
func transaction(ctx context.Context, e *jsonrpc.Client, signature sol.Signature) (*sol.Transaction, *landed, error) {
	var answer landed
	err := e.Call(ctx, &answer, "getTransaction", signature, final.in("encoding", "base64").in("maxSupportedTransactionVersion", 0))
	if errors.Is(err, jsonrpc.ErrNothing) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if answer.Meta == nil {
		return nil, nil, fmt.Errorf("getTransaction of %s answers without what the transaction did", e.Host())
	}
	if len(answer.Meta.Err) > 0 && string(answer.Meta.Err) != "null" {
		return nil, nil, nil
	}
	tx, err := decode(answer.Transaction)
	if err == nil {
		err = tx.VerifySignatures()
	}
	if err == nil && (len(tx.Signatures) == 0 || tx.Signatures[0] != signature) {
		err = errors.New("it is another transaction")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("getTransaction of %s: %w", e.Host(), err)
	}
	return tx, &answer, nil
}

// read reads a transaction as a landing; nil if it did not make the marker.
func (c *Chain) read(ctx context.Context, e *jsonrpc.Client, signature sol.Signature, marker sol.PublicKey) (*settle.Landing, error) {
	tx, answer, err := transaction(ctx, e, signature)
	if err != nil || tx == nil || !makes(tx, marker) || tx.Message.AccountKeys[0] != c.treasury {
		return nil, err
	}
	l := &settle.Landing{Signature: signature.String()}
	opened := make(map[sol.PublicKey]bool)
	for _, in := range tx.Message.Instructions {
		keys := accountsOf(tx, in)
		switch tx.Message.AccountKeys[in.ProgramIDIndex] {
		case sol.MemoProgramID:
			l.Memo = string(in.Data)
		case sol.SPLAssociatedTokenAccountProgramID:
			if len(keys) > 1 {
				opened[keys[1]] = true
			}
		case sol.TokenProgramID:
			if len(keys) >= 3 && len(in.Data) == 9 && in.Data[0] == 3 && keys[0] == c.account {
				units := binary.LittleEndian.Uint64(in.Data[1:])
				if units > math.MaxInt64 {
					return nil, fmt.Errorf("transaction %s moves %d", signature, units)
				}
				l.Transfers = append(l.Transfers, settle.Transfer{Account: wire.Key(keys[1]), Units: settle.Units(units), New: opened[keys[1]]})
				opened[keys[1]] = false
			}
		}
	}
	change, err := change(tx, answer, c.account)
	if err != nil {
		return nil, fmt.Errorf("getTransaction of %s: %w", e.Host(), err)
	}
	l.Spent = settle.Units(-change)
	return l, nil
}

// allocateWithSeed is the number of that instruction of the system program.
const allocateWithSeed = 9

// makes says whether tx allocates the marker.
func makes(tx *sol.Transaction, marker sol.PublicKey) bool {
	for _, in := range tx.Message.Instructions {
		keys := accountsOf(tx, in)
		if tx.Message.AccountKeys[in.ProgramIDIndex] == sol.SystemProgramID && len(in.Data) > 4 &&
			binary.LittleEndian.Uint32(in.Data) == allocateWithSeed && len(keys) > 0 && keys[0] == marker {
			return true
		}
	}
	return false
}

// accountsOf are the accounts of an instruction, as far as the transaction names
// them itself.
func accountsOf(tx *sol.Transaction, in sol.CompiledInstruction) []sol.PublicKey {
	var list []sol.PublicKey
	for _, i := range in.Accounts {
		if int(i) >= len(tx.Message.AccountKeys) {
			return nil
		}
		list = append(list, tx.Message.AccountKeys[i])
	}
	return list
}

// change is by how much the transaction changed what a token account holds.
func change(tx *sol.Transaction, answer *landed, key sol.PublicKey) (int64, error) {
	at := func(list []tokenBalance) (int64, error) {
		for _, b := range list {
			if b.Index >= 0 && b.Index < len(tx.Message.AccountKeys) && tx.Message.AccountKeys[b.Index] == key {
				return strconv.ParseInt(b.Amount.Amount, 10, 64)
			}
		}
		return 0, nil
	}
	before, err := at(answer.Meta.Pre)
	if err != nil {
		return 0, err
	}
	after, err := at(answer.Meta.Post)
	return after - before, err
}
