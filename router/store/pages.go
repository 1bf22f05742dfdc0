package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// The statements of an epoch and the book of balances are kept in pages, each
// under the key of its first node: a million rows each would take longer to
// write than everything else about closing an epoch.
const (
	pageStatements = 512
	pageBalances   = 4096
	maxPageBytes   = 1 << 30 // uncompressed; a statement may have 1 MiB
)

// firstKey is a node's key as pages are found by: hex, which sorts as the key
// itself does.
func firstKey(node wire.Key) string { return hex.EncodeToString(node[:]) }

// pageCodec compresses pages of statements.
var pageCodec = sync.OnceValues(func() (*zstd.Encoder, *zstd.Decoder) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic("store: " + err.Error()) // only for wrong options
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPageBytes))
	if err != nil {
		panic("store: " + err.Error())
	}
	return encoder, decoder
})

// eachPage calls yield for the pages of one of the two tables from the one that
// holds a node on. Each is fetched by itself, so yield may use tx.
func eachPage(ctx context.Context, tx *sql.Tx, table string, epoch uint64, from wire.Key, yield func(body []byte) error) error {
	start := `COALESCE((SELECT MAX(first) FROM ` + table + ` WHERE epoch = $1 AND first <= $2), '')`
	at, query := firstKey(from), `SELECT first, body FROM `+table+` WHERE epoch = $1 AND first >= `+start+` ORDER BY first LIMIT 1`
	for {
		var body []byte
		err := tx.QueryRowContext(ctx, query, int64(epoch), at).Scan(&at, &body)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil {
			err = yield(body)
		}
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
		query = `SELECT first, body FROM ` + table + ` WHERE epoch = $1 AND first > $2 ORDER BY first LIMIT 1`
	}
}

func putStatements(ctx context.Context, tx *sql.Tx, epoch uint64, statements []ledger.Statement) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO epoch_pages (epoch, first, body) VALUES ($1, $2, $3)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	encoder, _ := pageCodec()
	var lines, body []byte
	for len(statements) > 0 {
		page := statements[:min(pageStatements, len(statements))]
		statements = statements[len(page):]
		lines = lines[:0]
		for i := range page {
			lines = append(page[i].AppendJSON(lines), '\n')
		}
		body = encoder.EncodeAll(lines, body[:0])
		if _, err := insert.ExecContext(ctx, int64(epoch), firstKey(page[0].Node), body); err != nil {
			return err
		}
	}
	return nil
}

// eachStatement calls yield for the statements of an epoch from a node on, by
// node key. errEnough from yield ends it without an error.
func eachStatement(ctx context.Context, tx *sql.Tx, epoch uint64, from wire.Key, yield func(*ledger.Statement) error) error {
	_, decoder := pageCodec()
	return eachPage(ctx, tx, "epoch_pages", epoch, from, func(body []byte) error {
		lines, err := decoder.DecodeAll(body, nil)
		if err != nil {
			return fmt.Errorf("page of statements: %w", err)
		}
		for line := range bytes.Lines(lines) {
			var s ledger.Statement
			if err := json.Unmarshal(line, &s); err != nil {
				return fmt.Errorf("stored statement: %w", err)
			}
			if bytes.Compare(s.Node[:], from[:]) < 0 {
				continue
			}
			if err := yield(&s); err != nil {
				return err
			}
		}
		return nil
	})
}

// errEnough ends a walk over pages.
var errEnough = errors.New("enough")

// entry is one node's line in the book: a balance and the epoch of the node's
// last statement.
type entry struct {
	ledger.Balance
	last uint64
}

const entryBytes = 32 + 32 + 8 + 8 + 8

func (e *entry) append(b []byte) []byte {
	b = append(append(b, e.Node[:]...), e.Payout[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Points))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Royalties))
	return binary.BigEndian.AppendUint64(b, e.last)
}

func readEntry(b []byte) (e entry) {
	copy(e.Node[:], b)
	copy(e.Payout[:], b[32:])
	e.Points = ledger.MicroPoints(binary.BigEndian.Uint64(b[64:]))
	e.Royalties = ledger.TokenUnits(binary.BigEndian.Uint64(b[72:]))
	e.last = binary.BigEndian.Uint64(b[80:])
	return e
}

// eachEntry calls yield for the book at the end of an epoch from a node on, by
// node key. errEnough from yield ends it without an error.
func eachEntry(ctx context.Context, tx *sql.Tx, epoch uint64, from wire.Key, yield func(entry) error) error {
	return eachPage(ctx, tx, "book_pages", epoch, from, func(body []byte) error {
		if len(body)%entryBytes != 0 {
			return fmt.Errorf("page of the book of epoch %d has %d bytes", epoch, len(body))
		}
		for ; len(body) > 0; body = body[entryBytes:] {
			e := readEntry(body)
			if bytes.Compare(e.Node[:], from[:]) < 0 {
				continue
			}
			if err := yield(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// bookWriter writes a book, entries in the order of their nodes.
type bookWriter struct {
	ctx    context.Context
	insert *sql.Stmt
	epoch  uint64
	first  string
	page   []byte
}

func (w *bookWriter) add(e entry) error {
	if len(w.page) == 0 {
		w.first = firstKey(e.Node)
	}
	if w.page = e.append(w.page); len(w.page) < pageBalances*entryBytes {
		return nil
	}
	return w.flush()
}

func (w *bookWriter) flush() error {
	if len(w.page) == 0 {
		return nil
	}
	_, err := w.insert.ExecContext(w.ctx, int64(w.epoch), w.first, w.page)
	w.page = w.page[:0]
	return err
}

// putBook writes the book at the end of an epoch: that of the epoch before,
// with its statements. It reads through the pages, so memory stays small
// however many nodes there have ever been.
//
// Older books go once they are neither needed for the next epoch nor the newest
// that may be settled by then.
func putBook(ctx context.Context, tx *sql.Tx, epoch uint64, statements []ledger.Statement, end time.Time) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO book_pages (epoch, first, body) VALUES ($1, $2, $3)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	w := &bookWriter{ctx: ctx, insert: insert, epoch: epoch}
	earned := func(until func(wire.Key) bool) error {
		for len(statements) > 0 && until(statements[0].Node) {
			if err := w.add(entry{statements[0].Balance(), epoch}); err != nil {
				return err
			}
			statements = statements[1:]
		}
		return nil
	}
	err = balancesBefore(ctx, tx, epoch, func(e entry) error {
		if err := earned(func(k wire.Key) bool { return bytes.Compare(k[:], e.Node[:]) < 0 }); err != nil {
			return err
		}
		if len(statements) > 0 && statements[0].Node == e.Node {
			return nil // its new balance comes next
		}
		return w.add(e)
	})
	if err == nil {
		err = earned(func(wire.Key) bool { return true })
	}
	if err == nil {
		err = w.flush()
	}
	if err == nil && epoch > 1 {
		_, err = tx.ExecContext(ctx, `DELETE FROM book_pages WHERE epoch < $1 AND epoch <
			(SELECT COALESCE(MAX(number), 0) FROM epochs WHERE state = 'closed' AND settle_from <= $2)`, int64(epoch-1), toMillis(end))
	}
	return err
}
