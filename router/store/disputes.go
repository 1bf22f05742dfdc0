package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// MaxDisputes is how many disputes of one node, epoch and job are kept; the
// oldest go. The newest decides what is disputed, the others are history.
const MaxDisputes = 64

// Dispute is a dispute and the place it belongs to.
type Dispute struct {
	Node  wire.Key
	Epoch uint64
	Job   string
	ledger.Dispute
}

// AppendDispute stores that a node refused to countersign. A second one about
// the same receipt changes nothing. The errors about epochs are SaveReceipt's.
func (s *Store) AppendDispute(ctx context.Context, d Dispute) error {
	if len(d.Job) > wire.MaxJob {
		return fmt.Errorf("append dispute: %w: job id of %d bytes", ErrInvalid, len(d.Job))
	}
	router, err := json.Marshal(d.RouterCounts)
	if err != nil {
		return err
	}
	node, err := json.Marshal(d.NodeCounts)
	if err != nil {
		return err
	}
	return s.write(ctx, "append dispute", func(tx *sql.Tx) error {
		if err := takesReceipts(ctx, tx, d.Epoch); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO disputes (epoch, node, job, sequence, router_counts, node_counts, reason, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (epoch, node, job, sequence) DO NOTHING`,
			int64(d.Epoch), d.Node.String(), d.Job, int64(d.Sequence), string(router), string(node), d.Reason.String(), toMillis(d.At))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM disputes WHERE epoch = $1 AND node = $2 AND job = $3 AND sequence NOT IN
			(SELECT sequence FROM disputes WHERE epoch = $1 AND node = $2 AND job = $3 ORDER BY sequence DESC LIMIT $4)`,
			int64(d.Epoch), d.Node.String(), d.Job, MaxDisputes)
		return err
	})
}

// Disputes lists the disputes of an epoch by node, job and sequence.
func (s *Store) Disputes(ctx context.Context, epoch uint64) ([]Dispute, error) {
	var list []Dispute
	err := s.read(ctx, "list disputes", func(tx *sql.Tx) error {
		var err error
		list, err = disputes(ctx, tx, epoch)
		return err
	})
	return list, err
}

const disputeColumns = "node, job, sequence, router_counts, node_counts, reason, at"

func disputes(ctx context.Context, tx *sql.Tx, epoch uint64) ([]Dispute, error) {
	var list []Dispute
	err := each(ctx, tx, func(rows *sql.Rows) error {
		d, err := scanDispute(rows)
		d.Epoch = epoch
		list = append(list, d)
		return err
	}, `SELECT `+disputeColumns+` FROM disputes WHERE epoch = $1 ORDER BY node, job, sequence`, int64(epoch))
	return list, err
}

func scanDispute(r row) (d Dispute, err error) {
	var router, node, reason string
	var at int64
	if err := r.Scan(textKey{&d.Node}, &d.Job, &d.Sequence, &router, &node, &reason, &at); err != nil {
		return d, err
	}
	if err := json.Unmarshal([]byte(router), &d.RouterCounts); err != nil {
		return d, fmt.Errorf("dispute of node %s: %w", d.Node, err)
	}
	if err := json.Unmarshal([]byte(node), &d.NodeCounts); err != nil {
		return d, fmt.Errorf("dispute of node %s: %w", d.Node, err)
	}
	d.At = fromMillis(at)
	return d, d.Reason.UnmarshalText([]byte(reason))
}
