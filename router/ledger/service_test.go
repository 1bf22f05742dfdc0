package ledger_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/store"
)

func TestTwoEpochs(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	for number := uint64(1); number <= 2; number++ {
		e, err := d.Current(ctx)
		if err != nil || e.Number != number || e.State != ledger.StateOpen || !e.Start.Equal(d.now) {
			t.Fatalf("%+v, %v", e, err)
		}
		d.work(t, number, 1000*number)
		d.now = d.now.Add(time.Minute)
		closed, err := d.Close(ctx, number)
		if err != nil || closed.State != ledger.StateClosed || closed.Head.Totals.Allocated() != closed.Params.Pool || closed.Seconds() != 60 {
			t.Fatalf("%+v, %v", closed, err)
		}
		if f := d.verify(t, d.Ledger, number); f.Hash != closed.Hash || f.Head.Root != closed.Root {
			t.Fatal("the file is not what was closed")
		}
	}
	lines, err := d.store.NodeStatements(ctx, wire.KeyOf(private(10)), 0)
	if err != nil || len(lines) != 2 || lines[0].Ever != lines[0].Amount+lines[1].Amount || lines[0].BytesUnsigned != 2000 {
		t.Fatalf("%+v, %v", lines, err)
	}
}

func TestCloseAgainIsTheSame(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	if _, err := d.Current(ctx); err != nil {
		t.Fatal(err)
	}
	d.work(t, 1, 500)
	first, err := d.Close(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(d.Path(1))
	if err != nil {
		t.Fatal(err)
	}

	// What is known of the nodes changes, and the file gets lost.
	d.now = d.now.Add(time.Hour)
	node := wire.KeyOf(private(10))
	if err := d.store.SeeNode(ctx, store.Node{Key: node, LastSeen: d.now, Country: "BR", Clump: clump("elsewhere").String()}); err != nil {
		t.Fatal(err)
	}
	if err := d.store.AppendStanding(ctx, store.StandingEvent{Node: node, At: d.now, Reason: wire.TLSForged}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(d.Path(1)); err != nil {
		t.Fatal(err)
	}

	again, err := d.restart(t, d.store).Close(ctx, 1)
	if err != nil || again.Hash != first.Hash || !again.End.Equal(first.End) {
		t.Fatalf("%+v, %v", again, err)
	}
	after, err := os.ReadFile(d.Path(1))
	if err != nil || string(after) != string(before) {
		t.Fatalf("the file written anew differs (%v)", err)
	}
	if e, err := d.Current(ctx); err != nil || e.Number != 2 {
		t.Fatalf("closing twice opened epoch %d (%v)", e.Number, err)
	}
}

func TestCloseWhatWasNeverOpened(t *testing.T) {
	d := openDesk(t)
	for _, number := range []uint64{0, 1, 9} {
		if _, err := d.Close(t.Context(), number); !errors.Is(err, ledger.ErrNoEpoch) {
			t.Errorf("epoch %d: %v", number, err)
		}
	}
}

func TestClockSetBack(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	if _, err := d.Current(ctx); err != nil {
		t.Fatal(err)
	}
	d.work(t, 1, 500)
	d.now = start.Add(-time.Hour)
	e, err := d.Close(ctx, 1)
	if err != nil || !e.End.Equal(start) || e.Seconds() != 0 {
		t.Fatalf("%+v, %v", e, err)
	}
	if f := d.verify(t, d.Ledger, 1); f.Head.Totals.UnallocatedAvailability == 0 {
		t.Fatal("time was paid that did not pass")
	}
}

func TestReplacedKeyIsExplained(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	if _, err := d.Current(ctx); err != nil {
		t.Fatal(err)
	}
	d.work(t, 1, 500)
	l, err := ledger.New(slog.New(slog.DiscardHandler), time.Now, d.store, ledger.DefaultConfig(filepath.Join(d.dir, "epochs")), private(2))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Close(ctx, 1); err == nil {
		t.Fatal("an epoch was published whose receipts do not verify")
	}
	if _, err := d.Close(ctx, 1); err != nil { // with the right key again
		t.Fatal(err)
	}
	d.verify(t, d.Ledger, 1)
}

// Wherever closing is cut off, starting again ends it, once.
func TestCutOffAnywhere(t *testing.T) {
	for _, after := range []bool{false, true} {
		for calls := 1; ; calls++ {
			d, ctx := openDesk(t), t.Context()
			if _, err := d.Current(ctx); err != nil {
				t.Fatal(err)
			}
			d.work(t, 1, 500)
			d.now = d.now.Add(time.Minute)
			_, err := d.restart(t, &breaking{d.store, calls, after}).Close(ctx, 1)
			if err == nil {
				break // calls are more than closing makes
			}
			if !errors.Is(err, errGone) {
				t.Fatal(err)
			}

			d.now = d.now.Add(time.Minute)
			l := d.restart(t, d.store)
			if err := l.Recover(ctx); err != nil {
				t.Fatalf("cut off at call %d: %v", calls, err)
			}
			if _, err := l.Close(ctx, 1); err != nil {
				t.Fatal(err)
			}
			d.verify(t, l, 1)
			if e, err := l.Current(ctx); err != nil || e.Number != 2 || e.State != ledger.StateOpen {
				t.Fatalf("cut off at call %d: %+v, %v", calls, e, err)
			}
		}
	}
}

func TestRecoverWritesALostFile(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	if err := d.Recover(ctx); err != nil { // nothing there yet: opens epoch 1
		t.Fatal(err)
	}
	d.work(t, 1, 500)
	if _, err := d.Close(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(d.Path(1)); err != nil {
		t.Fatal(err)
	}
	if err := d.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	d.verify(t, d.Ledger, 1)
}
