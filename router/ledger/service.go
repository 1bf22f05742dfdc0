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
	"strings"
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
	// EpochInputs is what the formula is told about an epoch that is closing;
	// until it is closed the receipts do not change.
	EpochInputs(ctx context.Context, number uint64) (*Inputs, error)
	// CloseEpoch moves e from closing to closed, with its file. Nothing happens
	// if it is closed already.
	CloseEpoch(ctx context.Context, e Epoch, f *File) error
	// EpochFile is the file of a closed epoch, to the byte.
	EpochFile(ctx context.Context, number uint64) (*File, error)
	// EachEvidence calls yield with the receipts of each node in an epoch that
	// is closing or closed, by node key; an error of yield ends it.
	EachEvidence(ctx context.Context, number uint64, yield func(Evidence) error) error
}

// Inputs is what the formula is told about an epoch, beside its times.
type Inputs struct {
	// Statements have no amounts yet. Ever and RoyaltyEver are what the nodes
	// earned in earlier epochs. Any order.
	Statements []Statement
	Sales      []Sale // without fee and share
	Corrected  []Correction
	Decided    []Decision
	Notes      []Note
	Before     Totals // of the epoch before; only what it says about all epochs counts
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
// files. It may be called again with the same number at any time, after an
// error or a crash too: an epoch that is closed already comes back as it is,
// its files written anew if they are missing. ErrNoEpoch if it was never opened.
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
	return e, l.ensureFiles(ctx, e, f)
}

// finishBefore sees that the epoch before number is closed and has its files.
func (l *Ledger) finishBefore(ctx context.Context, number uint64) error {
	if number == 1 {
		return nil
	}
	before, err := l.db.Epoch(ctx, number-1)
	if err != nil {
		return err
	}
	if before.State == StateClosed {
		return l.ensureFiles(ctx, before, nil)
	}
	if _, err := l.closeLocked(ctx, number-1); err != nil {
		return fmt.Errorf("epoch %d before it: %w", number-1, err)
	}
	return nil
}

// compute ends the closing of e. Only here, with the statements stored and
// before anything is published, does e become closed.
func (l *Ledger) compute(ctx context.Context, e Epoch) (Epoch, *File, error) {
	if err := l.sample(ctx, e.Number); err != nil {
		return Epoch{}, nil, err
	}
	in, err := l.db.EpochInputs(ctx, e.Number)
	if err != nil {
		return Epoch{}, nil, err
	}
	f, err := NewFile(headOf(e, in), in.Statements, in.Before, l.key)
	if err != nil {
		return Epoch{}, nil, err
	}
	e.State, e.Head, e.Root, e.Hash, e.Signature = StateClosed, &f.Head, f.Head.Root, f.Hash, f.Signature
	e.SettleFrom = f.Head.SettleFrom
	if err := l.db.CloseEpoch(ctx, e, f); err != nil {
		return Epoch{}, nil, err
	}
	t := f.Head.Totals
	l.log.Info("epoch closed", "epoch", e.Number, "nodes", t.Nodes, "allocated", t.Allocated().String(),
		"unallocated", t.Unallocated().String(), "royalties", int64(t.Royalties), "root", e.Root.String())
	return e, f, nil
}

// headOf is the head of an epoch that has ended, without its results.
func headOf(e Epoch, in *Inputs) Head {
	h := Head{
		Epoch: e.Number, Start: e.Start, End: e.End, Seconds: e.Seconds(), Params: e.Params,
		SettleFrom: e.End.Add(time.Duration(e.Params.Window) * time.Hour),
		Sales:      in.Sales, Corrected: in.Corrected, Decided: in.Decided, Notes: in.Notes,
	}
	for i := range h.Sales {
		s := &h.Sales[i]
		s.Fee = feeOf(s.Price, e.Params.Fee)
		s.Shared = s.Price - s.Fee
	}
	if text := clockNote(h.Start, h.End, h.Seconds); text != "" {
		h.Notes = append(h.Notes[:len(h.Notes):len(h.Notes)], Note{Kind: NoteClock, Text: text})
	}
	return h
}

// sampled is of how many nodes the signatures are checked before an epoch is
// closed. Each was checked when it came; this finds a database and a key that
// do not belong together.
const sampled = 2048

// sample verifies receipts before they become amounts: what a stranger would
// reject must not become an epoch. Receipts may be signed with a key that was
// replaced since, or rows changed by hand.
func (l *Ledger) sample(ctx context.Context, number uint64) error {
	n := 0
	err := l.db.EachEvidence(ctx, number, func(e Evidence) error {
		if n++; n > sampled {
			return errStop
		}
		if err := e.Check(l.router, number); err != nil {
			return fmt.Errorf("the stored receipts of node %s do not verify under router key %s: %w: restore the key or the backup they belong to", e.Node, l.router, err)
		}
		return nil
	})
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// Recover ends what a crash has cut off: it finishes an epoch that was closing
// and writes the newest closed epoch's files if they are missing. Call it once,
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

// Path is where the JSON file of an epoch is or will be. Its Parquet form and
// the receipts behind it lie beside it.
func (l *Ledger) Path(number uint64) string {
	return filepath.Join(l.config.Dir, fmt.Sprintf("epoch-%06d%s", number, endJSON))
}

// ParquetPath is where the Parquet form is or will be.
func (l *Ledger) ParquetPath(number uint64) string {
	return strings.TrimSuffix(l.Path(number), endJSON) + endParquet
}

// ensureFiles writes the files of a closed epoch unless they are there. It
// takes f, or reads it back if f is nil. A file that says something else than
// the rows is left alone: somebody may have relied on it.
func (l *Ledger) ensureFiles(ctx context.Context, e Epoch, f *File) error {
	if e.Head == nil {
		return nil // closed by an earlier version, which wrote another format
	}
	missing, err := l.missing(e)
	if err != nil || len(missing) == 0 {
		return err
	}
	if f == nil {
		if f, err = l.db.EpochFile(ctx, e.Number); err != nil {
			return err
		}
	}
	for _, path := range missing {
		switch {
		case strings.HasSuffix(path, endReceipts):
			err = WriteEvidence(path, l.router, e.Number, func(yield func(Evidence) error) error {
				return l.db.EachEvidence(ctx, e.Number, yield)
			})
		case strings.HasSuffix(path, endParquet):
			err = f.WriteParquet(path)
		default:
			err = WriteFile(path, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// missing lists the files of e that are not there.
func (l *Ledger) missing(e Epoch) ([]string, error) {
	var missing []string
	for _, path := range []string{l.ParquetPath(e.Number), l.Path(e.Number)} {
		seal, err := ReadSeal(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, path)
		case err != nil:
			return nil, fmt.Errorf("the file of epoch %d: %w: move it away, it is written anew", e.Number, err)
		case seal.Hash != e.Hash:
			return nil, fmt.Errorf("%s has hash %s, the database closed epoch %d with %s: restore the backup they both belong to", path, seal.Hash, e.Number, e.Hash)
		}
	}
	receipts := ReceiptsPath(l.Path(e.Number))
	if _, err := os.Stat(receipts); errors.Is(err, fs.ErrNotExist) {
		missing = append(missing, receipts)
	} else if err != nil {
		return nil, err
	}
	return missing, nil
}
