package frontier

import (
	"container/list"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

var (
	// ErrClosed is returned by every call on a closed Frontier.
	ErrClosed = errors.New("frontier: closed")
	// ErrTooManyJobs is returned when a new job would exceed Config.MaxJobs.
	ErrTooManyJobs = errors.New("frontier: too many jobs")
	// ErrNotHeld is returned for an item that is not in the state the call
	// needs: not from Next, released twice, or finished already.
	ErrNotHeld = errors.New("frontier: item is not held")
)

// Frontier is the queue of all jobs. All methods may be called concurrently.
type Frontier struct {
	db     *pebble.DB
	now    func() time.Time
	cfg    Config
	seen   seen
	opened time.Time

	adding sync.Mutex // serialises seen-check and insert; taken before mu

	mu      sync.Mutex // guards all below; held for short reads and unsynced writes
	broken  error      // first failure of the disk, or ErrClosed; every call returns it
	jobs    map[string]*job
	jobByID map[uint32]*job
	nextJob uint32
	nextSeq uint64
	deltas  uint64 // number of the next fd row

	held   map[string]*holding // items handed out and not finished, by queue key
	active map[uint64]*site
	due    siteHeap         // active sites that may start something later, or now and are not looked at yet
	ready  readySites       // active sites that may start something now
	idle   siteList         // active sites with nothing to start and nothing in flight
	parked window[struct{}] // fw rows of the sites that are not active

	addresses *addresses

	waiters waiterList
	timer   *time.Timer // runs dispatch when the next site falls due
}

// holding is an item between Next and the end of its Removal.
type holding struct {
	job   *job
	state holdingState
}

type holdingState uint8

const (
	inFlight holdingState = iota
	awaiting
	staged // in a Removal; counted as awaiting
)

// Open reads the frontier of db; db stays the caller's and must outlive the
// frontier. now is the clock of politeness, time.Now outside tests. After Open no
// site is asked before its delay has passed once, since the process before may
// have asked it a moment ago.
//
// Open db with a bloom filter on every level: most sites looked up are new.
func Open(db *pebble.DB, now func() time.Time, cfg Config) (*Frontier, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	f := &Frontier{
		db:      db,
		now:     now,
		cfg:     cfg,
		seen:    seen{db: db, tables: map[uint32]*seenTable{}},
		opened:  now(),
		jobs:    map[string]*job{},
		jobByID: map[uint32]*job{},
		held:    map[string]*holding{},
		active:  map[uint64]*site{},
		parked:  unread[struct{}](cfg.MaxActiveSites),
		ready:   readySites{jobs: map[*job]*list.List{}},
	}
	f.addresses = newAddresses(&f.cfg)
	seq, _, err := get(db, []byte(keySeq), func(b []byte) (uint64, error) {
		if len(b) != 8 {
			return 0, errCorrupt
		}
		return binary.BigEndian.Uint64(b), nil
	})
	if err != nil {
		return nil, fmt.Errorf("open frontier: %w", err)
	}
	f.nextSeq = seq
	if err := f.loadJobs(); err != nil {
		return nil, fmt.Errorf("open frontier: %w", err)
	}
	return f, nil
}

// Close wakes all callers of Next with ErrClosed and stops the timer. It does not
// close the database; call it before that.
func (f *Frontier) Close() error {
	f.adding.Lock()
	defer f.adding.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.fail(ErrClosed) // what it answers is for those who still call
	for id := range f.seen.tables {
		f.seen.forget(id)
	}
	return nil
}

// Sync makes all that was written so far durable, for instance the seeds of a
// job before it is acknowledged.
func (f *Frontier) Sync() error {
	if err := f.db.LogData(nil, pebble.Sync); err != nil {
		return fmt.Errorf("sync frontier: %w", err)
	}
	return nil
}

// fail makes err the answer to every call from now on. The caller holds mu.
func (f *Frontier) fail(err error) error {
	if f.broken == nil {
		f.broken = err
	}
	if f.timer != nil {
		f.timer.Stop()
	}
	f.waiters.fail(f.broken)
	return f.broken
}

// commit writes b unsynced and releases it. The caller holds mu and changes
// memory only afterwards; a failure leaves memory and disk apart, so it is final.
func (f *Frontier) commit(b *pebble.Batch) error {
	err := errors.Join(b.Commit(pebble.NoSync), b.Close())
	if err != nil {
		return f.fail(fmt.Errorf("write frontier: %w", err))
	}
	return nil
}
