//go:build chain

package solana_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/solana/svm"
	"github.com/fallow-network/fallow/router/store"
)

// TestCampaign kills the router at each point, under each fault, and has it go
// on; and afterwards restores an old backup and goes on from that. Each time
// every payee's balance on the chain is what the ledger says, to the unit.
// FALLOW_SOAK is the number of seeds; 20 make the whole campaign of 2,400 runs.
func TestCampaign(t *testing.T) {
	seeds := 1
	if n, err := strconv.Atoi(os.Getenv("FALLOW_SOAK")); err == nil && n > 0 {
		seeds = n
	}
	empty := filepath.Join(t.TempDir(), "empty.db")
	must(t, openStore(t, empty).Close())
	var seen tally
	for seed := range seeds {
		for k, point := range killPoints {
			for f, fault := range svm.Kinds() {
				name := strings.ReplaceAll(fmt.Sprintf("%s-%s-%d", point, fault, seed), " ", "-")
				t.Run(name, func(t *testing.T) {
					c := &campaign{
						town: newTown(t, name), rng: rand.New(rand.NewPCG(uint64(seed), uint64(k*100+f))),
						dir: t.TempDir(), fault: fault, point: point,
					}
					c.run(t, empty)
					seen.add(c)
				})
			}
		}
	}
	seen.report(t, seeds)
}

// tally sees that the campaign did what it is for.
type tally struct {
	mu                             sync.Mutex
	runs, killed, faulted, stopped int
	found, batches                 int
	calm                           map[string]bool // faults that never acted
}

func (s *tally) add(c *campaign) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	s.killed += c.kills
	s.stopped += c.stops
	s.found += c.found
	s.batches += c.batches
	if c.hits > 0 {
		s.faulted++
	}
}

func (s *tally) report(t *testing.T, seeds int) {
	t.Logf("%d runs: %d killed, in %d a fault acted, %d times a run stopped with an error and was run again, %d batches final, %d read back from the chain",
		s.runs, s.killed, s.faulted, s.stopped, s.batches, s.found)
	want := seeds * len(killPoints) * len(svm.Kinds())
	if s.runs == want && (s.killed < want*9/10 || s.faulted < want*9/10 || s.found == 0) {
		t.Errorf("of %d runs only %d were killed and in %d a fault acted; %d read back", s.runs, s.killed, s.faulted, s.found)
	}
}

// campaign is one run of it.
type campaign struct {
	*town
	rng          *rand.Rand
	dir          string
	fault, point string
	books        books

	kills, stops, hits, found, batches int
}

const payees = 8

func (c *campaign) run(t *testing.T, empty string) {
	must(t, c.PerRequest(t.Context(), 3))
	c.earn(t)
	live, backup := filepath.Join(c.dir, "router.db"), filepath.Join(c.dir, "backup.db")
	copyFile(t, empty, live)
	moment := c.rng.IntN(3) // at which the backup is made
	if moment == 0 {
		copyFile(t, live, backup)
	}
	faulty := 1 + uint64(c.rng.IntN(2)) // the epoch with the trouble
	for epoch := uint64(1); epoch <= 2; epoch++ {
		mortality := ""
		if epoch == faulty {
			c.arm(t)
			mortality = c.point
		}
		c.settle(t, live, epoch, mortality)
		if c.kills == 1 && moment == 1 || moment == 2 && epoch == 1 {
			copyFile(t, live, backup)
		}
		c.settle(t, live, epoch, "")
		c.check(t, epoch, "")
	}
	hits, err := c.Hits(t.Context())
	must(t, err)
	c.hits = hits
	if moment == 1 && c.kills == 0 {
		copyFile(t, live, backup)
	}
	// A day later the disk dies, and yesterday's backup has to do.
	c.arm(t)
	c.settle(t, backup, 3, "")
	c.check(t, 3, "after the backup was restored")
	c.audit(t, backup)
}

