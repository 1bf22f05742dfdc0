package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// EpochInputs implements ledger.DB. What is known about the nodes comes from
// what is known now until the epoch is closed, and from its statements then, so
// that a closed epoch reads the same for ever.
func (s *Store) EpochInputs(ctx context.Context, number uint64) ([]ledger.NodeInput, error) {
	var inputs []ledger.NodeInput
	err := s.read(ctx, "read inputs of epoch", func(tx *sql.Tx) error {
		e, err := epoch(ctx, tx, number)
		if err != nil {
			return err
		}
		if inputs, err = work(ctx, tx, number); err != nil {
			return err
		}
		if e.State == ledger.StateClosed {
			return fillFromStatements(ctx, tx, number, inputs)
		}
		return fillFromNodes(ctx, tx, number, inputs)
	})
	return inputs, err
}

// work is each node with its receipts and disputes, the rest still empty.
func work(ctx context.Context, tx *sql.Tx, number uint64) ([]ledger.NodeInput, error) {
	objections, err := disputes(ctx, tx, number)
	if err != nil {
		return nil, err
	}
	type place struct {
		node wire.Key
		job  string
	}
	byPlace := make(map[place][]ledger.Dispute)
	for _, d := range objections {
		at := place{d.Node, d.Job}
		byPlace[at] = append(byPlace[at], d.Dispute)
	}

	var inputs []ledger.NodeInput
	err = each(ctx, tx, func(rows *sql.Rows) error {
		r, err := scanReceipt(rows)
		if err != nil {
			return err
		}
		if len(inputs) == 0 || inputs[len(inputs)-1].Node != r.Node {
			inputs = append(inputs, ledger.NodeInput{Node: r.Node, Standing: ledger.GoodStanding()})
		}
		n := &inputs[len(inputs)-1]
		if last := len(n.Work) - 1; last < 0 || n.Work[last].Job != r.Job {
			n.Work = append(n.Work, ledger.Work{Job: r.Job, Counted: ledger.EntryOf(r), Disputes: byPlace[place{r.Node, r.Job}]})
			return nil
		}
		// 'counted' follows 'agreed'. Of the same sequence, the agreed one has
		// both signatures and stays the only one.
		w := &n.Work[len(n.Work)-1]
		if latest := ledger.EntryOf(r); latest.Sequence > w.Counted.Sequence {
			earlier := w.Counted
			w.Counted, w.Agreed = latest, &earlier
		}
		return nil
	}, `SELECT `+receiptColumns+` FROM receipts WHERE epoch = $1 ORDER BY node, job, side`, int64(number))
	return inputs, err
}

func fillFromNodes(ctx context.Context, tx *sql.Tx, number uint64, inputs []ledger.NodeInput) error {
	byNode := byKey(inputs)
	err := each(ctx, tx, func(rows *sql.Rows) error {
		known, err := scanNode(rows)
		if err != nil {
			return err
		}
		if n, ok := byNode[known.Key]; ok {
			n.Country, n.Clump = known.Country, known.Clump
		}
		return nil
	}, `SELECT `+nodeColumns+` FROM nodes WHERE node IN (SELECT node FROM receipts WHERE epoch = $1)`, int64(number))
	if err != nil {
		return err
	}
	return each(ctx, tx, func(rows *sql.Rows) error {
		var node wire.Key
		var at int
		var reason string
		if err := rows.Scan(textKey{&node}, &at, &reason); err != nil {
			return err
		}
		n, ok := byNode[node]
		if !ok {
			return nil
		}
		var err error
		n.Standing, err = standingOf(at, reason)
		return err
	}, `SELECT s.node, s.permille, s.reason FROM standing_events s
		JOIN (SELECT node, MAX(seq) AS newest FROM standing_events GROUP BY node) l ON l.node = s.node AND l.newest = s.seq`)
}

func byKey(inputs []ledger.NodeInput) map[wire.Key]*ledger.NodeInput {
	m := make(map[wire.Key]*ledger.NodeInput, len(inputs))
	for i := range inputs {
		m[inputs[i].Node] = &inputs[i]
	}
	return m
}

func fillFromStatements(ctx context.Context, tx *sql.Tx, number uint64, inputs []ledger.NodeInput) error {
	byNode := byKey(inputs)
	return each(ctx, tx, func(rows *sql.Rows) error {
		var node wire.Key
		var country, clump, reasons string
		var standing int
		if err := rows.Scan(textKey{&node}, &country, &clump, &standing, &reasons); err != nil {
			return err
		}
		n, ok := byNode[node]
		if !ok {
			return nil
		}
		n.Country, n.Clump, n.Standing.Permille = country, clump, standing
		return json.Unmarshal([]byte(reasons), &n.Standing.Reasons)
	}, `SELECT node, country, clump, standing, reasons FROM statements WHERE epoch = $1`, int64(number))
}
