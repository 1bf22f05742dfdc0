// Package meter counts what the node carries, per router and job, and compares
// it with the receipts a router proposes. What it countersigns is on disk before
// the router hears of it; what it disputes is answered with the node's own
// numbers.
//
// It counts and judges; it neither carries bytes (package egress) nor keeps the
// receipts (package journal, behind Book). Only package relay imports it.
package meter

import (
	"crypto/ed25519"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// ErrFull says that so many jobs have open tunnels that no further one can be
// counted.
var ErrFull = errors.New("too many jobs at once")

// Book keeps countersigned receipts. journal.Receipts is one.
type Book interface {
	// Get is the newest receipt for a router, epoch and job, if there is one. It
	// is asked once for each of them, when it first comes up.
	Get(router wire.Key, epoch uint64, job string) (wire.Receipt, bool)
	// Save returns once the receipt is on disk to stay.
	Save(wire.Receipt) error
}

// Config is how strictly receipts are compared. Zero values take their
// defaults.
type Config struct {
	Slack        uint64        // bytes by which the two ends may differ; default 64 KiB
	SlackPercent uint64        // and this part of the node's count on top; default 1
	PerUnclean   uint64        // bytes the router may be ahead per tunnel cut off; default 64 KiB
	Window       uint64        // bytes of one tunnel that may be on their way to the router; default 16 MiB
	Settle       time.Duration // how long the last bytes of a tunnel may be on their way; default 5 s
	OnlineGrace  time.Duration // by which online time may exceed the node's clock; default 60 s
	MaxJobs      int           // jobs counted at once, all routers; default 1024
	MaxEpochs    int           // epochs of one job open to proposals; default 4
}

func (c Config) withDefaults() Config {
	standard := Config{
		Slack: 64 << 10, SlackPercent: 1, PerUnclean: 64 << 10, Window: 16 << 20,
		Settle: 5 * time.Second, OnlineGrace: time.Minute, MaxJobs: 1024, MaxEpochs: 4,
	}
	if c.Slack == 0 {
		c.Slack = standard.Slack
	}
	if c.SlackPercent == 0 {
		c.SlackPercent = standard.SlackPercent
	}
	if c.PerUnclean == 0 {
		c.PerUnclean = standard.PerUnclean
	}
	if c.Window == 0 {
		c.Window = standard.Window
	}
	if c.Settle == 0 {
		c.Settle = standard.Settle
	}
	if c.OnlineGrace == 0 {
		c.OnlineGrace = standard.OnlineGrace
	}
	if c.MaxJobs == 0 {
		c.MaxJobs = standard.MaxJobs
	}
	if c.MaxEpochs == 0 {
		c.MaxEpochs = standard.MaxEpochs
	}
	return c
}

// Meter counts from its creation on; nothing is ever reset. It is safe for
// concurrent use.
type Meter struct {
	now      func() time.Time
	book     Book
	identity ed25519.PrivateKey
	node     wire.Key
	cfg      Config

	answering sync.Mutex // one receipt at a time; held over disk writes, taken before mu

	online map[wire.Key]map[uint64]*presence // by router and epoch; guarded by answering

	mu       sync.Mutex
	accounts map[accountKey]*account
	stats    Stats
}

// Stats is what the meter has seen since it was made.
type Stats struct {
	BytesDown uint64 `json:"bytes_down"` // site to router
	BytesUp   uint64 `json:"bytes_up"`   // router to site
	Signed    uint64 `json:"signed"`     // receipts countersigned
	Disputed  uint64 `json:"disputed"`   // receipts refused
	// LastDispute says what the last refused receipt got wrong.
	LastDispute string `json:"last_dispute,omitempty"`
}

type accountKey struct {
	router wire.Key
	job    string
}

// New makes a meter that countersigns with identity.
func New(now func() time.Time, book Book, identity ed25519.PrivateKey, cfg Config) *Meter {
	return &Meter{
		now:      now,
		book:     book,
		identity: identity,
		node:     wire.KeyOf(identity),
		cfg:      cfg.withDefaults(),
		accounts: make(map[accountKey]*account),
		online:   make(map[wire.Key]map[uint64]*presence),
	}
}

// Stats is a copy of the totals, open tunnels included.
func (m *Meter) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stats
	for _, a := range m.accounts {
		for t := range a.open {
			carried := t.carried()
			s.BytesDown += carried[down]
			s.BytesUp += carried[up]
		}
	}
	return s
}

// Tunnel is the count of one tunnel. Down and Up may be called from any
// goroutine; End is called once, after the last of them.
type Tunnel struct {
	meter   *Meter
	account *account
	bytes   [2]atomic.Uint64
}

// Tunnel begins to count a tunnel of router and job. The error is ErrFull.
func (m *Meter) Tunnel(router wire.Key, job string) (*Tunnel, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.account(accountKey{router, job})
	if err != nil {
		return nil, err
	}
	t := &Tunnel{meter: m, account: a}
	a.open[t] = struct{}{}
	a.used = m.now()
	return t, nil
}

// Down adds n bytes from site to router.
func (t *Tunnel) Down(n int) { t.bytes[down].Add(uint64(n)) }

// Up adds n bytes from router to site.
func (t *Tunnel) Up(n int) { t.bytes[up].Add(uint64(n)) }

// End closes the count. clean says that both ends saw the tunnel through to its
// close; otherwise how much of it the router got is anybody's guess.
func (t *Tunnel) End(clean bool) {
	m := t.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	carried := t.carried()
	t.account.end(t, carried, clean, m.now())
	m.stats.BytesDown += carried[down]
	m.stats.BytesUp += carried[up]
}

func (t *Tunnel) carried() counts { return counts{t.bytes[down].Load(), t.bytes[up].Load()} }

// account finds or makes an account; the caller holds mu. When there are too
// many, the one unused for longest gives way: it then stands as after a restart,
// with its last receipt on disk.
func (m *Meter) account(key accountKey) (*account, error) {
	if a, ok := m.accounts[key]; ok {
		return a, nil
	}
	if len(m.accounts) >= m.cfg.MaxJobs {
		var idle *accountKey
		for k, a := range m.accounts {
			if len(a.open) == 0 && (idle == nil || a.used.Before(m.accounts[*idle].used)) {
				idle = &k
			}
		}
		if idle == nil {
			return nil, ErrFull
		}
		delete(m.accounts, *idle)
	}
	a := newAccount(m.now(), m.cfg)
	m.accounts[key] = a
	return a, nil
}

// stored is the receipt on disk, or one that says nothing.
func (m *Meter) stored(router wire.Key, epoch uint64, job string) wire.Receipt {
	r, _ := m.book.Get(router, epoch, job)
	return r
}
