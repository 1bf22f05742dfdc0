package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Node is what the router remembers of a node.
type Node struct {
	Key       wire.Key
	FirstSeen time.Time // UTC, whole milliseconds, as LastSeen
	LastSeen  time.Time
	Platform  string // "linux/amd64"
	Agent     string // version of the agent
	Country   string // ISO 3166-1 alpha-2, "" = not known
	Clump     string // keyed hash of its /24 or /48, "" = counts as alone
	// Payout is where its payouts go, a Solana address whose owner has agreed;
	// zero: to Key itself.
	Payout wire.Key
}

// Bounds on what is stored of a node, in bytes or rows.
const (
	maxNodeText = 128
	// MaxNodeList is the most nodes one call of Nodes returns, and its default.
	MaxNodeList = 10_000
)

const nodeColumns = "node, first_seen, last_seen, platform, agent, country, clump, payout"

// SeeNode notes that a node was there at n.LastSeen, as n describes it. The
// first time makes it known; FirstSeen is taken from LastSeen then and never
// changes. A LastSeen that is earlier than the stored one does not move it.
func (s *Store) SeeNode(ctx context.Context, n Node) error {
	for _, text := range []string{n.Platform, n.Agent, n.Clump} {
		if len(text) > maxNodeText {
			return fmt.Errorf("%w: %d bytes of text about node %s, may be %d", ErrInvalid, len(text), n.Key, maxNodeText)
		}
	}
	if n.Country != "" && len(n.Country) != 2 {
		return fmt.Errorf("%w: country %.8q of node %s", ErrInvalid, n.Country, n.Key)
	}
	return s.write(ctx, "note node", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO nodes (`+nodeColumns+`) VALUES ($1, $2, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (node) DO UPDATE SET
				last_seen = CASE WHEN excluded.last_seen > nodes.last_seen THEN excluded.last_seen ELSE nodes.last_seen END,
				platform = excluded.platform, agent = excluded.agent, country = excluded.country, clump = excluded.clump, payout = excluded.payout`,
			n.Key.String(), toMillis(n.LastSeen), n.Platform, n.Agent, n.Country, n.Clump, keyOrNone(n.Payout))
		return err
	})
}

// Node is the node with that key. ErrNotFound if it was never seen.
func (s *Store) Node(ctx context.Context, key wire.Key) (Node, error) {
	var n Node
	err := s.read(ctx, "read node", func(tx *sql.Tx) error {
		var err error
		n, err = scanNode(tx.QueryRowContext(ctx, `SELECT `+nodeColumns+` FROM nodes WHERE node = $1`, key.String()))
		return err
	})
	return n, err
}

// Nodes lists nodes, the last seen first, at most limit; 0 or more than
// MaxNodeList means MaxNodeList.
func (s *Store) Nodes(ctx context.Context, limit int) ([]Node, error) {
	limit = upTo(limit, MaxNodeList)
	var list []Node
	err := s.read(ctx, "list nodes", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			n, err := scanNode(rows)
			list = append(list, n)
			return err
		}, `SELECT `+nodeColumns+` FROM nodes ORDER BY last_seen DESC, node LIMIT $1`, limit)
	})
	return list, err
}

func scanNode(r row) (Node, error) {
	var n Node
	var first, last int64
	err := r.Scan(textKey{&n.Key}, &first, &last, &n.Platform, &n.Agent, &n.Country, &n.Clump, textKey{&n.Payout})
	n.FirstSeen, n.LastSeen = fromMillis(first), fromMillis(last)
	return n, found(err)
}

// textKey scans a key from its base58 column; ” is the zero key.
type textKey struct{ key *wire.Key }

// Scan implements sql.Scanner.
func (k textKey) Scan(value any) (err error) {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("column of a key holds %T", value)
	}
	if text == "" {
		*k.key = wire.Key{}
		return nil
	}
	*k.key, err = wire.ParseKey(text)
	return err
}

func keyOrNone(k wire.Key) string {
	if k.IsZero() {
		return ""
	}
	return k.String()
}

// Payouts is where the payouts of nodes go that want them elsewhere than at their
// own key.
func (s *Store) Payouts(ctx context.Context) (map[wire.Key]wire.Key, error) {
	payouts := make(map[wire.Key]wire.Key)
	err := s.read(ctx, "read payout addresses", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var node, payout wire.Key
			if err := rows.Scan(textKey{&node}, textKey{&payout}); err != nil {
				return err
			}
			payouts[node] = payout
			return nil
		}, `SELECT node, payout FROM nodes WHERE payout <> ''`)
	})
	return payouts, err
}
