//go:build unix

package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// many is n nodes that carried and were online, over n/4 networks.
func many(n int) []ledger.Statement {
	nodes := make([]ledger.Statement, n)
	for i := range nodes {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(i))
		h := sha256.Sum256(b[:])
		x := binary.BigEndian.Uint64(h[:])
		var at ledger.Tag
		binary.BigEndian.PutUint64(at[:], x%uint64(n/4+1)+1)
		nodes[i] = ledger.Statement{
			Node: wire.Key(h), Standing: 1000, Country: "DE", BytesSigned: x % (1 << 34), BytesUnsigned: x % 4096,
			Presence: []ledger.Presence{{Clump: at, Seconds: 1 + x%3600}}, Ever: ledger.MicroPoints(x % (1 << 40)),
		}
	}
	return nodes
}

// Whatever the number of cores and the order of what goes in, the same bytes
// come out, in both forms, and recompute. FALLOW_LEDGER_NODES sets how many nodes;
// the figures for a million are taken with it.
func TestSameBytesOnAnyNumberOfCores(t *testing.T) {
	n := 3000
	if text := os.Getenv("FALLOW_LEDGER_NODES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	step := func(name string, do func()) {
		began, spent := time.Now(), cpu(t)
		do()
		t.Logf("%d cores, %d nodes: %s in %s, %s of CPU", runtime.GOMAXPROCS(0), n, name,
			time.Since(began).Round(time.Millisecond), (cpu(t) - spent).Round(time.Millisecond))
	}
	var first [2][32]byte
	for _, cores := range []int{1, 2} {
		runtime.GOMAXPROCS(cores)
		nodes := many(n)
		if cores == 2 {
			for i, k := 0, n-1; i < k; i, k = i+1, k-1 {
				nodes[i], nodes[k] = nodes[k], nodes[i]
			}
		}
		var f *ledger.File
		var err error
		step("close: formula, root, hash, signature", func() {
			h := head(ledger.DefaultParams())
			h.SettleFrom = h.End.Add(72 * time.Hour)
			f, err = ledger.NewFile(*h, nodes, ledger.Totals{PointsEver: 1 << 61}, private(1))
		})
		if err != nil {
			t.Fatal(err)
		}
		step("tree and all proofs", func() {
			tree := ledger.Tree(1, f.Statements)
			buf := tree.AppendProof(nil, 0)
			for i := range f.Statements {
				buf = tree.AppendProof(buf[:0], i)
			}
			if tree.Root() != f.Head.Root {
				t.Error("the tree has another root")
			}
		})
		dir := t.TempDir()
		asJSON, asParquet := filepath.Join(dir, "e.json"), filepath.Join(dir, "e.parquet")
		step("epoch file as JSON", func() { err = ledger.WriteFile(asJSON, f) })
		if err != nil {
			t.Fatal(err)
		}
		step("epoch file as Parquet", func() { err = f.WriteParquet(asParquet) })
		if err != nil {
			t.Fatal(err)
		}
		hash := f.Hash
		f, nodes = nil, nil
		for i, path := range []string{asJSON, asParquet} {
			runtime.GC()
			step("independent recompute of "+filepath.Ext(path), func() {
				again, err := ledger.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if r := again.Verify(ledger.VerifyOptions{}); !r.Valid() || r.Hash != hash {
					t.Fatalf("%+v", r)
				}
			})
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(raw)
			if cores == 1 {
				first[i] = sum
			} else if !bytes.Equal(first[i][:], sum[:]) {
				t.Errorf("%s differs between one core and two", path)
			}
		}
	}
}

// cpu is what this process has used of the processors.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
