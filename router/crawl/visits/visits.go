// Package visits remembers which host was asked when and for which job, so that
// the owner of a site who finds us in an access log gets an answer. It knows no
// node: who carried a request is nobody's business but the carrier's.
//
// Requests are counted a minute at a time. The counts of the open minute are in
// memory and go to disk, unsynced, when it is over: a crash costs a minute of
// them. Old days are dropped whole. router/crawl is its importer.
package visits

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"lukechampine.com/blake3"
)

// Limits bounds a Log.
type Limits struct {
	Days    int // days kept, today included. Default 30
	DayRows int // rows of one day, some 40 bytes each; beyond, requests are counted by the hour. Default 2,000,000
	Open    int // rows in memory before they are written, whatever the minute. Default 20,000
	Answers int // rows that one look-up returns. Default 100
}

// DefaultLimits returns the defaults.
func DefaultLimits() Limits { return Limits{Days: 30, DayRows: 2_000_000, Open: 20_000, Answers: 100} }

// Visit is the requests to one host for one job within one span of time.
type Visit struct {
	Job      string
	From     time.Time     // UTC, a whole minute or hour
	Span     time.Duration // a minute or an hour
	Requests int64
}

// Log keeps visits in db, under keys that begin with 'v'. It is safe for
// concurrent use.
type Log struct {
	db     *pebble.DB
	limits Limits

	mu     sync.Mutex
	open   map[row]int64
	minute int64 // of what is open, since 1970
	day    int64
	rows   int // written on that day
}

// row is a key: what is counted together.
type row struct {
	host [8]byte
	at   int64 // minute since 1970
	span byte  // minutes: 1 or 60
	job  string
}

// prefix begins the rows of the log: "v", day (4 bytes), host (8), minute (4),
// span in minutes (1), job; the value is the number of requests (8).
const prefix = "v"

const (
	hourSpan  = 60
	dayLength = 24 * 60 // minutes
	fixed     = len(prefix) + 4 + 8 + 4 + 1
)

// Open returns the log in db, which stays the caller's.
func Open(db *pebble.DB, limits Limits) (*Log, error) {
	if limits.Days < 1 || limits.DayRows < 1 || limits.Open < 1 || limits.Answers < 1 {
		return nil, fmt.Errorf("visits: limits %+v, want at least 1 of each", limits)
	}
	return &Log{db: db, limits: limits, open: make(map[row]int64)}, nil
}

// Note counts one request. An error is one of the disk; the count is lost then.
func (l *Log) Note(host, job string, at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	minute := at.Unix() / 60
	var err error
	if minute != l.minute || len(l.open) >= l.limits.Open {
		err = l.flush()
		l.minute = minute
	}
	if day := minute / dayLength; day > l.day {
		err = errors.Join(err, l.newDay(day))
	}
	r := row{host: hostKey(host), at: minute, span: 1, job: job}
	if l.rows+len(l.open) >= l.limits.DayRows {
		r.at, r.span = minute-minute%hourSpan, hourSpan
	}
	l.open[r]++
	return err
}

// Flush writes what is open. The owner of the database calls it before closing.
func (l *Log) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flush()
}

func (l *Log) flush() error {
	if len(l.open) == 0 {
		return nil
	}
	b := l.db.NewBatch()
	defer func() { _ = b.Close() }()
	for r, n := range l.open {
		key := r.key()
		before, err := l.count(key)
		if err != nil {
			return err
		}
		if before == 0 {
			l.rows++
		}
		if err := b.Set(key, binary.BigEndian.AppendUint64(nil, uint64(before+n)), nil); err != nil {
			return fmt.Errorf("note visits: %w", err)
		}
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("note visits: %w", err)
	}
	clear(l.open)
	return nil
}

// newDay forgets the days that are too old and counts the rows that the new one
// has already, which is so after a restart.
func (l *Log) newDay(day int64) error {
	l.day, l.rows = day, 0
	iter, err := l.db.NewIter(&pebble.IterOptions{LowerBound: dayKey(day), UpperBound: dayKey(day + 1)})
	if err != nil {
		return fmt.Errorf("count visits: %w", err)
	}
	for more := iter.First(); more && l.rows < l.limits.DayRows; more = iter.Next() {
		l.rows++
	}
	if err := iter.Close(); err != nil {
		return fmt.Errorf("count visits: %w", err)
	}
	oldest := day - int64(l.limits.Days) + 1
	if err := l.db.DeleteRange([]byte(prefix), dayKey(max(oldest, 0)), pebble.NoSync); err != nil {
		return fmt.Errorf("forget old visits: %w", err)
	}
	return nil
}

func (l *Log) count(key []byte) (int64, error) {
	val, closer, err := l.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read visits: %w", err)
	}
	defer func() { _ = closer.Close() }()
	return decodeCount(val), nil
}

func decodeCount(val []byte) int64 {
	if len(val) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(val))
}

// Lookup lists the visits to host from one time to another, both included, in
// order of time, at most Limits.Answers of them; more says that there are others.
func (l *Log) Lookup(host string, from, to time.Time) (list []Visit, more bool, err error) {
	l.mu.Lock()
	err = l.flush()
	l.mu.Unlock()
	if err != nil {
		return nil, false, err
	}
	first, last := from.Unix()/60, to.Unix()/60
	first = max(first, last-int64(l.limits.Days)*dayLength, 0)
	for day := first / dayLength; day <= last/dayLength && !more; day++ {
		if list, more, err = l.ofDay(list, host, day, first, last); err != nil {
			return nil, false, fmt.Errorf("look up visits: %w", err)
		}
	}
	return list, more, nil
}

func (l *Log) ofDay(list []Visit, host string, day, first, last int64) (_ []Visit, more bool, err error) {
	key := hostKey(host)
	start := append(dayKey(day), key[:]...)
	iter, err := l.db.NewIter(&pebble.IterOptions{
		LowerBound: binary.BigEndian.AppendUint32(start[:len(start):len(start)], uint32(max(first-hourSpan, 0))),
		UpperBound: binary.BigEndian.AppendUint32(start[:len(start):len(start)], uint32(last+1)),
	})
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	for more := iter.First(); more; more = iter.Next() {
		raw := iter.Key()
		if len(raw) < fixed {
			continue
		}
		at, span := int64(binary.BigEndian.Uint32(raw[fixed-5:])), int64(raw[fixed-1])
		if at+span <= first {
			continue
		}
		if len(list) == l.limits.Answers {
			return list, true, nil
		}
		list = append(list, Visit{
			Job: string(raw[fixed:]), From: time.Unix(at*60, 0).UTC(), Span: time.Duration(span) * time.Minute,
			Requests: decodeCount(iter.Value()),
		})
	}
	return list, false, nil
}

func (r row) key() []byte {
	key := append(dayKey(r.at/dayLength), r.host[:]...)
	key = binary.BigEndian.AppendUint32(key, uint32(r.at))
	return append(append(key, r.span), r.job...)
}

func dayKey(day int64) []byte { return binary.BigEndian.AppendUint32([]byte(prefix), uint32(day)) }

func hostKey(host string) [8]byte {
	sum := blake3.Sum256([]byte(strings.ToLower(host)))
	return [8]byte(sum[:])
}
