package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// side is which of the two receipts kept per node, epoch and job a row is.
type side string

const (
	counted side = "counted" // the router's latest
	agreed  side = "agreed"  // the latest that both signed
)

const receiptColumns = "epoch, node, job, router, sequence, bytes_down, bytes_up, tunnels, failures, online_seconds, router_sig, node_sig"

// Counts is what the meter stores in one step.
type Counts struct {
	Receipts []wire.Receipt
	Places   []Place
	Sites    []SiteCount
	Epoch    uint64        // that Ran is about; 0 = nothing is said
	Ran      time.Duration // how long the router has run in that epoch
}

// Place is where a node was while online in an epoch: all of it, so far.
type Place struct {
	Node     wire.Key
	Epoch    uint64
	Country  string // ISO 3166-1 alpha-2, "" = not known
	Presence []ledger.Presence
}

// SiteCount is what a node carried for one site in an epoch, so far.
type SiteCount struct {
	Node  wire.Key
	Epoch uint64
	Site  ledger.Tag
	Bytes uint64
}

// SaveReceipt is SaveCounts for one receipt.
func (s *Store) SaveReceipt(ctx context.Context, r wire.Receipt) error {
	return s.SaveReceipts(ctx, []wire.Receipt{r})
}

// SaveReceipts is SaveCounts for receipts alone.
func (s *Store) SaveReceipts(ctx context.Context, receipts []wire.Receipt) error {
	return s.SaveCounts(ctx, Counts{Receipts: receipts})
}

// SaveCounts stores receipts and what goes with them in one transaction: all or
// nothing. A receipt is stored as the latest of its node, epoch and job, if it
// is: a sequence that is not above the stored one changes nothing, so saving
// twice or late is harmless. The latest countersigned receipt is kept beside the
// latest one, so a proposal never displaces what both have signed. Places and
// sites only ever grow, too.
//
// ErrContradicts if a counter would fall or another router signed,
// ledger.ErrEpochClosed if the epoch takes no more, ledger.ErrNoEpoch if it was
// never opened, ErrInvalid if something is malformed. Signatures are not checked
// here.
func (s *Store) SaveCounts(ctx context.Context, c Counts) error {
	for i := range c.Receipts {
		r := &c.Receipts[i]
		if _, err := wire.DecodeReceipt(r.Encode()); err != nil {
			return fmt.Errorf("save receipt: %w: %w", ErrInvalid, err)
		}
		if len(r.RouterSig) == 0 {
			return fmt.Errorf("save receipt: %w: not signed by the router", ErrInvalid)
		}
	}
	return s.write(ctx, "save receipts", func(tx *sql.Tx) error {
		b := &counting{ctx: ctx, tx: tx, open: make(map[uint64]bool), work: make(map[workKey]*tally)}
		for i := range c.Receipts {
			if err := b.receipt(&c.Receipts[i]); err != nil {
				return err
			}
		}
		for i := range c.Places {
			if err := b.place(&c.Places[i]); err != nil {
				return err
			}
		}
		if err := b.store(); err != nil {
			return err
		}
		if err := b.sites(c.Sites); err != nil {
			return err
		}
		if c.Epoch == 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx, `UPDATE epochs SET ran = $1 WHERE number = $2 AND ran < $1 AND state = 'open'`,
			c.Ran.Milliseconds(), int64(c.Epoch))
		return err
	})
}

// receipt stores r and books by how much it moves its node's sums.
func (b *counting) receipt(r *wire.Receipt) error {
	ctx, tx := b.ctx, b.tx
	if err := b.takes(r.Epoch); err != nil {
		return err
	}
	latest, err := storedReceipt(ctx, tx, r, counted)
	if err != nil {
		return err
	}
	sums := b.of(r.Node, r.Epoch)
	if latest == nil || r.Sequence > latest.Sequence {
		if err := follows(r, latest); err != nil {
			return err
		}
		if err := putReceipt(ctx, tx, r, counted); err != nil {
			return err
		}
		sums.counted += r.Bytes()
		sums.online += r.OnlineSeconds
		if latest != nil {
			sums.counted -= latest.Bytes()
			sums.online -= latest.OnlineSeconds
		}
		latest = r
	}
	if len(r.NodeSig) == 0 {
		return nil
	}
	before, err := storedReceipt(ctx, tx, r, agreed)
	if err != nil || before != nil && r.Sequence <= before.Sequence {
		return err
	}
	// A countersigned receipt may be older than the latest one.
	if err := errors.Join(follows(r, before), follows(latest, r)); err != nil {
		return err
	}
	sums.agreed += r.Bytes()
	if before != nil {
		sums.agreed -= before.Bytes()
	}
	return putReceipt(ctx, tx, r, agreed)
}

