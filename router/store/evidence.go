package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// EachEvidence implements ledger.DB. Each node is read by itself, so a long walk
// holds nothing up.
func (s *Store) EachEvidence(ctx context.Context, number uint64, yield func(ledger.Evidence) error) error {
	var nodes []wire.Key
	err := s.read(ctx, "list nodes with receipts", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var node wire.Key
			err := rows.Scan(textKey{&node})
			nodes = append(nodes, node)
			return err
		}, `SELECT node FROM work WHERE epoch = $1 UNION SELECT node FROM late_receipts WHERE epoch = $1`, int64(number))
	})
	if err != nil {
		return err
	}
	slices.SortFunc(nodes, func(a, b wire.Key) int { return bytes.Compare(a[:], b[:]) })
	const together = 128
	for part := range slices.Chunk(nodes, together) {
		list := make([]ledger.Evidence, len(part))
		err := s.read(ctx, "read receipts", func(tx *sql.Tx) error {
			for i, node := range part {
				var err error
				if list[i], err = evidence(ctx, tx, number, node); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := yield(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// evidence is the receipts of one node in an epoch.
func evidence(ctx context.Context, tx *sql.Tx, number uint64, node wire.Key) (ledger.Evidence, error) {
	e := ledger.Evidence{Node: node}
	objections, err := disputesOf(ctx, tx, number, node)
	if err != nil {
		return e, err
	}
	err = each(ctx, tx, func(rows *sql.Rows) error {
		r, err := scanReceipt(rows)
		if err != nil {
			return err
		}
		if last := len(e.Work) - 1; last < 0 || e.Work[last].Job != r.Job {
			e.Work = append(e.Work, ledger.Work{Job: r.Job, Counted: ledger.EntryOf(r), Disputes: objections[r.Job]})
			return nil
		}
		// 'counted' follows 'agreed'. Of the same sequence, the agreed one has
		// both signatures and stays the only one.
		w := &e.Work[len(e.Work)-1]
		if latest := ledger.EntryOf(r); latest.Sequence > w.Counted.Sequence {
			earlier := w.Counted
			w.Counted, w.Agreed = latest, &earlier
		}
		return nil
	}, `SELECT `+receiptColumns+` FROM receipts WHERE epoch = $1 AND node = $2 ORDER BY job, side`, int64(number), node.String())
	if err != nil {
		return e, err
	}
	if e.Late, err = lateOf(ctx, tx, number, node); err != nil {
		return e, err
	}
	e.Sort()
	return e, nil
}

func disputesOf(ctx context.Context, tx *sql.Tx, number uint64, node wire.Key) (map[string][]ledger.Dispute, error) {
	byJob := make(map[string][]ledger.Dispute)
	err := each(ctx, tx, func(rows *sql.Rows) error {
		d, err := scanDispute(rows)
		if err != nil {
			return err
		}
		byJob[d.Job] = append(byJob[d.Job], d.Dispute)
		return nil
	}, `SELECT `+disputeColumns+` FROM disputes WHERE epoch = $1 AND node = $2 ORDER BY job, sequence`, int64(number), node.String())
	return byJob, err
}

// late adds the bytes that were proven late, with a note on each receipt.
func (g *gathering) late() error {
	var nodes []wire.Key
	var list []ledger.LateWork
	err := each(g.ctx, g.tx, func(rows *sql.Rows) error {
		node, l, err := scanLate(rows)
		nodes, list = append(nodes, node), append(list, l)
		return err
	}, `SELECT node, `+lateColumns+` FROM late_receipts WHERE epoch = $1 ORDER BY node, of_epoch, job`, int64(g.epoch.Number))
	g.ensure(slices.Clone(nodes))
	for i, l := range list {
		proven := l.Receipt.BytesDown + l.Receipt.BytesUp - l.Paid
		g.of(nodes[i]).BytesLate += proven
		if len(g.in.Notes) < ledger.MaxNotes {
			g.in.Notes = append(g.in.Notes, ledger.Note{Kind: ledger.NoteLate, Node: nodes[i], Text: fmt.Sprintf(
				"%d bytes of epoch %d, job %s, by receipt %d, which came after that epoch was closed", proven, l.Epoch, l.Job, l.Receipt.Sequence)})
		}
	}
	return err
}
