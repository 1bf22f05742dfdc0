//go:build chain

package solana_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/solana"
	"github.com/fallow-network/fallow/router/solana/svm"
)

// runtime is the one Solana runtime of this test process.
var runtime = sync.OnceValues(func() (*svm.Runtime, error) {
	if err := svm.Install(context.Background()); err != nil {
		return nil, err
	}
	return svm.Start(context.Background())
})

func TestMain(m *testing.M) {
	code := m.Run()
	if r, err := runtime(); err == nil {
		_ = r.Close()
	}
	os.Exit(code)
}

var worlds sync.Map

// newWorld is a chain of its own, whose blocks come with requests.
func newWorld(t testing.TB, name string) *svm.World {
	t.Helper()
	r, err := runtime()
	if err != nil {
		t.Fatal(err)
	}
	if _, used := worlds.LoadOrStore(name, true); used {
		t.Fatalf("world %s is used twice", name)
	}
	w := r.World(name)
	must(t, w.PerRequest(t.Context(), 1))
	t.Cleanup(func() { _ = w.End(context.Background()) })
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// key is one of many keys that are the same in every run.
func key(world string, n int) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", world, n))
	return ed25519.NewKeyFromSeed(seed[:])
}

// town is a world with a treasury, and everything to settle on it.
type town struct {
	*svm.World
	name     string
	treasury ed25519.PrivateKey
	router   ed25519.PrivateKey
	mint     wire.Key
	chain    *solana.Chain
}

var quiet = slog.New(slog.DiscardHandler)

const treasuryUnits = 1_000_000_000

func newTown(t testing.TB, name string) *town {
	t.Helper()
	w := &town{World: newWorld(t, name), name: name, treasury: key(name, 1_000_001), router: key(name, 1_000_002), mint: wire.KeyOf(key(name, 1_000_003))}
	must(t, w.Fund(t.Context(), wire.KeyOf(w.treasury), 10_000_000_000))
	must(t, w.Mint(t.Context(), w.mint, wire.KeyOf(w.treasury)))
	w.chain = w.connect(t, 2)
	must(t, w.Give(t.Context(), w.chain.Account(wire.KeyOf(w.treasury)), w.mint, wire.KeyOf(w.treasury), treasuryUnits, false))
	return w
}

func (w *town) connect(t testing.TB, endpoints int) *solana.Chain {
	t.Helper()
	cfg := solana.Config{Mint: w.mint, Priority: 1000}
	for i := range endpoints {
		cfg.Endpoints = append(cfg.Endpoints, w.Endpoint(i))
	}
	chain, err := solana.New(t.Context(), cfg, settle.KeySigner{Private: w.treasury}, settle.KeySigner{Private: w.router})
	must(t, err)
	return chain
}

func (w *town) node(n int) wire.Key { return wire.KeyOf(key(w.name, n)) }

// open gives an address an empty token account.
func (w *town) open(t testing.TB, address wire.Key) {
	t.Helper()
	must(t, w.Give(t.Context(), w.chain.Account(address), w.mint, address, 0, false))
}

// holds is what an address has of the token, asked straight from the chain.
func (w *town) holds(t testing.TB, address wire.Key) settle.Units {
	t.Helper()
	client, err := jsonrpc.New(w.Endpoint(99))
	must(t, err)
	var answer struct {
		Value *struct{ Data [2]string }
	}
	must(t, client.Call(t.Context(), &answer, "getAccountInfo", w.chain.Account(address).String(),
		map[string]any{"encoding": "base64", "commitment": "processed"}))
	if answer.Value == nil {
		return 0
	}
	raw, err := decode64(answer.Value.Data[0])
	must(t, err)
	if len(raw) != 165 {
		return 0
	}
	return settle.Units(binary.LittleEndian.Uint64(raw[64:]))
}

// clock does not wait: a poll takes no time, and time passes only by asking.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// books is a ledger with epochs that a test writes.
type books struct {
	epochs map[uint64][]settle.Due
}

func (b *books) Epoch(_ context.Context, number uint64) (settle.Epoch, error) {
	if number == 0 {
		for n := range b.epochs {
			number = max(number, n)
		}
	}
	if _, ok := b.epochs[number]; !ok {
		return settle.Epoch{}, fmt.Errorf("epoch %d: %w", number, settle.ErrNotReady)
	}
	e := settle.Epoch{Number: number}
	e.Root, e.File, e.Nodes = [32]byte{byte(number), 1}, [32]byte{byte(number), 2}, uint64(len(b.epochs[number]))
	for _, d := range b.epochs[number] {
		e.PointsEver += d.Points
		e.RoyaltiesEver += d.Royalty
	}
	return e, nil
}

func (b *books) Dues(_ context.Context, epoch uint64) ([]settle.Due, error) {
	return b.epochs[epoch], nil
}

func payConfig(w *town) settle.Config {
	cfg := settle.DefaultConfig()
	cfg.Mode, cfg.Mint, cfg.Rate = settle.ModePay, w.mint, settle.Rate{Units: 3, Points: 1000}
	cfg.Threshold, cfg.AccountThreshold = 1, 1
	cfg.SpendingCap, cfg.AccountBudget = 1_000_000_000, 1_000_000_000
	return cfg
}

func newSettler(t testing.TB, db settle.DB, ledger settle.Ledger, chain settle.Chain, cfg settle.Config) *settle.Settler {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() && os.Getenv("FALLOW_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s, err := settle.New(log, newClock(), db, ledger, chain, settleMetrics(), cfg)
	must(t, err)
	return s
}

func settleMetrics() *settle.Metrics { return settle.NewMetrics(prometheus.NewRegistry()) }
