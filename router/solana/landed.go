package solana

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	sol "github.com/gagliardetto/solana-go"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/settle/tx"
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
		return c.origin(ctx, e, wire.Key(marker))
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
func (c *Chain) origin(ctx context.Context, e *jsonrpc.Client, marker wire.Key) (*settle.Landing, error) {
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
func signatures(ctx context.Context, e *jsonrpc.Client, key wire.Key) ([]string, error) {
	var list []string
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
func transaction(ctx context.Context, e *jsonrpc.Client, signature string) (*tx.Transaction, *landed, error) {
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
	t, err := tx.Parse(answer.Transaction)
	if err == nil && t.Signature != signature {
		err = errors.New("it is another transaction")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("getTransaction of %s: %w", e.Host(), err)
	}
	return t, &answer, nil
}

// read reads a transaction as a landing; nil if it did not make the marker.
func (c *Chain) read(ctx context.Context, e *jsonrpc.Client, signature string, marker wire.Key) (*settle.Landing, error) {
	t, answer, err := transaction(ctx, e, signature)
	if err != nil || t == nil || !makes(t, marker) || t.Keys[0] != c.Treasury() {
		return nil, err
	}
	l := &settle.Landing{Signature: signature, Memo: t.Memo()}
	opened := make(map[wire.Key]bool)
	for _, in := range t.Instructions {
		if in.Program == tx.AccountProgram {
			opened[t.Account(in, 1)] = true
		}
		if account, units, ok := t.TransferOut(in, wire.Key(c.account)); ok {
			l.Transfers = append(l.Transfers, settle.Transfer{Account: account, Units: settle.Units(units), New: opened[account]})
			opened[account] = false
		}
	}
	change, err := change(t, answer, wire.Key(c.account))
	if err != nil {
		return nil, fmt.Errorf("getTransaction of %s: %w", e.Host(), err)
	}
	l.Spent = settle.Units(-change)
	return l, nil
}

// allocateWithSeed is the number of that instruction of the system program.
const allocateWithSeed = 9

// makes says whether t allocates the marker.
func makes(t *tx.Transaction, marker wire.Key) bool {
	for _, in := range t.Instructions {
		if in.Program == wire.Key(sol.SystemProgramID) && len(in.Data) > 4 &&
			binary.LittleEndian.Uint32(in.Data) == allocateWithSeed && t.Account(in, 0) == marker {
			return true
		}
	}
	return false
}

// change is by how much the transaction changed what a token account holds.
func change(t *tx.Transaction, answer *landed, key wire.Key) (int64, error) {
	at := func(list []tokenBalance) (int64, error) {
		for _, b := range list {
			if keyAt(t, answer, b.Index) == key {
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

// keyAt is the key with that index in a transaction, lookup tables included; the
// zero key if there is none.
func keyAt(t *tx.Transaction, answer *landed, index int) wire.Key {
	for _, list := range [][]wire.Key{t.Keys, answer.Meta.Loaded.Writable, answer.Meta.Loaded.Readonly} {
		if index >= 0 && index < len(list) {
			return list[index]
		}
		index -= len(list)
	}
	return wire.Key{}
}
