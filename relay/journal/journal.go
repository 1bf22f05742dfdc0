package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/durable"
)

// Config bounds the journal; start from DefaultConfig.
type Config struct {
	MaxAge       time.Duration // entries are kept this long, default 90 days
	MaxBytes     int64         // of all segments, default 512 MiB; the oldest go first
	SegmentBytes int64         // of one segment, default 4 MiB; retention goes by whole segments
	SegmentAge   time.Duration // a segment takes entries this long, default 24 h
	SyncEvery    time.Duration // the most a power cut may take, default 1 s

	// What a router can cause without opening tunnels is bounded, so that it
	// cannot wash out the rest: with the defaults, nothing younger than 16 days
	// gives way to it.
	RefusedPerDay int64 // bytes of refused leases and disputed receipts, default 8 MiB
	PagesPerDay   int64 // bytes of addresses the router says it read, default 24 MiB
}

// DefaultConfig is for a home node.
func DefaultConfig() Config {
	return Config{
		MaxAge:       90 * 24 * time.Hour,
		MaxBytes:     512 << 20,
		SegmentBytes: 4 << 20,
		SegmentAge:   24 * time.Hour,
		SyncEvery:    time.Second,

		RefusedPerDay: 8 << 20,
		PagesPerDay:   24 << 20,
	}
}

func (c Config) check() error {
	if c.MaxAge <= 0 || c.SyncEvery <= 0 || c.SegmentAge <= 0 || c.SegmentBytes < maxLine || c.MaxBytes < 2*c.SegmentBytes {
		return fmt.Errorf("journal config %+v: ages above 0, segments of at least %d bytes, room for two of them", c, maxLine)
	}
	if c.RefusedPerDay <= 0 || c.PagesPerDay <= 0 {
		return fmt.Errorf("journal config %+v: quotas above 0", c)
	}
	return nil
}

// ErrClosed is returned after Close.
var ErrClosed = errors.New("journal is closed")

// Journal is open for writing. All methods are safe for concurrent use.
type Journal struct {
	log *slog.Logger
	now func() time.Time
	dir string
	cfg Config

	mu       sync.Mutex
	segments []segment // oldest first; the last one is written
	file     *os.File  // the last segment
	started  time.Time // when the last segment was
	seq      uint64    // of the last entry
	head     Hash      // of the last entry
	dirty    bool      // something is written and not synced; a timer runs
	err      error     // sticky: after it nothing more is written
	torn     Torn

	refused, pages *quota
	told           time.Time // when the journal last said what it left out
}

// Torn tells what Open had to cut off; zero if nothing.
type Torn struct {
	Bytes int64
	Kept  string // the file that the bytes were moved to
}

// Open opens the journal in dir, making it if there is none. An end torn by a
// power cut is cut back to the last whole entry, moved to a file beside it, and
// noted in the journal; see Torn.
func Open(log *slog.Logger, now func() time.Time, dir string, cfg Config) (*Journal, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make journal directory: %w", err)
	}
	j := &Journal{
		log: log, now: now, dir: dir, cfg: cfg,
		refused: newQuota(cfg.RefusedPerDay), pages: newQuota(cfg.PagesPerDay),
	}
	var err error
	if j.segments, err = segments(dir); err != nil {
		return nil, err
	}
	if err := j.recover(); err != nil {
		return nil, err
	}
	if err := j.openSegment(); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if j.torn.Bytes > 0 {
		note := fmt.Sprintf("%d bytes after entry %d were torn and moved to %s", j.torn.Bytes, j.seq, j.torn.Kept)
		log.Warn("journal end was torn", "bytes", j.torn.Bytes, "entry", j.seq)
		if _, err := j.Append(Entry{Kind: Recovered, Note: note}); err != nil {
			return nil, errors.Join(err, j.Close())
		}
	}
	j.retain()
	return j, nil
}

