package settle_test

import (
	"errors"
	"os"
	"testing"

	"github.com/fallow-network/fallow/router/settle"
)

func crowd() []settle.Due {
	var dues []settle.Due
	for n := range byte(10) {
		dues = append(dues, due(n, 1000+int64(n)))
	}
	return dues
}

func (b *bench) allPaid(dues []settle.Due) {
	b.t.Helper()
	for _, d := range dues {
		b.holds(d.Node[0], settle.Units(d.Points/1000)+d.Royalty)
	}
}

func TestFaults(t *testing.T) {
	for name, arm := range map[string]func(d *double){
		"none":   func(*double) {},
		"lost":   func(d *double) { d.drop = 40 },
		"deaf":   func(d *double) { d.deaf = 30 },
		"undone": func(d *double) { d.undone = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, crowd()...)
			arm(b.chain)
			b.run(1)
			b.allPaid(b.book[1])
			if r := b.run(1); r.Batches != 0 || r.Units != 0 {
				t.Errorf("run again: %+v", r)
			}
		})
	}
}

// TestUnknownIsNotAReason: as long as nobody can tell what has become of a
// transaction, nothing else is signed.
func TestUnknownIsNotAReason(t *testing.T) {
	b := newBench(t, crowd()...)
	b.cfg.Patience = b.cfg.Poll * 3
	hush := b.settlerOn(hushed{b.chain})
	_, err := hush.Run(t.Context(), 1)
	if !errors.Is(err, settle.ErrUnknown) {
		t.Fatalf("nobody answers: %v", err)
	}
	signed := b.chain.signed
	if _, err := hush.Run(t.Context(), 1); !errors.Is(err, settle.ErrUnknown) || b.chain.signed != signed {
		t.Fatalf("still nobody: %v, %d signatures more", err, b.chain.signed-signed)
	}
	b.run(1)
	b.allPaid(b.book[1])
}

// TestRefusedPayout leaves out what the chain refuses and pays the others.
func TestRefusedPayout(t *testing.T) {
	b := newBench(t, crowd()...)
	b.chain.refuse[b.chain.Account(node(4))] = true
	r := b.run(1)
	if len(r.Held) != 1 || r.Held[0].Node != node(4) || r.Held[0].Reason != settle.HeldRefused {
		t.Fatalf("%+v", r)
	}
	b.holds(4, 0)
	b.holds(5, 1005)
	b.chain.refuse = nil
	b.run(1)
	b.allPaid(b.book[1])
}

// TestTwoRouters has two routers with one treasury and databases of their own.
func TestTwoRouters(t *testing.T) {
	a := newBench(t, crowd()...)
	b := newBench(t, crowd()...)
	b.chain = a.chain
	// In the middle of a's work b does everything.
	a.chain.before = func() {
		a.chain.mu.Unlock()
		defer a.chain.mu.Lock()
		b.run(1)
	}
	if r := a.run(1); r.Found == 0 {
		t.Errorf("%+v", r)
	}
	a.allPaid(a.book[1])
	a.book[2] = []settle.Due{due(1, 5000), due(2, 1002)}
	b.book[2] = a.book[2]
	b.run(2)
	a.run(2)
	a.holds(1, 5000)
	a.holds(2, 1002)
}

// TestRestoredBackup goes on from a database of before anything was paid, and
// from a ledger that did not know some nodes then.
func TestRestoredBackup(t *testing.T) {
	b := newBench(t, crowd()...)
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	backup, err := os.ReadFile(b.file)
	if err != nil {
		t.Fatal(err)
	}
	b.open()
	b.run(1)
	b.book[2] = append(crowd(), due(200, 700))
	b.run(2)
	b.holds(200, 700)
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.file, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	b.open()
	b.book = map[uint64][]settle.Due{1: crowd()} // epoch 2 and node 200 are forgotten
	if r := b.run(1); r.Units != 0 || r.Found == 0 {
		t.Errorf("%+v", r)
	}
	b.book[2] = append(crowd(), due(200, 900))
	b.run(2)
	b.allPaid(crowd())
	b.holds(200, 900)
}

func TestReconcile(t *testing.T) {
	b := newBench(t, crowd()...)
	b.chain.lieBy = 1
	if _, err := b.settler().Run(t.Context(), 1); !errors.Is(err, settle.ErrReconcile) {
		t.Fatalf("the treasury fell by more than was paid: %v", err)
	}
	b = newBench(t, crowd()...)
	b.run(1)
	r, err := b.settler().Reconcile(t.Context(), 1)
	if err != nil || len(r.Problems) > 0 || r.Batches != 4 || r.Unknown != 0 {
		t.Fatalf("%+v %v", r, err)
	}
	delete(b.chain.markers, 2)
	l := b.chain.markers[3]
	l.Spent++
	b.chain.markers[3] = l
	b.chain.markers[5] = l
	if r, err = b.settler().Reconcile(t.Context(), 1); err != nil || len(r.Problems) != 2 || r.Unknown != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	b.chain.forgets = true
	b.book[2] = crowd()
	if _, err := b.settler().Run(t.Context(), 2); !errors.Is(err, settle.ErrHistory) {
		t.Fatalf("a payment nobody remembers: %v", err)
	}
}

func TestOrderOfEpochs(t *testing.T) {
	b := newBench(t, crowd()...)
	b.book[2] = crowd()
	b.run(2)
	if _, err := b.settler().Run(t.Context(), 1); !errors.Is(err, settle.ErrSuperseded) {
		t.Fatalf("an older epoch: %v", err)
	}
	if _, err := b.settler().Run(t.Context(), 3); !errors.Is(err, settle.ErrNotReady) {
		t.Fatalf("an open epoch: %v", err)
	}
	b.cfg.Mode = settle.ModeOff
	if _, err := b.settler().Run(t.Context(), 2); !errors.Is(err, settle.ErrOff) {
		t.Fatalf("off: %v", err)
	}
}
