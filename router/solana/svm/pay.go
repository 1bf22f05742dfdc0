package svm

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"

	sol "github.com/gagliardetto/solana-go"
	spl "github.com/gagliardetto/solana-go/programs/token"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
)

// Pay sends a token from one wallet's account to another's, as a buyer's wallet
// does that was shown a Solana Pay URL: each reference stands among the
// transfer's accounts. It does not wait for the transaction to land.
func (w *World) Pay(ctx context.Context, from ed25519.PrivateKey, to, mint wire.Key, units uint64, references ...wire.Key) error {
	rpc, err := jsonrpc.New(w.Endpoint(0))
	if err != nil {
		return err
	}
	var recent struct {
		Value struct{ Blockhash string }
	}
	if err := rpc.Call(ctx, &recent, "getLatestBlockhash"); err != nil {
		return err
	}
	hash, err := sol.HashFromBase58(recent.Value.Blockhash)
	if err != nil {
		return fmt.Errorf("read a block hash: %w", err)
	}
	payer := sol.PublicKey(wire.KeyOf(from))
	source, _, err := sol.FindAssociatedTokenAddress(payer, sol.PublicKey(mint))
	if err != nil {
		return err
	}
	target, _, err := sol.FindAssociatedTokenAddress(sol.PublicKey(to), sol.PublicKey(mint))
	if err != nil {
		return err
	}
	transfer, err := spl.NewTransferInstruction(units, source, target, payer, nil).ValidateAndBuild()
	if err != nil {
		return err
	}
	data, err := transfer.Data()
	if err != nil {
		return err
	}
	accounts := transfer.Accounts()
	for _, r := range references {
		accounts = append(accounts, sol.Meta(sol.PublicKey(r)))
	}
	tx, err := sol.NewTransaction([]sol.Instruction{sol.NewInstruction(sol.TokenProgramID, accounts, data)}, hash, sol.TransactionPayer(payer))
	if err != nil {
		return err
	}
	private := sol.PrivateKey(from)
	if _, err := tx.Sign(func(sol.PublicKey) *sol.PrivateKey { return &private }); err != nil {
		return err
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		return err
	}
	var signature string
	return rpc.Call(ctx, &signature, "sendTransaction", base64.StdEncoding.EncodeToString(raw), map[string]any{"encoding": "base64"})
}
