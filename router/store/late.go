package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

const lateColumns = "of_epoch, job, paid, sequence, bytes_down, bytes_up, tunnels, failures, online_seconds, router_sig, node_sig"

func scanLate(r row) (node wire.Key, l ledger.LateWork, err error) {
	e := &l.Receipt
	err = r.Scan(textKey{&node}, &l.Epoch, &l.Job, &l.Paid, &e.Sequence, &e.BytesDown, &e.BytesUp, &e.Tunnels, &e.Failures, &e.OnlineSeconds, &e.RouterSig, &e.NodeSig)
	return node, l, err
}

func lateOf(ctx context.Context, tx *sql.Tx, number uint64, node wire.Key) ([]ledger.LateWork, error) {
	var list []ledger.LateWork
	err := each(ctx, tx, func(rows *sql.Rows) error {
		_, l, err := scanLate(rows)
		list = append(list, l)
		return err
	}, `SELECT node, `+lateColumns+` FROM late_receipts WHERE epoch = $1 AND node = $2 ORDER BY of_epoch, job`, int64(number), node.String())
	return list, err
}

// MaxLateReceipts is how many receipts of one node can come late in one epoch.
const MaxLateReceipts = 1_000

// SaveLate books a receipt of an epoch that is closed into the open one: what it
// proves beyond what was paid for that node, epoch and job before. It returns
// those bytes, 0 if it proves nothing new; saving it again proves nothing new.
// The caller has verified both signatures. ledger.ErrNoEpoch if its epoch was
// never opened, ErrConflict if that is not closed yet, ErrInvalid if it is
// malformed or the node has too many.
func (s *Store) SaveLate(ctx context.Context, r wire.Receipt) (proven uint64, err error) {
	if _, err := wire.DecodeReceipt(r.Encode()); err != nil || r.Job == "" || len(r.RouterSig) == 0 || len(r.NodeSig) == 0 {
		return 0, fmt.Errorf("save late receipt: %w: it needs a job and both signatures (%w)", ErrInvalid, errors.Join(err))
	}
	err = s.write(ctx, "save late receipt", func(tx *sql.Tx) error {
		of, err := epoch(ctx, tx, r.Epoch)
		if err != nil {
			return err
		}
		if of.State != ledger.StateClosed {
			return fmt.Errorf("%w: epoch %d is %s and takes the receipt itself", ErrConflict, r.Epoch, of.State)
		}
		open, err := epoch(ctx, tx, 0)
		if err != nil {
			return err
		}
		node := r.Node.String()
		var paid, booked uint64
		var many int
		// What was paid: the router's last count, and whatever came late before.
		err = tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(total), 0) FROM (
			SELECT bytes_down + bytes_up AS total FROM receipts WHERE epoch = $1 AND node = $2 AND job = $3
			UNION ALL SELECT bytes_down + bytes_up FROM late_receipts WHERE of_epoch = $1 AND node = $2 AND job = $3) t`,
			int64(r.Epoch), node, r.Job).Scan(&paid)
		if err != nil || r.Bytes() <= paid {
			return err
		}
		proven = r.Bytes() - paid
		err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM late_receipts WHERE epoch = $1 AND node = $2`, int64(open.Number), node).Scan(&many)
		if err == nil && many >= MaxLateReceipts {
			return fmt.Errorf("%w: node %s has %d late receipts in epoch %d", ErrInvalid, node, many, open.Number)
		}
		if err != nil {
			return err
		}
		// One that came late earlier in the same epoch is replaced and keeps its
		// own start.
		err = tx.QueryRowContext(ctx, `SELECT paid FROM late_receipts WHERE epoch = $1 AND node = $2 AND of_epoch = $3 AND job = $4`,
			int64(open.Number), node, int64(r.Epoch), r.Job).Scan(&booked)
		switch {
		case err == nil:
			paid = booked
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO late_receipts (epoch, node, `+lateColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
			ON CONFLICT (epoch, node, of_epoch, job) DO UPDATE SET sequence = excluded.sequence, bytes_down = excluded.bytes_down,
				bytes_up = excluded.bytes_up, tunnels = excluded.tunnels, failures = excluded.failures,
				online_seconds = excluded.online_seconds, router_sig = excluded.router_sig, node_sig = excluded.node_sig`,
			int64(open.Number), node, int64(r.Epoch), r.Job, int64(paid), int64(r.Sequence), int64(r.BytesDown), int64(r.BytesUp),
			int64(r.Tunnels), int64(r.Failures), int64(r.OnlineSeconds), r.RouterSig, r.NodeSig)
		return err
	})
	return proven, err
}
