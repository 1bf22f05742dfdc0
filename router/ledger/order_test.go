package ledger_test

import (
	"os"
	"testing"
	"time"
)

// A caller that closes the next epoch after a close that failed half-way must
// not lose what the failed one earned: cumulative amounts build on it.
func TestEpochsCloseInOrder(t *testing.T) {
	for calls := 1; ; calls++ {
		d, ctx := openDesk(t), t.Context()
		if _, err := d.Current(ctx); err != nil {
			t.Fatal(err)
		}
		d.work(t, 1, 500)
		d.now = d.now.Add(time.Minute)
		if _, err := d.restart(t, &breaking{d.store, calls, false}).Close(ctx, 1); err == nil {
			break
		}
		current, err := d.Current(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if current.Number == 1 {
			continue // nothing had happened yet
		}
		d.work(t, 2, 700)
		d.now = d.now.Add(time.Minute)
		if _, err := d.Close(ctx, 2); err != nil {
			t.Fatalf("failed at call %d: %v", calls, err)
		}
		d.verify(t, d.Ledger, 1)
		d.verify(t, d.Ledger, 2) // against epoch 1: cumulative amounts go on
	}
}

// After restoring an older database the file of what was published stays.
func TestForeignFileIsNotReplaced(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	d.now = d.now.Add(time.Minute)
	if _, err := d.Current(ctx); err != nil {
		t.Fatal(err)
	}
	other := openDesk(t)
	if _, err := other.Current(ctx); err != nil {
		t.Fatal(err)
	}
	other.work(t, 1, 900)
	if _, err := other.Close(ctx, 1); err != nil {
		t.Fatal(err)
	}
	published, err := os.ReadFile(other.Path(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.Path(1), published, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Close(ctx, 1); err == nil {
		t.Error("closed over another timeline's file")
	}
	if now, _ := os.ReadFile(d.Path(1)); string(now) != string(published) {
		t.Error("the published file was replaced")
	}
}
