package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/store"
)

func tryOpen(ctx context.Context, path string) error {
	s, err := store.Open(ctx, path, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return s.Close()
}

func TestOpenTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a ?#%20b.db") // characters a URI would misread
	first := open(t, path)
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	if err := tryOpen(t.Context(), path); !errors.Is(err, store.ErrInUse) {
		t.Fatalf("while it is open: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := tryOpen(t.Context(), path); err != nil {
		t.Fatalf("once it is closed: %v", err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "router.db")
	if err := tryOpen(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := tryOpen(t.Context(), path); !errors.Is(err, store.ErrNewer) {
		t.Fatalf("got %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Fatalf("refusing it changed the file (%v)", err)
	}
}

func TestOpenWhatCannotBe(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tryOpen(t.Context(), garbage); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("garbage: %v", err)
	}
	if err := tryOpen(t.Context(), filepath.Join(dir, "none", "router.db")); err == nil {
		t.Error("a missing folder was accepted")
	}
}

func TestReadersBesideTheWriter(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	var wg sync.WaitGroup
	errs := make(chan error, 1000)
	for node := range byte(4) {
		wg.Go(func() {
			for sequence := range uint64(25) {
				if err := s.SaveReceipt(ctx, countersigned(node+2, sequence+1, sequence*10)); err != nil {
					errs <- err
				}
			}
		})
		wg.Go(func() {
			var last uint64
			for range 50 {
				list, err := s.LastReceipts(ctx, wire.KeyOf(private(node+2)))
				switch {
				case err != nil:
					errs <- err
				case len(list) > 0 && list[0].Sequence < last:
					errs <- fmt.Errorf("sequence went from %d to %d", last, list[0].Sequence)
				case len(list) > 0:
					last = list[0].Sequence
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	if list, err := s.Receipts(ctx, 1); err != nil || len(list) != 4 || list[3].Sequence != 25 {
		t.Fatalf("%+v, %v", list, err)
	}
}
