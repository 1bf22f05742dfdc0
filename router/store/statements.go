package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

const statementColumns = `epoch, node, bytes_signed, bytes_unsigned, bytes_disputed, online_seconds,
	country, scarcity, clump, standing, reasons, carriage, availability, amount, cumulative`

// NodeStatement is a statement and the epoch it belongs to.
type NodeStatement struct {
	Epoch uint64
	ledger.Statement
}

// Statements are the statements of a closed epoch, in no order that matters;
// none if it is not closed.
func (s *Store) Statements(ctx context.Context, epoch uint64) ([]ledger.Statement, error) {
	var list []ledger.Statement
	err := s.read(ctx, "list statements", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			st, err := scanStatement(rows)
			list = append(list, st.Statement)
			return err
		}, `SELECT `+statementColumns+` FROM statements WHERE epoch = $1 ORDER BY node`, int64(epoch))
	})
	return list, err
}

// NodeStatements are one node's statements, newest epoch first, at most limit;
// 0 or more than MaxEpochList means MaxEpochList.
func (s *Store) NodeStatements(ctx context.Context, node wire.Key, limit int) ([]NodeStatement, error) {
	limit = upTo(limit, MaxEpochList)
	var list []NodeStatement
	err := s.read(ctx, "list statements of a node", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			st, err := scanStatement(rows)
			list = append(list, st)
			return err
		}, `SELECT `+statementColumns+` FROM statements WHERE node = $1 ORDER BY epoch DESC LIMIT $2`, node.String(), limit)
	})
	return list, err
}

// Balances implements ledger.DB.
func (s *Store) Balances(ctx context.Context, epoch uint64) (map[wire.Key]ledger.MicroPoints, error) {
	balances := make(map[wire.Key]ledger.MicroPoints)
	err := s.read(ctx, "read balances", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var node wire.Key
			var amount ledger.MicroPoints
			if err := rows.Scan(textKey{&node}, &amount); err != nil {
				return err
			}
			balances[node] = amount
			return nil
		}, `SELECT node, cumulative FROM statements WHERE epoch = $1`, int64(epoch))
	})
	return balances, err
}

func putStatements(ctx context.Context, tx *sql.Tx, epoch uint64, statements []ledger.Statement) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO statements (`+statementColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, st := range statements {
		if st.Bytes() > math.MaxInt64 {
			return fmt.Errorf("%w: node %s carried %d bytes", ErrInvalid, st.Node, st.Bytes())
		}
		reasons, err := json.Marshal(st.Reasons)
		if err != nil {
			return err
		}
		_, err = insert.ExecContext(ctx, int64(epoch), st.Node.String(), int64(st.BytesSigned), int64(st.BytesUnsigned), int64(st.BytesDisputed),
			int64(st.OnlineSeconds), st.Country, st.Scarcity, st.Clump, st.Standing, string(reasons),
			int64(st.Carriage), int64(st.Availability), int64(st.Amount), int64(st.Cumulative))
		if err != nil {
			return err
		}
	}
	return nil
}

func scanStatement(r row) (NodeStatement, error) {
	var st NodeStatement
	var reasons string
	err := r.Scan(&st.Epoch, textKey{&st.Node}, &st.BytesSigned, &st.BytesUnsigned, &st.BytesDisputed, &st.OnlineSeconds,
		&st.Country, &st.Scarcity, &st.Clump, &st.Standing, &reasons, &st.Carriage, &st.Availability, &st.Amount, &st.Cumulative)
	if err != nil {
		return st, found(err)
	}
	if err := json.Unmarshal([]byte(reasons), &st.Reasons); err != nil {
		return st, fmt.Errorf("reasons of node %s in epoch %d: %w", st.Node, st.Epoch, err)
	}
	return st, nil
}
