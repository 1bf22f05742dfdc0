package journal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/wire"
)

type parties struct{ router, node ed25519.PrivateKey }

func newParties(t testing.TB) parties {
	t.Helper()
	_, router, err1 := ed25519.GenerateKey(nil)
	_, node, err2 := ed25519.GenerateKey(nil)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return parties{router, node}
}

func (p parties) receipt(epoch uint64, job string, seq, down uint64) wire.Receipt {
	r := wire.Receipt{
		Router: wire.KeyOf(p.router), Node: wire.KeyOf(p.node), Epoch: epoch, Job: job, Sequence: seq, BytesDown: down,
	}
	r.SignRouter(p.router)
	r.SignNode(p.node)
	return r
}

func openReceipts(t testing.TB, dir string) *journal.Receipts {
	t.Helper()
	return openReceiptsAt(t, dir, fixed)
}

func openReceiptsAt(t testing.TB, dir string, now func() time.Time) *journal.Receipts {
	t.Helper()
	r, err := journal.OpenReceipts(slog.New(slog.DiscardHandler), now, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestReceiptsAreKeptAndReplaced(t *testing.T) {
	dir, p := t.TempDir(), newParties(t)
	r := openReceipts(t, dir)
	for _, receipt := range []wire.Receipt{
		p.receipt(1, "a", 1, 100), p.receipt(1, "a", 5, 200), p.receipt(2, "a", 1, 10), p.receipt(1, "b", 1, 7),
	} {
		if err := r.Save(receipt); err != nil {
			t.Fatal(err)
		}
		if err := r.Save(receipt); err != nil {
			t.Errorf("the same again: %v", err)
		}
	}
	_ = r.Close()
	r = openReceipts(t, dir)
	got := r.Newest()
	if len(got) != 3 || got[0].Sequence != 5 || got[0].BytesDown != 200 || got[1].Job != "b" || got[2].Epoch != 2 {
		t.Fatalf("held: %+v", got)
	}
	for _, receipt := range got {
		if err := errors.Join(receipt.VerifyRouter(), receipt.VerifyNode()); err != nil {
			t.Error(err)
		}
	}
	one, ok := r.Get(wire.KeyOf(p.router), 1, "a")
	if _, other := r.Get(wire.KeyOf(p.router), 3, "a"); !ok || one.Sequence != 5 || other {
		t.Errorf("one by one: %+v, %t; of no epoch: %t", one, ok, other)
	}
}

// Old epochs go when they are both many and old: neither time alone nor a router
// that makes epochs up takes a debt away.
func TestOldReceiptsAreForgotten(t *testing.T) {
	dir, p, busy, now := t.TempDir(), newParties(t), newParties(t), noon
	clock := func() time.Time { return now }
	r := openReceiptsAt(t, dir, clock)
	save := func(p parties, epoch uint64) {
		if err := r.Save(p.receipt(epoch, "a", 1, epoch)); err != nil {
			t.Fatal(err)
		}
	}
	again := func() int {
		_ = r.Close()
		r = openReceiptsAt(t, dir, clock)
		return len(r.Newest())
	}
	save(p, 1)
	for epoch := range uint64(410) {
		save(busy, epoch+1)
	}
	if got := again(); got != 411 {
		t.Errorf("%d receipts of today, want all 411", got)
	}
	now = now.Add(91 * 24 * time.Hour)
	save(busy, 411)
	if got := again(); got != 401 {
		t.Errorf("%d receipts after 91 days, want 400 and the other router's", got)
	}
	if _, ok := r.Get(wire.KeyOf(p.router), 1, "a"); !ok {
		t.Error("another router's receipt is gone")
	}
	if _, ok := r.Get(wire.KeyOf(busy.router), 11, "a"); ok {
		t.Error("the oldest is still there")
	}
}

func TestOneRouterDoesNotFillTheBook(t *testing.T) {
	dir, p, greedy := t.TempDir(), newParties(t), newParties(t)
	const most = 25_000
	var file []byte
	template := greedy.receipt(1, "a", 1, 1)
	for epoch := range uint64(most) { // as if saved one by one
		template.Epoch = epoch + 1
		body, err := json.Marshal(template)
		if err != nil {
			t.Fatal(err)
		}
		file = fmt.Appendf(file, "%08x %s\n", crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)), body)
	}
	if err := os.WriteFile(filepath.Join(dir, journal.ReceiptsFile), file, 0o600); err != nil {
		t.Fatal(err)
	}
	r := openReceipts(t, dir)
	if err := r.Save(greedy.receipt(most+1, "a", 1, 1)); !errors.Is(err, journal.ErrReceiptsFull) {
		t.Errorf("one more of the router: %v", err)
	}
	if err := r.Save(greedy.receipt(most, "a", 2, 2)); err != nil {
		t.Errorf("a later one of an epoch held: %v", err)
	}
	if err := r.Save(p.receipt(1, "a", 1, 1)); err != nil {
		t.Errorf("of another router: %v", err)
	}
}