func (j *Journal) openSegment() error {
	if len(j.segments) == 0 {
		return j.startSegment()
	}
	var err error
	if j.started, err = startOf(*j.last(), j.now()); err != nil {
		return err
	}
	j.file, err = os.OpenFile(j.last().path, os.O_WRONLY|os.O_APPEND, 0)
	return err
}

// Torn is what Open had to cut off.
func (j *Journal) Torn() Torn { return j.torn }

func (j *Journal) last() *segment { return &j.segments[len(j.segments)-1] }

// Append writes an entry and returns its number. It is durable after SyncEvery
// at the latest. An entry over the quota of its kind is counted instead, without
// an error and with number 0; how many were is written within a minute or so. If the disk is full or broken it fails, and so does every later
// call once the file could not be brought back in order; a node that cannot
// write evidence should not open tunnels.
func (j *Journal) Append(e Entry) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return 0, j.err
	}
	if err := j.tellOmitted(false); err != nil {
		return 0, err
	}
	return j.write(e)
}

// write is called with mu held.
func (j *Journal) write(e Entry) (uint64, error) {
	e.Seq, e.Prev, e.Note = j.seq+1, j.head, cutNote(e.Note)
	if e.Time.IsZero() {
		e.Time = j.now()
	}
	e.Time = e.Time.UTC().Round(0)
	text, hash, err := encode(e)
	if err != nil {
		return 0, err
	}
	if !j.quotaOf(e.Kind).spend(j.now(), len(text)) {
		return 0, nil
	}
	if j.full(len(text)) {
		if err := j.rotate(); err != nil {
			return 0, err
		}
	}
	if _, err := j.file.Write(text); err != nil {
		return 0, j.undo(fmt.Errorf("append to journal: %w", err))
	}
	j.last().size += int64(len(text))
	j.seq, j.head = e.Seq, hash
	if !j.dirty {
		j.dirty = true
		time.AfterFunc(j.cfg.SyncEvery, j.syncLater)
	}
	return e.Seq, nil
}

func (j *Journal) full(more int) bool {
	size := j.last().size
	return size > 0 && (size+int64(more) > j.cfg.SegmentBytes || j.now().Sub(j.started) > j.cfg.SegmentAge)
}

// undo takes back a half-written entry after err.
func (j *Journal) undo(err error) error {
	if truncateErr := j.file.Truncate(j.last().size); truncateErr != nil {
		j.err = errors.Join(err, truncateErr)
		return j.err
	}
	return err
}

func (j *Journal) syncLater() {
	if err := j.Sync(); err != nil && !errors.Is(err, ErrClosed) {
		j.log.Error("journal cannot be synced", "error", err)
	}
}

// Sync makes everything appended so far durable. After a failure nobody knows
// what the disk has, so the journal takes no more entries.
func (j *Journal) Sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.sync()
}

func (j *Journal) sync() error {
	if j.err != nil || !j.dirty {
		return j.err
	}
	if err := j.file.Sync(); err != nil {
		j.err = fmt.Errorf("sync journal: %w", err)
		return j.err
	}
	j.dirty = false
	return nil
}

// rotate is called with mu held.
func (j *Journal) rotate() error {
	if err := j.sync(); err != nil {
		return err
	}
	full := j.file
	if err := j.startSegment(); err != nil {
		return err
	}
	if err := full.Close(); err != nil {
		return fmt.Errorf("close journal segment: %w", err)
	}
	j.retain()
	return nil
}

func (j *Journal) startSegment() error {
	path := segmentPath(j.dir, j.seq+1)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("start journal segment: %w", err)
	}
	if err := durable.SyncDir(j.dir); err != nil {
		return errors.Join(err, f.Close(), os.Remove(path))
	}
	j.file, j.started = f, j.now()
	j.segments = append(j.segments, segment{path: path, first: j.seq + 1})
	return nil
}

// Close makes everything durable and ends writing.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if errors.Is(j.err, ErrClosed) {
		return nil
	}
	var err error
	if j.err == nil {
		err = j.tellOmitted(true)
	}
	err = errors.Join(err, j.sync(), j.file.Close())
	j.err = ErrClosed
	return err
}
