package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// DB is what the ledger keeps rows in. Each method is one transaction and
// durable when it returns nil.
type DB interface {
	// Epoch is the epoch of that number, or the newest for 0; ErrNoEpoch if
	// there is none.
	Epoch(ctx context.Context, number uint64) (Epoch, error)
	// StartEpoch opens next. If another is open, it moves to closing and ends
	// where next starts. Nothing happens if an epoch of next's number exists.
	StartEpoch(ctx context.Context, next Epoch) error
	// EpochInputs is what is known about each node with a receipt in an epoch.
	// From closing on the receipts do not change; once closed nothing does.
	EpochInputs(ctx context.Context, number uint64) ([]NodeInput, error)
	// Balances is the cumulative amount of each node at the end of a closed
	// epoch; nobody has any at the end of epoch 0.
	Balances(ctx context.Context, number uint64) (map[wire.Key]MicroPoints, error)
	// CloseEpoch moves e from closing to closed with its statements. Nothing
	// happens if it is closed already.
	CloseEpoch(ctx context.Context, e Epoch, statements []Statement) error
}

// Config is what a Ledger is told.
type Config struct {
	// Dir is the folder for epoch files; it is made if missing. No default.
	Dir string
	// Params are those of epochs opened from now on; default DefaultParams().
	Params Params
}

// DefaultConfig is formula 1 with the published numbers, writing to dir.
func DefaultConfig(dir string) Config { return Config{Dir: dir, Params: DefaultParams()} }

// Ledger opens and closes epochs. It is safe for concurrent use; at most one
// Ledger works on a DB at a time.
type Ledger struct {
	log    *slog.Logger
	now    func() time.Time
	db     DB
	config Config
	key    ed25519.PrivateKey
	router wire.Key

	closing sync.Mutex // held while an epoch is being closed
}

// New makes a Ledger that signs with the router's key. The error wraps
// ErrParams, or says what is wrong with the folder.
func New(log *slog.Logger, now func() time.Time, db DB, config Config, key ed25519.PrivateKey) (*Ledger, error) {
	if err := config.Params.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(config.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder for epoch files: %w", err)
	}
	return &Ledger{log: log, now: now, db: db, config: config, key: key, router: wire.KeyOf(key)}, nil
}

// Current is the open epoch. On the very first call for a DB it opens epoch 1.
func (l *Ledger) Current(ctx context.Context) (Epoch, error) {
	e, err := l.db.Epoch(ctx, 0)
	if !errors.Is(err, ErrNoEpoch) {
		return e, err
	}
	if err := l.db.StartEpoch(ctx, l.next(1, l.clock())); err != nil {
		return Epoch{}, fmt.Errorf("open the first epoch: %w", err)
	}
	return l.db.Epoch(ctx, 0)
}

// clock is the time in the precision that epochs have.
func (l *Ledger) clock() time.Time { return l.now().UTC().Truncate(time.Millisecond) }

func (l *Ledger) next(number uint64, start time.Time) Epoch {
	return Epoch{Number: number, State: StateOpen, Start: start, Params: l.config.Params}
}

// Close closes the epoch of that number, opens the next and writes the epoch
// file. It may be called again with the same number at any time, after an
// error or a crash too: an epoch that is closed already comes back as it is,
// its file written anew if that is missing. ErrNoEpoch if it was never opened.
//
// Epochs close in order: one before it that was left half closed is finished
// first, since cumulative amounts build on it.
//
// From the first moment receipts for the epoch are refused with ErrEpochClosed,
// so whoever wants its last counts in it saves them before.
func (l *Ledger) Close(ctx context.Context, number uint64) (Epoch, error) {
	l.closing.Lock()
	defer l.closing.Unlock()
	e, err := l.closeLocked(ctx, number)
	if err != nil {
		return Epoch{}, fmt.Errorf("close epoch %d: %w", number, err)
	}
	return e, nil
}

func (l *Ledger) closeLocked(ctx context.Context, number uint64) (Epoch, error) {
	if number == 0 {
		return Epoch{}, ErrNoEpoch
	}
	e, err := l.db.Epoch(ctx, number)
	if err != nil {
		return Epoch{}, err
	}
	if err := l.finishBefore(ctx, number); err != nil {
		return Epoch{}, err
	}
	if e.State == StateOpen {
		start := l.clock()
		if start.Before(e.Start) { // the clock was set back
			start = e.Start
		}
		if err := l.db.StartEpoch(ctx, l.next(number+1, start)); err != nil {
			return Epoch{}, err
		}
		if e, err = l.db.Epoch(ctx, number); err != nil {
			return Epoch{}, err
		}
	}
	var f *File // stays nil if the epoch is closed already
	if e.State == StateClosing {
		if e, f, err = l.compute(ctx, e); err != nil {
			return Epoch{}, err
		}
	}
	return e, l.ensureFile(ctx, e, f)
}