// earn writes the ledger: some nodes without a token account, one paid at a
// wallet of its own, two sharing one, amounts that leave fractions.
func (c *campaign) earn(t *testing.T) {
	c.books.epochs = make(map[uint64][]settle.Due)
	points, royalties := make([]settle.MicroPoints, payees), make([]settle.Units, payees)
	for epoch := uint64(1); epoch <= 3; epoch++ {
		for n := range payees {
			points[n] += settle.MicroPoints(c.rng.Int64N(5_000_000))
			if c.rng.IntN(3) == 0 {
				royalties[n] += settle.Units(c.rng.Int64N(1000))
			}
			c.books.epochs[epoch] = append(c.books.epochs[epoch],
				settle.Due{Node: c.node(n), Address: c.node(wallet(n)), Points: points[n], Royalty: royalties[n]})
		}
	}
	for n := range payees {
		if n%3 != 0 {
			c.open(t, c.node(wallet(n)))
		}
	}
}

// wallet is whose key node n is paid at.
func wallet(n int) int {
	switch n {
	case 5:
		return 500
	case 6, 7:
		return 600
	}
	return n
}

func (c *campaign) check(t *testing.T, epoch uint64, when string) {
	t.Helper()
	want := make(map[int]settle.Units)
	for n, d := range c.books.epochs[epoch] {
		want[wallet(n)] += settle.Units(d.Points*3/1000) + d.Royalty
	}
	for n, units := range want {
		if got := c.holds(t, c.node(n)); got != units {
			t.Fatalf("epoch %d %s: %d holds %d, has earned %d", epoch, when, n, got, units)
		}
	}
}

// settle runs a settlement until it is through, dying once at mortality if that
// is not empty; then it returns, dead.
func (c *campaign) settle(t *testing.T, path string, epoch uint64, mortality string) {
	t.Helper()
	var err error
	for range 12 {
		if err = c.once(t, path, epoch, mortality); err == nil {
			return
		}
		if errors.Is(err, context.Canceled) && mortality != "" {
			c.kills++
			return
		}
		c.stops++
	}
	t.Fatalf("epoch %d does not settle: %v", epoch, err)
}

func (c *campaign) once(t *testing.T, path string, epoch uint64, mortality string) error {
	db, err := store.Open(t.Context(), path, quiet)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	ctx, die := context.WithCancel(t.Context())
	defer die()
	m := &mortal{DB: db, Chain: c.chain, die: die, when: mortality}
	if strings.Contains(mortality, "Attempt") || strings.HasSuffix(mortality, "Send") || strings.HasSuffix(mortality, "SaveFinal") {
		m.left = c.rng.IntN(3)
	}
	cfg := payConfig(c.town)
	cfg.MaxPayouts = 3
	report, err := newSettler(t, m, &c.books, m, cfg).Run(ctx, epoch)
	c.found += report.Found
	c.batches += report.Batches
	return err
}

// arm makes trouble for some of what comes.
func (c *campaign) arm(t *testing.T) {
	t.Helper()
	f := svm.Fault{Kind: c.fault, Times: 1 + c.rng.IntN(30)}
	switch c.fault {
	case "drop":
		f.Times = 2 * (1 + c.rng.IntN(40)) // from one sending to all that there are until it expires
	case "lostReply", "late", "lateExpired", "rollback":
		f.Times = 2 + c.rng.IntN(6)
	case "wrongAmount":
		f.Times = 1 + c.rng.IntN(4)
	case "stale":
		f.Times = 10 + c.rng.IntN(100)
	}
	one := c.rng.IntN(2)
	if c.fault == "disagree" || c.rng.IntN(2) == 0 && (c.fault == "stale" || c.fault == "garbage" || c.fault == "storm") {
		f.RPC = &one
	}
	must(t, c.Arm(t.Context(), f))
}

// audit compares all books with the chain.
func (c *campaign) audit(t *testing.T, path string) {
	t.Helper()
	must(t, c.Calm(t.Context()))
	db, err := store.Open(t.Context(), path, quiet)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	r, err := newSettler(t, db, &c.books, c.chain, payConfig(c.town)).Reconcile(t.Context(), 1)
	must(t, err)
	if len(r.Problems) > 0 || len(r.Ahead) > 0 || r.Unknown > 0 || r.Units+r.Treasury != treasuryUnits {
		t.Fatalf("books and chain differ: %+v", r)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, raw, 0o600))
}
