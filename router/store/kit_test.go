package store_test

import (
	"crypto/ed25519"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/store"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// fresh is a new database with epoch 1 open.
func fresh(t testing.TB) *store.Store {
	t.Helper()
	s := open(t, filepath.Join(t.TempDir(), "router.db"))
	startEpoch(t, s, 1)
	return s
}

func startEpoch(t testing.TB, s *store.Store, number uint64) {
	t.Helper()
	e := ledger.Epoch{Number: number, Start: noon.Add(time.Duration(number) * time.Hour), Params: ledger.DefaultParams()}
	if err := s.StartEpoch(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func private(id byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, 31), id))
}

// receipt is node's for job j-1 in epoch 1 with that many bytes down.
func receipt(node byte, sequence, bytes uint64) wire.Receipt {
	r := wire.Receipt{Router: wire.KeyOf(private(1)), Node: wire.KeyOf(private(node)), Epoch: 1, Job: "j-1", Sequence: sequence, BytesDown: bytes}
	r.SignRouter(private(1))
	return r
}

func countersigned(node byte, sequence, bytes uint64) wire.Receipt {
	r := receipt(node, sequence, bytes)
	r.SignNode(private(node))
	return r
}
