package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// counting is one step of storing counts: it gathers by how much the sums of
// each node move and writes each node's row once.
type counting struct {
	ctx  context.Context
	tx   *sql.Tx
	open map[uint64]bool // epochs found to be open
	work map[workKey]*tally
}

type workKey struct {
	node  wire.Key
	epoch uint64
}

// tally is by how much the sums of one node in one epoch grow. The numbers are
// unsigned and wrap where a step lowers them, which they never do in sum.
type tally struct {
	counted, agreed, online uint64
	country, clumps         string // "" = as before
}

func (b *counting) takes(epoch uint64) error {
	if b.open[epoch] {
		return nil
	}
	if err := takesReceipts(b.ctx, b.tx, epoch); err != nil {
		return err
	}
	b.open[epoch] = true
	return nil
}

func (b *counting) of(node wire.Key, epoch uint64) *tally {
	t := b.work[workKey{node, epoch}]
	if t == nil {
		t = new(tally)
		b.work[workKey{node, epoch}] = t
	}
	return t
}

func (b *counting) place(p *Place) error {
	if err := b.takes(p.Epoch); err != nil {
		return err
	}
	if len(p.Presence) > ledger.MaxPresence {
		return fmt.Errorf("%w: node %s in %d clumps, may be %d", ErrInvalid, p.Node, len(p.Presence), ledger.MaxPresence)
	}
	if p.Country != "" && len(p.Country) != 2 {
		return fmt.Errorf("%w: country %.8q of node %s", ErrInvalid, p.Country, p.Node)
	}
	t := b.of(p.Node, p.Epoch)
	t.country, t.clumps = p.Country, presenceText(p.Presence)
	return nil
}

func (b *counting) store() error {
	upsert, err := b.tx.PrepareContext(b.ctx, `INSERT INTO work (epoch, node, country, clumps, counted, agreed, online)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (epoch, node) DO UPDATE SET
			country = CASE WHEN excluded.country <> '' THEN excluded.country ELSE work.country END,
			clumps = CASE WHEN excluded.clumps <> '' THEN excluded.clumps ELSE work.clumps END,
			counted = work.counted + excluded.counted, agreed = work.agreed + excluded.agreed, online = work.online + excluded.online`)
	if err != nil {
		return err
	}
	defer upsert.Close()
	for at, t := range b.work {
		_, err := upsert.ExecContext(b.ctx, int64(at.epoch), at.node.String(), t.country, t.clumps, int64(t.counted), int64(t.agreed), int64(t.online))
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *counting) sites(counts []SiteCount) error {
	for _, c := range counts {
		if err := b.takes(c.Epoch); err != nil {
			return err
		}
		_, err := b.tx.ExecContext(b.ctx, `INSERT INTO site_bytes (epoch, node, site, bytes) VALUES ($1, $2, $3, $4)
			ON CONFLICT (epoch, node, site) DO UPDATE SET bytes = CASE WHEN excluded.bytes > site_bytes.bytes THEN excluded.bytes ELSE site_bytes.bytes END`,
			int64(c.Epoch), c.Node.String(), c.Site.String(), int64(c.Bytes))
		if err != nil {
			return err
		}
	}
	return nil
}

// presenceText and parsePresence are the column clumps: "tag:seconds", commas
// between.
func presenceText(list []ledger.Presence) string {
	var b strings.Builder
	for i, p := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(p.Clump.String())
		b.WriteByte(':')
		b.WriteString(strconv.FormatUint(p.Seconds, 10))
	}
	return b.String()
}

func parsePresence(text string) ([]ledger.Presence, error) {
	if text == "" {
		return nil, nil
	}
	list := make([]ledger.Presence, 0, strings.Count(text, ",")+1)
	for part := range strings.SplitSeq(text, ",") {
		tag, seconds, _ := strings.Cut(part, ":")
		clump, err := ledger.ParseTag(tag)
		if err != nil {
			return nil, fmt.Errorf("stored clumps: %w", err)
		}
		n, err := strconv.ParseUint(seconds, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("stored clumps: %w", err)
		}
		list = append(list, ledger.Presence{Clump: clump, Seconds: n})
	}
	return list, nil
}

// Presence is where a node was in the open epoch, as last stored, and what it
// carried for the sites that are kept: what a router that restarts counts on
// from.
func (s *Store) Presence(ctx context.Context, node wire.Key) (list []ledger.Presence, sites []SiteCount, err error) {
	err = s.read(ctx, "read presence", func(tx *sql.Tx) error {
		err := each(ctx, tx, func(rows *sql.Rows) error {
			var clumps string
			if err := rows.Scan(&clumps); err != nil {
				return err
			}
			list, err = parsePresence(clumps)
			return err
		}, `SELECT clumps FROM work WHERE node = $1 AND epoch = (SELECT MAX(number) FROM epochs WHERE state = 'open')`, node.String())
		if err != nil {
			return err
		}
		return each(ctx, tx, func(rows *sql.Rows) error {
			c := SiteCount{Node: node}
			var tag string
			if err := rows.Scan(&c.Epoch, &tag, &c.Bytes); err != nil {
				return err
			}
			var err error
			c.Site, err = ledger.ParseTag(tag)
			sites = append(sites, c)
			return err
		}, `SELECT epoch, site, bytes FROM site_bytes WHERE node = $1 AND epoch = (SELECT MAX(number) FROM epochs WHERE state = 'open')`, node.String())
	})
	return list, sites, err
}

// Ran is how long the router has run in the open epoch, as last stored.
func (s *Store) Ran(ctx context.Context) (ms int64, err error) {
	err = s.read(ctx, "read running time", func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(ran), 0) FROM epochs WHERE state = 'open'`).Scan(&ms)
	})
	return ms, err
}