// finishBefore sees that the epoch before number is closed and has its file.
func (l *Ledger) finishBefore(ctx context.Context, number uint64) error {
	if number == 1 {
		return nil
	}
	before, err := l.db.Epoch(ctx, number-1)
	if err != nil {
		return err
	}
	if before.State == StateClosed {
		return l.ensureFile(ctx, before, nil)
	}
	if _, err := l.closeLocked(ctx, number-1); err != nil {
		return fmt.Errorf("epoch %d before it: %w", number-1, err)
	}
	return nil
}

// compute ends the closing of e. Only here, with the statements stored and
// before anything is published, does e become closed.
func (l *Ledger) compute(ctx context.Context, e Epoch) (Epoch, *File, error) {
	f, err := l.build(ctx, e)
	if err != nil {
		return Epoch{}, nil, err
	}
	// What a stranger would reject must not become an epoch: receipts signed
	// with a key that was replaced since, or rows changed by hand.
	r := f.Verify(VerifyOptions{RouterKey: &l.router})
	if !r.Valid() {
		return Epoch{}, nil, fmt.Errorf("the stored receipts do not verify under router key %s: %s %s (%d problems): restore the key or the backup they belong to",
			l.router, r.Problems[0].Where, r.Problems[0].What, len(r.Problems)+r.Omitted)
	}
	e.State, e.Root, e.Hash = StateClosed, f.Content.Root, f.Hash
	e.Allocated, e.Unallocated = r.Allocated, r.Unallocated
	if err := l.db.CloseEpoch(ctx, e, f.Content.Statements); err != nil {
		return Epoch{}, nil, err
	}
	l.log.Info("epoch closed", "epoch", e.Number, "nodes", len(f.Content.Statements), "receipts", r.Receipts,
		"allocated", e.Allocated.String(), "unallocated", e.Unallocated.String(), "root", e.Root.String())
	return e, f, nil
}

// build makes the file of an epoch that takes no more receipts, from rows
// alone: twice the same rows make twice the same bytes.
func (l *Ledger) build(ctx context.Context, e Epoch) (*File, error) {
	nodes, err := l.db.EpochInputs(ctx, e.Number)
	if err != nil {
		return nil, err
	}
	before, err := l.db.Balances(ctx, e.Number-1)
	if err != nil {
		return nil, err
	}
	return NewFile(e, nodes, before, l.key)
}

// Recover ends what a crash has cut off: it finishes an epoch that was closing
// and writes the newest closed epoch's file if that is missing. Call it once,
// before receipts are taken.
func (l *Ledger) Recover(ctx context.Context) error {
	current, err := l.Current(ctx)
	if err != nil {
		return err
	}
	if current.Number == 1 {
		return nil
	}
	_, err = l.Close(ctx, current.Number-1)
	return err
}

// Path is where the file of an epoch is or will be.
func (l *Ledger) Path(number uint64) string {
	return filepath.Join(l.config.Dir, fmt.Sprintf("epoch-%06d.json", number))
}

// ensureFile writes the file of a closed epoch unless it is there. It takes f,
// or builds the file from the rows if f is nil. A file that says something else
// than the rows is left alone: somebody may have relied on it.
func (l *Ledger) ensureFile(ctx context.Context, e Epoch, f *File) error {
	path := l.Path(e.Number)
	there, err := ReadFile(path)
	switch {
	case err == nil && there.Hash == e.Hash:
		return nil
	case err == nil:
		return fmt.Errorf("%s has hash %s, the database closed epoch %d with %s: restore the backup they both belong to", path, there.Hash, e.Number, e.Hash)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the file of epoch %d: %w: move it away, it is written anew", e.Number, err)
	}
	if f == nil {
		if f, err = l.build(ctx, e); err != nil {
			return err
		}
	}
	if f.Hash != e.Hash {
		return fmt.Errorf("the stored rows give an epoch file with hash %s, it was closed with %s: restore the backup they belong to", f.Hash, e.Hash)
	}
	return WriteFile(path, f)
}
