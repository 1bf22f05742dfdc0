package journal

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/durable"
	"github.com/fallow-network/fallow/relay/wire"
)

// ReceiptsFile is the name of the receipts within their directory.
const ReceiptsFile = "receipts.log"

const (
	// maxReceipts bounds how many routers, epochs and jobs are held at once, and
	// maxOfRouter how many epochs and jobs of one router, so that it does not take
	// the room of the others. One takes about 700 bytes on disk and in memory.
	maxReceipts = 100_000
	maxOfRouter = 25_000
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
	now  func() time.Time
	path string

	mu      sync.Mutex
	file    *os.File
	size    int64
	lines   int // in the file
	newest  map[receiptKey]held
	routers map[wire.Key]int // how many of newest are whose
	err     error            // sticky
}

// held is a receipt with the time it was saved.
type held struct {
	wire.Receipt
	Saved time.Time `json:"saved,omitzero"`
}

type receiptKey struct {
	router wire.Key
	epoch  uint64
	job    string
}

func keyOf(r wire.Receipt) receiptKey { return receiptKey{r.Router, r.Epoch, r.Job} }

// OpenReceipts reads the receipts in dir, making the file if there is none. A
// torn or damaged line is left out and logged; the file as it was is then kept
// beside the new one, with ".damaged" at its end. Receipts long settled are
// forgotten; see forgetOld.
func OpenReceipts(log *slog.Logger, now func() time.Time, dir string) (*Receipts, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make receipts directory: %w", err)
	}
	r := &Receipts{
		log: log, now: now, path: filepath.Join(dir, ReceiptsFile),
		newest: make(map[receiptKey]held), routers: make(map[wire.Key]int),
	}
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
	for router := range maps.Clone(r.routers) {
		r.forgetOld(router)
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
		if receipt.Saved.IsZero() {
			receipt.Saved = r.now()
		}
		if old, ok := r.newest[keyOf(receipt.Receipt)]; !ok || receipt.Sequence > old.Sequence {
			r.put(receipt)
		}
	}
	return damaged
}

// put is called with mu held or before anyone else has r.
func (r *Receipts) put(h held) {
	k := keyOf(h.Receipt)
	if _, ok := r.newest[k]; !ok {
		r.routers[k.router]++
	}
	r.newest[k] = h
}

// drop is called with mu held or before anyone else has r.
func (r *Receipts) drop(k receiptKey) {
	delete(r.newest, k)
	if r.routers[k.router]--; r.routers[k.router] == 0 {
		delete(r.routers, k.router)
	}
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
	old, known := r.newest[keyOf(receipt)]
	if known && bytes.Equal(old.Encode(), receipt.Encode()) {
		return nil
	}
	if err := follows(old.Receipt, receipt); known && err != nil {
		return err
	}
	if !known && !r.room(receipt.Router) {
		return ErrReceiptsFull
	}
	h := held{cloneReceipt(receipt), r.now().UTC().Round(0)}
	if err := r.append(h); err != nil {
		return err
	}
	r.put(h)
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
func (r *Receipts) append(receipt held) error {
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
	receipts := make([]wire.Receipt, len(all))
	for i, h := range all {
		receipts[i] = cloneReceipt(h.Receipt)
	}
	return receipts
}

// Get is the newest receipt for a router, epoch and job, if there is one.
func (r *Receipts) Get(router wire.Key, epoch uint64, job string) (receipt wire.Receipt, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.newest[receiptKey{router, epoch, job}]
	return cloneReceipt(h.Receipt), ok
}

func (r *Receipts) sorted() []held {
	all := make([]held, 0, len(r.newest))
	for _, h := range r.newest {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b held) int {
		return cmp.Or(bytes.Compare(a.Router[:], b.Router[:]), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Job, b.Job))
	})
	return all
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
