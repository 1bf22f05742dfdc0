// Package meter counts what every node carries and turns the counts into
// receipts: proposed by the router, countersigned by the node, each counted
// once.
//
// Counts live in memory as atomics that tunnels add to; what leaves the process
// (a proposal) is in the database first, so a crash can lose only what was never
// proposed. It neither talks to nodes nor knows about points: the fleet carries
// its proposals, the ledger reads its receipts.
package meter

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// DB is where receipts live. Implementations are safe for concurrent use and
// return only after the data would survive a power cut.
type DB interface {
	// SaveCounts stores all of b in one step, or nothing. A receipt with a higher
	// sequence replaces the stored one of the same (node, epoch, job); the same
	// sequence only adds a countersignature.
	SaveCounts(ctx context.Context, b Batch) error
	// Stored is what SaveCounts stored of a node in an epoch.
	Stored(ctx context.Context, node wire.Key, epoch uint64) (Batch, error)
	// SaveDispute appends one disagreement.
	SaveDispute(ctx context.Context, d Dispute) error
}

// Batch is what is stored in one step.
type Batch struct {
	Receipts []wire.Receipt
	Places   []Place
	Sites    []SiteBytes
	Epoch    uint64        // that Ran is about; 0: nothing is said
	Ran      time.Duration // how long the router has run in that epoch
}

// Dispute is a receipt that a node would not countersign, with both numbers.
type Dispute struct {
	Node       wire.Key
	Epoch      uint64
	Job        string
	Sequence   uint64
	Reason     wire.Reason
	RouterDown uint64
	RouterUp   uint64
	NodeDown   uint64
	NodeUp     uint64
	At         time.Time
}

// ErrAnswer says that a node answered a proposal nobody made, or signed
// something else than was proposed.
var ErrAnswer = errors.New("receipt answer does not match its proposal")

// Meter holds the accounts of all nodes. It is safe for concurrent use.
type Meter struct {
	log     *slog.Logger
	now     func() time.Time
	db      DB
	key     ed25519.PrivateKey
	id      wire.Key
	siteKey []byte

	ranMu     sync.Mutex
	looked    time.Time     // when the clock was last looked at
	ranNow    time.Duration // this run's part of the open epoch
	ranBefore atomic.Int64  // nanoseconds; earlier runs' part

	epoch   atomic.Uint64
	closing atomic.Bool // the epoch before is rotated out but not sealed

	mu       sync.Mutex
	accounts map[wire.Key]*nodeAccounts
}

// nodeAccounts are one node's accounts. Its lock is held over database writes,
// so that the receipts of one node are proposed and answered one at a time.
type nodeAccounts struct {
	used time.Time // when they were last asked for; guarded by the meter's lock

	mu     sync.Mutex
	loaded bool
	byJob  map[string]*Account

	clumps  map[string]time.Duration // where it was online, in this epoch
	country string
	sites   map[string]*siteCount // by tag
}

// keepFor is how long an account that counts nothing stays after it was last
// handed out. A tunnel that still holds it would be lost to the books if it
// went sooner; none lives so long without a byte.
const keepFor = time.Hour

// New counts for epoch from now on. The caller rotates it when the ledger
// closes an epoch.
func New(log *slog.Logger, now func() time.Time, db DB, key ed25519.PrivateKey, epoch uint64) *Meter {
	m := &Meter{log: log, now: now, db: db, key: key, id: wire.KeyOf(key), siteKey: siteKey(key), looked: now(), accounts: make(map[wire.Key]*nodeAccounts)}
	m.epoch.Store(epoch)
	return m
}

// Epoch is the one being counted for.
func (m *Meter) Epoch() uint64 { return m.epoch.Load() }

// Closing reports whether the epoch before is rotated out and not sealed yet:
// its close is under way or has failed and is to be tried again.
func (m *Meter) Closing() bool { return m.closing.Load() }

// Account is where the tunnels of one (node, job) add what they carry.
func (m *Meter) Account(ctx context.Context, node wire.Key, job string) (*Account, error) {
	accounts := m.of(node)
	accounts.mu.Lock()
	defer accounts.mu.Unlock()
	if err := m.load(ctx, node, accounts); err != nil {
		return nil, err
	}
	account := accounts.account(job)
	account.used = m.now()
	return account, nil
}

func (m *Meter) of(node wire.Key) *nodeAccounts {
	m.mu.Lock()
	defer m.mu.Unlock()
	accounts := m.accounts[node]
	if accounts == nil {
		accounts = &nodeAccounts{
			byJob: make(map[string]*Account), clumps: make(map[string]time.Duration), sites: make(map[string]*siteCount),
		}
		m.accounts[node] = accounts
	}
	accounts.used = m.now()
	return accounts
}

// load continues from what an earlier run of the router had stored for the
// epoch, so that counts stay cumulative across a restart.
func (m *Meter) load(ctx context.Context, node wire.Key, accounts *nodeAccounts) error {
	if accounts.loaded {
		return nil
	}
	epoch := m.Epoch()
	stored, err := m.db.Stored(ctx, node, epoch)
	if err != nil {
		return fmt.Errorf("load receipts of %s: %w", node, err)
	}
	for _, r := range stored.Receipts {
		if r.Epoch != epoch {
			continue // of the one that is closing: counted there
		}
		account := accounts.account(r.Job)
		account.used = m.now()
		account.carried, account.sequence = countsOf(r), r.Sequence
		account.proposed = proposal{Receipt: r}
	}
	for _, p := range stored.Places {
		if p.Epoch == epoch {
			maps.Copy(accounts.clumps, p.Clumps)
			accounts.country = p.Country
		}
	}
	for _, s := range stored.Sites {
		if s.Epoch == epoch {
			accounts.sites[s.Site] = &siteCount{before: s.Bytes, stored: s.Bytes}
		}
	}
	accounts.loaded = true
	return nil
}

func (a *nodeAccounts) account(job string) *Account {
	account := a.byJob[job]
	if account == nil {
		account = new(Account)
		a.byJob[job] = account
	}
	return account
}
