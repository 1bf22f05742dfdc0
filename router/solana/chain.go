package solana

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"

	sol "github.com/gagliardetto/solana-go"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
)

// Config is what a Chain is told.
type Config struct {
	// Endpoints are URLs of JSON-RPC endpoints of different operators. What they
	// do not agree on is not believed. Paying needs two.
	Endpoints []string
	// Mint is the classic SPL token that is paid in; zero if nothing is paid.
	Mint wire.Key
	// Priority is what is offered per compute unit beyond the base fee, in
	// millionths of a lamport; default 0.
	Priority uint64
}

const maxEndpoints = 8

// Chain is Solana as seen through several endpoints.
type Chain struct {
	endpoints []*jsonrpc.Client
	signer    settle.Signer
	witness   settle.Signer // signs commitments too, so that they can be found by its key
	priority  uint64
	markerKey [sha256.Size]byte

	treasury sol.PublicKey
	mint     sol.PublicKey
	account  sol.PublicKey // the treasury's for the mint

	mu    sync.Mutex
	rents map[uint64]int64 // by size; they do not change while a router runs
}

var _ settle.Chain = (*Chain)(nil)

// markerDomain is signed once at the start; the signature is the key that the
// addresses of markers come from. So they come back with the treasury's key
// alone.
const markerDomain = "fallow-settle-markers-v1\n"

// New makes a Chain that pays with signer. The witness, which is the router's
// own key, puts its signature on commitments. Nothing is asked of anybody yet.
func New(ctx context.Context, cfg Config, signer, witness settle.Signer) (*Chain, error) {
	c := &Chain{signer: signer, witness: witness, priority: cfg.Priority, rents: make(map[uint64]int64)}
	if len(cfg.Endpoints) == 0 || len(cfg.Endpoints) > maxEndpoints {
		return nil, fmt.Errorf("%w: settle.rpc names %d endpoints, must be 1 to %d", settle.ErrConfig, len(cfg.Endpoints), maxEndpoints)
	}
	seen := make(map[string]bool)
	for _, address := range cfg.Endpoints {
		e, err := jsonrpc.New(address)
		if err != nil {
			return nil, fmt.Errorf("%w: settle.rpc: %w", settle.ErrConfig, err)
		}
		if seen[strings.TrimSuffix(address, "/")] {
			return nil, fmt.Errorf("%w: settle.rpc names %s twice: two endpoints are there to check each other", settle.ErrConfig, e.Host())
		}
		seen[strings.TrimSuffix(address, "/")] = true
		c.endpoints = append(c.endpoints, e)
	}
	if !cfg.Mint.IsZero() && len(c.endpoints) < 2 {
		return nil, fmt.Errorf("%w: settle.rpc names one endpoint: paying needs two of different operators, so that one that lies or lags is seen", settle.ErrConfig)
	}
	signature, err := signer.Sign(ctx, []byte(markerDomain))
	if err != nil {
		return nil, fmt.Errorf("ask the treasury's signer: %w", err)
	}
	c.markerKey = sha256.Sum256(signature)
	c.treasury, c.mint = sol.PublicKey(signer.Public()), sol.PublicKey(cfg.Mint)
	c.account = c.accountOf(c.treasury)
	return c, nil
}

// Treasury implements settle.Chain.
func (c *Chain) Treasury() wire.Key { return wire.Key(c.treasury) }

// Account implements settle.Chain.
func (c *Chain) Account(address wire.Key) wire.Key {
	return wire.Key(c.accountOf(sol.PublicKey(address)))
}

// accountOf is an owner's associated token account for the mint. It fails for
// one key in 2^255, which then has the zero account, which nobody can pay.
func (c *Chain) accountOf(owner sol.PublicKey) sol.PublicKey {
	account, _, err := sol.FindAssociatedTokenAddress(owner, c.mint)
	if err != nil {
		return sol.PublicKey{}
	}
	return account
}

// everywhere asks all endpoints at once. All have to answer.
func everywhere[T any](ctx context.Context, c *Chain, ask func(context.Context, *jsonrpc.Client) (T, error)) ([]T, error) {
	answers, errs := make([]T, len(c.endpoints)), make([]error, len(c.endpoints))
	var all sync.WaitGroup
	for i, e := range c.endpoints {
		all.Go(func() { answers[i], errs[i] = ask(ctx, e) })
	}
	all.Wait()
	return answers, errors.Join(errs...)
}

// agreed asks all endpoints and wants the same answer from each.
func agreed[T comparable](ctx context.Context, c *Chain, what string, ask func(context.Context, *jsonrpc.Client) (T, error)) (T, error) {
	answers, err := everywhere(ctx, c, ask)
	if err != nil {
		var none T
		return none, err
	}
	for i, a := range answers {
		if a != answers[0] {
			return a, fmt.Errorf("%w: %s: %s says %v, %s says %v", settle.ErrDisagree, what, c.endpoints[0].Host(), answers[0], c.endpoints[i].Host(), a)
		}
	}
	return answers[0], nil
}