// follows says whether r can come after before, or be it.
func follows(r, before *wire.Receipt) error {
	if before == nil {
		return nil
	}
	had, has := ledger.EntryOf(before).Counts, ledger.EntryOf(r).Counts
	switch {
	case r.Router != before.Router:
		return fmt.Errorf("%w: signed by router %s, before by %s", ErrContradicts, r.Router, before.Router)
	case !had.Within(has), r.Sequence == before.Sequence && had != has:
		return fmt.Errorf("%w: node %s, epoch %d, job %q: receipt %d counts %+v, receipt %d before it %+v",
			ErrContradicts, r.Node, r.Epoch, r.Job, r.Sequence, has, before.Sequence, had)
	}
	return nil
}

// takesReceipts refuses epochs that are not open. It runs in the transaction
// that writes, so an epoch cannot close in between.
func takesReceipts(ctx context.Context, tx *sql.Tx, epoch uint64) error {
	var state ledger.State
	err := tx.QueryRowContext(ctx, `SELECT state FROM epochs WHERE number = $1`, int64(epoch)).Scan(&state)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("epoch %d: %w", epoch, ledger.ErrNoEpoch)
	case err != nil:
		return err
	case state != ledger.StateOpen:
		return fmt.Errorf("epoch %d: %w", epoch, ledger.ErrEpochClosed)
	}
	return nil
}

// storedReceipt is the row in the place of r, or nil.
func storedReceipt(ctx context.Context, tx *sql.Tx, r *wire.Receipt, which side) (*wire.Receipt, error) {
	stored, err := scanReceipt(tx.QueryRowContext(ctx, `SELECT `+receiptColumns+` FROM receipts
		WHERE epoch = $1 AND node = $2 AND job = $3 AND side = $4`, int64(r.Epoch), r.Node.String(), r.Job, string(which)))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return stored, err
}

func putReceipt(ctx context.Context, tx *sql.Tx, r *wire.Receipt, which side) error {
	nodeSig := r.NodeSig
	if nodeSig == nil {
		nodeSig = []byte{} // the column is NOT NULL
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO receipts (`+receiptColumns+`, side)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (epoch, node, job, side) DO UPDATE SET
			sequence = excluded.sequence, bytes_down = excluded.bytes_down, bytes_up = excluded.bytes_up,
			tunnels = excluded.tunnels, failures = excluded.failures, online_seconds = excluded.online_seconds,
			router_sig = excluded.router_sig, node_sig = excluded.node_sig`,
		int64(r.Epoch), r.Node.String(), r.Job, r.Router.String(), int64(r.Sequence), int64(r.BytesDown), int64(r.BytesUp),
		int64(r.Tunnels), int64(r.Failures), int64(r.OnlineSeconds), r.RouterSig, nodeSig, string(which))
	return err
}

func scanReceipt(r row) (*wire.Receipt, error) {
	out := new(wire.Receipt)
	err := r.Scan(&out.Epoch, textKey{&out.Node}, &out.Job, textKey{&out.Router}, &out.Sequence, &out.BytesDown, &out.BytesUp,
		&out.Tunnels, &out.Failures, &out.OnlineSeconds, &out.RouterSig, &out.NodeSig)
	if err != nil {
		return nil, found(err)
	}
	if len(out.NodeSig) == 0 {
		out.NodeSig = nil
	}
	return out, nil
}

// Receipts is the latest receipt of each node and job in an epoch, by node and
// job. One that the node agreed to carries its signature.
func (s *Store) Receipts(ctx context.Context, epoch uint64) ([]wire.Receipt, error) {
	return s.latestReceipts(ctx, `epoch = $1`, int64(epoch))
}

// LastReceipts is the latest receipt of each job of one node in the open epoch,
// by job: what a router that restarts counts on from.
func (s *Store) LastReceipts(ctx context.Context, node wire.Key) ([]wire.Receipt, error) {
	return s.latestReceipts(ctx, `node = $1 AND epoch = (SELECT MAX(number) FROM epochs WHERE state = 'open')`, node.String())
}

func (s *Store) latestReceipts(ctx context.Context, where string, arg any) ([]wire.Receipt, error) {
	var list []wire.Receipt
	err := s.read(ctx, "list receipts", func(tx *sql.Tx) error {
		// 'agreed' sorts before 'counted', so of the same sequence the one with
		// both signatures comes first.
		return each(ctx, tx, func(rows *sql.Rows) error {
			r, err := scanReceipt(rows)
			if err != nil {
				return err
			}
			if last := len(list) - 1; last >= 0 && list[last].Node == r.Node && list[last].Job == r.Job {
				if r.Sequence > list[last].Sequence {
					list[last] = *r
				}
				return nil
			}
			list = append(list, *r)
			return nil
		}, `SELECT `+receiptColumns+` FROM receipts WHERE `+where+` ORDER BY node, job, side`, arg)
	})
	return list, err
}