func TestReceiptsNeverGoBack(t *testing.T) {
	p := newParties(t)
	r := openReceipts(t, t.TempDir())
	if err := r.Save(p.receipt(1, "a", 5, 200)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		receipt wire.Receipt
		want    error
	}{
		"older":              {p.receipt(1, "a", 4, 300), journal.ErrReceiptStale},
		"same number, other": {p.receipt(1, "a", 5, 300), journal.ErrReceiptStale},
		"newer but less":     {p.receipt(1, "a", 6, 199), journal.ErrReceiptShrunk},
		"not signed by node": {func() wire.Receipt { x := p.receipt(1, "a", 6, 300); x.NodeSig = nil; return x }(), wire.ErrReceiptSignature},
		"changed after":      {func() wire.Receipt { x := p.receipt(1, "a", 6, 300); x.BytesDown++; return x }(), wire.ErrReceiptSignature},
		"signed by another": {func() wire.Receipt {
			x := newParties(t).receipt(1, "a", 6, 300)
			x.Router = wire.KeyOf(p.router)
			return x
		}(), wire.ErrReceiptSignature},
	} {
		if err := r.Save(c.receipt); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := r.Newest(); len(got) != 1 || got[0].Sequence != 5 || got[0].BytesDown != 200 {
		t.Errorf("held: %+v", got)
	}
}

// Save has returned before the cut, so whatever the cut tears, it is not that.
func TestReceiptsTornAtEveryByte(t *testing.T) {
	t.Parallel()
	dir, p := t.TempDir(), newParties(t)
	r := openReceipts(t, dir)
	for seq := range uint64(3) {
		if err := r.Save(p.receipt(1, "a", seq+1, seq)); err != nil {
			t.Fatal(err)
		}
	}
	_ = r.Close()
	whole, err := os.ReadFile(filepath.Join(dir, journal.ReceiptsFile))
	if err != nil {
		t.Fatal(err)
	}
	for cut := bytes.LastIndexByte(whole[:len(whole)-1], '\n') - 5; cut <= len(whole); cut++ {
		torn := t.TempDir()
		if err := os.WriteFile(filepath.Join(torn, journal.ReceiptsFile), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		r := openReceipts(t, torn)
		want, got := uint64(bytes.Count(whole[:cut], []byte("\n"))), uint64(0)
		for _, receipt := range r.Newest() {
			got = receipt.Sequence
		}
		if got != want {
			t.Fatalf("cut at %d: newest is %d, want %d", cut, got, want)
		}
		if err := r.Save(p.receipt(1, "a", 9, 99)); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		_ = r.Close()
	}
}

func TestDamagedReceiptIsLeftOutAndTheFileKept(t *testing.T) {
	dir, p := t.TempDir(), newParties(t)
	r := openReceipts(t, dir)
	for _, job := range []string{"a", "b", "c"} {
		if err := r.Save(p.receipt(1, job, 1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	_ = r.Close()
	path := filepath.Join(dir, journal.ReceiptsFile)
	whole, _ := os.ReadFile(path)
	whole[bytes.IndexByte(whole, '\n')+100] ^= 1
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := openReceipts(t, dir).Newest(); len(got) != 2 || got[0].Job != "a" || got[1].Job != "c" {
		t.Errorf("held: %+v", got)
	}
	if kept, err := os.ReadFile(path + ".damaged"); err != nil || !bytes.Equal(kept, whole) {
		t.Errorf("kept %d bytes, %v", len(kept), err)
	}
}

func TestReceiptsFileStaysSmall(t *testing.T) {
	dir, p := t.TempDir(), newParties(t)
	r := openReceipts(t, dir)
	for seq := range uint64(200) {
		if err := r.Save(p.receipt(1, "a", seq+1, seq)); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, journal.ReceiptsFile))
	if err != nil || info.Size() > 64_000 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	_ = r.Close()
	if got := openReceipts(t, dir).Newest(); len(got) != 1 || got[0].Sequence != 200 {
		t.Errorf("held: %+v", got)
	}
}

func TestReceiptsConcurrently(t *testing.T) {
	p := newParties(t)
	r := openReceipts(t, t.TempDir())
	var all sync.WaitGroup
	for _, job := range []string{"a", "b", "c", "d"} {
		all.Go(func() {
			for seq := range uint64(20) {
				if err := r.Save(p.receipt(1, job, seq+1, seq)); err != nil {
					t.Error(err)
				}
				_ = r.Newest()
			}
		})
	}
	all.Wait()
	if got := r.Newest(); len(got) != 4 || got[3].Sequence != 20 {
		t.Errorf("held: %+v", got)
	}
}

func FuzzReceipts(f *testing.F) {
	dir, p := f.TempDir(), newParties(f)
	r := openReceipts(f, dir)
	if err := r.Save(p.receipt(1, "a", 1, 1)); err != nil {
		f.Fatal(err)
	}
	_ = r.Close()
	whole, _ := os.ReadFile(filepath.Join(dir, journal.ReceiptsFile))
	f.Add(whole)
	f.Add(whole[:50])
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, journal.ReceiptsFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		held := openReceipts(t, dir)
		n := len(held.Newest())
		_ = held.Close()
		if again := openReceipts(t, dir).Newest(); len(again) != n {
			t.Errorf("%d receipts, then %d", n, len(again))
		}
	})
}
