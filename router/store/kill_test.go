package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/store"
)

const childEnv = "FALLOW_STORE_TEST_CHILD" // path of the database the child writes to

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := saveForEver(path, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// saveForEver saves receipts with rising sequences and prints each sequence
// once it is saved, until somebody kills it.
func saveForEver(path string, acks io.Writer) error {
	ctx := context.Background()
	s, err := store.Open(ctx, path, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	last, err := s.LastReceipts(ctx, wire.KeyOf(private(2)))
	if err != nil {
		return err
	}
	sequence := uint64(0)
	if len(last) > 0 {
		sequence = last[0].Sequence
	}
	for {
		sequence++
		if err := s.SaveReceipt(ctx, countersigned(2, sequence, sequence*7)); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(acks, sequence); err != nil {
			return err
		}
	}
}

// TestKill kills a writing process twenty times. Whatever it has acknowledged
// is there afterwards, and the next process can open the database at once.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "router.db")
	s := open(t, path)
	startEpoch(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		acked := killOne(t, path)
		s := open(t, path)
		list, err := s.LastReceipts(t.Context(), wire.KeyOf(private(2)))
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 1 || list[0].Sequence < acked || list[0].BytesDown != list[0].Sequence*7 {
			t.Fatalf("%d was acknowledged, found %+v", acked, list)
		}
		if err := list[0].VerifyNode(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killOne is the last sequence a child acknowledged before it was killed.
func killOne(t *testing.T, path string) uint64 {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var acked uint64
	for lines.Scan() {
		if acked, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
			t.Fatal(err)
		}
		if child.ProcessState == nil && rand.IntN(20) == 0 {
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
			_ = child.Process.Kill() // what it printed until now is still read
		}
	}
	if acked == 0 {
		t.Fatal("the child acknowledged nothing")
	}
	_ = child.Wait() // killed, so never nil
	return acked
}
