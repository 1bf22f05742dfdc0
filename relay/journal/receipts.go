package journal

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/fallow-network/fallow/relay/durable"
	"github.com/fallow-network/fallow/relay/wire"
)

// ReceiptsFile is the name of the receipts within their directory.
const ReceiptsFile = "receipts.log"

const (
	// maxReceipts bounds how many routers, epochs and jobs are held at once.
	// One takes about 600 bytes on disk and in memory.
	maxReceipts = 100_000
	// The file is rewritten when fewer than a quarter of its receipts are the
	// newest of their kind, but not below this many.
	compactFrom = 64
)

// Errors of Receipts.Save.
var (
	ErrReceiptStale  = errors.New("receipt is older than the one held")
	ErrReceiptShrunk = errors.New("receipt counts less than the one before it")
	ErrReceiptsFull  = errors.New("no room for more receipts until some are forgotten")
)

// Receipts holds the newest receipt for each router, epoch and job, signed by
// both sides: what the node is owed. All methods are safe for concurrent use.
type Receipts struct {
	log  *slog.Logger
	path string

	mu     sync.Mutex
	file   *os.File
	size   int64
	lines  int // in the file
	newest map[receiptKey]wire.Receipt
	err    error // sticky
}

type receiptKey struct {
	router wire.Key
	epoch  uint64
	job    string
}

func keyOf(r wire.Receipt) receiptKey { return receiptKey{r.Router, r.Epoch, r.Job} }

// OpenReceipts reads the receipts in dir, making the file if there is none. A
// torn or damaged line is left out and logged; the file as it was is then kept
// beside the new one, with ".damaged" at its end.
func OpenReceipts(log *slog.Logger, dir string) (*Receipts, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make receipts directory: %w", err)
	}
	r := &Receipts{log: log, path: filepath.Join(dir, ReceiptsFile), newest: make(map[receiptKey]wire.Receipt)}
	text, err := os.ReadFile(r.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read receipts: %w", err)
	}
	damaged := r.load(text)
	if damaged > 0 {
		log.Warn("receipts file was damaged", "lines", damaged, "kept", len(r.newest))
		if err := durable.WriteFile(r.path+".damaged", text); err != nil {
			return nil, err
		}
	}
	if err := r.compact(); err != nil {
		return nil, err
	}
	return r, nil
}

// load takes every sound line and returns how many are not.
func (r *Receipts) load(text []byte) (damaged int) {
	for len(text) > 0 {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		text = rest
		receipt, err := decodeReceipt(line)
		if !ended || err != nil {
			damaged++
			continue
		}
		if held, ok := r.newest[keyOf(receipt)]; !ok || receipt.Sequence > held.Sequence {
			r.newest[keyOf(receipt)] = receipt
		}
	}
	return damaged
}

// Save stores a receipt that the node has countersigned, and returns when it is
// durable: only then may the answer go out. The same receipt again is no error.
// Errors wrap wire.ErrReceiptSignature, ErrReceiptStale, ErrReceiptShrunk or
// ErrReceiptsFull, or come from the disk; after a failed sync so does every
// later call.
func (r *Receipts) Save(receipt wire.Receipt) error {
	if err := errors.Join(receipt.VerifyRouter(), receipt.VerifyNode()); err != nil {
		return fmt.Errorf("save receipt: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	held, known := r.newest[keyOf(receipt)]
	if known && bytes.Equal(held.Encode(), receipt.Encode()) {
		return nil
	}
	if err := follows(held, receipt); known && err != nil {
		return err
	}
	if !known && len(r.newest) >= maxReceipts {
		return ErrReceiptsFull
	}
	if err := r.append(receipt); err != nil {
		return err
	}
	r.newest[keyOf(receipt)] = cloneReceipt(receipt)
	if r.lines >= compactFrom && r.lines > 4*len(r.newest) {
		if err := r.compact(); err != nil {
			r.log.Warn("receipts file cannot be rewritten smaller", "error", err)
		}
	}
	return nil // the receipt itself is durable
}

// follows reports whether next may replace held: later, and not less.
func follows(held, next wire.Receipt) error {
	if next.Sequence <= held.Sequence {
		return fmt.Errorf("%w: sequence %d, held %d", ErrReceiptStale, next.Sequence, held.Sequence)
	}
	if next.BytesDown < held.BytesDown || next.BytesUp < held.BytesUp || next.Tunnels < held.Tunnels ||
		next.Failures < held.Failures || next.OnlineSeconds < held.OnlineSeconds {
		return fmt.Errorf("%w: sequence %d after %d", ErrReceiptShrunk, next.Sequence, held.Sequence)
	}
	return nil
}

// append writes and syncs one line; called with mu held.
func (r *Receipts) append(receipt wire.Receipt) error {
	line := encodeReceipt(receipt)
	if _, err := r.file.Write(line); err != nil {
		if truncateErr := r.file.Truncate(r.size); truncateErr != nil {
			r.err = errors.Join(err, truncateErr)
		}
		return fmt.Errorf("write receipt: %w", err)
	}
	if err := r.file.Sync(); err != nil {
		r.err = fmt.Errorf("sync receipt: %w", err)
		return r.err
	}
	r.size += int64(len(line))
	r.lines++
	return nil
}

// compact rewrites the file with the newest receipts alone and opens it for
// writing. If the disk has no room for that the old file goes on being used.
// Called with mu held or before anyone else has r.
func (r *Receipts) compact() error {
	var text []byte
	for _, receipt := range r.sorted() {
		text = append(text, encodeReceipt(receipt)...)
	}
	if r.file != nil {
		_ = r.file.Close() // everything in it is synced; Windows renames onto no open file
	}
	writeErr := durable.WriteFile(r.path, text)
	if writeErr == nil {
		r.lines = len(r.newest)
	}
	r.err = r.reopen()
	return errors.Join(writeErr, r.err)
}

func (r *Receipts) reopen() error {
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("open receipts: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("open receipts: %w", err), f.Close())
	}
	r.file, r.size = f, info.Size()
	return nil
}

// Newest is the newest receipt for each router, epoch and job, in that order.
func (r *Receipts) Newest() []wire.Receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.sorted()
	for i := range all {
		all[i] = cloneReceipt(all[i])
	}
	return all
}

func (r *Receipts) sorted() []wire.Receipt {
	all := make([]wire.Receipt, 0, len(r.newest))
	for _, receipt := range r.newest {
		all = append(all, receipt)
	}
	slices.SortFunc(all, func(a, b wire.Receipt) int {
		return cmp.Or(bytes.Compare(a.Router[:], b.Router[:]), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Job, b.Job))
	})
	return all
}

// Forget drops a router's receipts up to and including an epoch that is settled,
// durably.
func (r *Receipts) Forget(router wire.Key, throughEpoch uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	for k := range r.newest {
		if k.router == router && k.epoch <= throughEpoch {
			delete(r.newest, k)
		}
	}
	return r.compact()
}

// Close ends writing; everything saved is durable already.
func (r *Receipts) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(r.err, ErrClosed) {
		return nil
	}
	r.err = ErrClosed
	return r.file.Close()
}
