package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// EpochInputs implements ledger.DB.
func (s *Store) EpochInputs(ctx context.Context, number uint64) (*ledger.Inputs, error) {
	in := new(ledger.Inputs)
	err := s.read(ctx, "read inputs of epoch", func(tx *sql.Tx) error {
		e, err := epoch(ctx, tx, number)
		if err != nil {
			return err
		}
		g := &gathering{ctx: ctx, tx: tx, epoch: e, in: in, lowered: make(map[wire.Key]ledger.Standing), lost: make(map[wire.Key]bool)}
		return g.run()
	})
	return in, err
}

// gathering puts the inputs of one epoch together.
type gathering struct {
	ctx     context.Context
	tx      *sql.Tx
	epoch   ledger.Epoch
	in      *ledger.Inputs
	lowered map[wire.Key]ledger.Standing // of nodes not in good standing
	lost    map[wire.Key]bool            // nodes whose clump is not known
}

func (g *gathering) run() error {
	for _, step := range []func() error{
		g.standings, g.work, g.disputed, g.late, g.nodes, g.sites, g.royalties, g.corrections, g.decisions, g.before,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (g *gathering) standings() error {
	return each(g.ctx, g.tx, func(rows *sql.Rows) error {
		var node wire.Key
		var at int
		var reason string
		if err := rows.Scan(textKey{&node}, &at, &reason); err != nil {
			return err
		}
		st, err := standingOf(at, reason)
		g.lowered[node] = st
		return err
	}, `SELECT s.node, s.permille, s.reason FROM standing_events s
		JOIN (SELECT node, MAX(seq) AS newest FROM standing_events GROUP BY node) l ON l.node = s.node AND l.newest = s.seq
		WHERE s.permille < 1000`)
}

// begin is a node's statement before anything is known of its work.
func (g *gathering) begin(node wire.Key) ledger.Statement {
	st := ledger.Statement{Node: node, Standing: ledger.GoodStanding().Permille}
	if low, ok := g.lowered[node]; ok {
		st.Standing, st.Reasons = low.Permille, low.Reasons
	}
	return st
}

func (g *gathering) work() error {
	length := g.epoch.Seconds()
	err := each(g.ctx, g.tx, func(rows *sql.Rows) error {
		var node wire.Key
		var country, clumps string
		var counted, agreed, online uint64
		if err := rows.Scan(textKey{&node}, &country, &clumps, &counted, &agreed, &online); err != nil {
			return err
		}
		st := g.begin(node)
		st.Country = country
		st.BytesSigned, st.BytesUnsigned = agreed, counted-agreed
		list, err := parsePresence(clumps)
		if err != nil {
			return err
		}
		var known bool
		if st.Presence, known = fit(list, min(online, length)); !known {
			g.lost[node] = true
		}
		g.in.Statements = append(g.in.Statements, st)
		return nil
	}, `SELECT node, country, clumps, counted, agreed, online FROM work WHERE epoch = $1`, int64(g.epoch.Number))
	g.sort()
	return err
}

// fit makes the times in clumps add up to the seconds that the receipt counts:
// parts of seconds, and what a crash kept from being stored, go where most of
// the time is. known is false where there is no clump to give them to.
func fit(list []ledger.Presence, seconds uint64) (fitted []ledger.Presence, known bool) {
	left, most := seconds, -1
	for i := range list {
		list[i].Seconds = min(list[i].Seconds, left)
		left -= list[i].Seconds
		if most < 0 || list[i].Seconds > list[most].Seconds {
			most = i
		}
	}
	switch {
	case seconds == 0:
		return nil, true
	case most < 0:
		return []ledger.Presence{{Seconds: seconds}}, false
	}
	list[most].Seconds += left
	list = slices.DeleteFunc(list, func(p ledger.Presence) bool { return p.Seconds == 0 })
	slices.SortFunc(list, func(a, b ledger.Presence) int { return bytes.Compare(a.Clump[:], b.Clump[:]) })
	return list, true
}

// sort brings the statements into the order of keys.
func (g *gathering) sort() {
	slices.SortFunc(g.in.Statements, func(a, b ledger.Statement) int { return bytes.Compare(a.Node[:], b.Node[:]) })
}

// ensure sees that each node has a statement, made with nothing in it if it has
// none yet.
func (g *gathering) ensure(nodes []wire.Key) {
	slices.SortFunc(nodes, func(a, b wire.Key) int { return bytes.Compare(a[:], b[:]) })
	var missing []wire.Key
	for _, node := range slices.Compact(nodes) {
		if _, ok := g.find(node); !ok {
			missing = append(missing, node)
		}
	}
	for _, node := range missing {
		g.in.Statements = append(g.in.Statements, g.begin(node))
	}
	if len(missing) > 0 {
		g.sort()
	}
}

// of is the statement of a node that has one.
func (g *gathering) of(node wire.Key) *ledger.Statement {
	i, _ := g.find(node)
	return &g.in.Statements[i]
}

func (g *gathering) find(node wire.Key) (int, bool) {
	return slices.BinarySearchFunc(g.in.Statements, node, func(s ledger.Statement, k wire.Key) int { return bytes.Compare(s.Node[:], k[:]) })
}

// disputed tells the disputed bytes of the few nodes that objected apart.
func (g *gathering) disputed() error {
	var nodes []wire.Key
	err := each(g.ctx, g.tx, func(rows *sql.Rows) error {
		var node wire.Key
		err := rows.Scan(textKey{&node})
		nodes = append(nodes, node)
		return err
	}, `SELECT DISTINCT node FROM disputes WHERE epoch = $1`, int64(g.epoch.Number))
	if err != nil {
		return err
	}
	for _, node := range nodes {
		e, err := evidence(g.ctx, g.tx, g.epoch.Number, node)
		if err != nil {
			return err
		}
		i, ok := g.find(node)
		if !ok {
			continue // it objected to a receipt that was never stored
		}
		sum := e.Sum()
		st := &g.in.Statements[i]
		st.BytesSigned, st.BytesUnsigned, st.BytesDisputed = sum.Signed, sum.Unsigned, sum.Disputed
	}
	return nil
}

// nodes fills in payout addresses, and the clump and country a node was last
// seen in where nobody counted its time there.
func (g *gathering) nodes() error {
	err := each(g.ctx, g.tx, func(rows *sql.Rows) error {
		var node, payout wire.Key
		if err := rows.Scan(textKey{&node}, textKey{&payout}); err != nil {
			return err
		}
		if i, ok := g.find(node); ok && payout != node {
			g.in.Statements[i].Payout = payout
		}
		return nil
	}, `SELECT node, payout FROM nodes WHERE payout <> ''`)
	if err != nil {
		return err
	}
	if len(g.lost) == 0 {
		return nil
	}
	return each(g.ctx, g.tx, func(rows *sql.Rows) error {
		known, err := scanNode(rows)
		if err != nil {
			return err
		}
		i, ok := g.find(known.Key)
		if !ok {
			return nil
		}
		st := &g.in.Statements[i]
		st.Country = cmp.Or(st.Country, known.Country)
		if g.lost[known.Key] && len(st.Presence) == 1 {
			st.Presence[0].Clump, err = ledger.ParseTag(known.Clump)
		}
		return err
	}, `SELECT `+nodeColumns+` FROM nodes WHERE node IN (SELECT node FROM work WHERE epoch = $1)`, int64(g.epoch.Number))
}

func (g *gathering) sites() error {
	siteCap := g.epoch.Params.SiteCap
	if siteCap == 0 {
		return nil
	}
	return each(g.ctx, g.tx, func(rows *sql.Rows) error {
		var node wire.Key
		var tag string
		var carried uint64
		if err := rows.Scan(textKey{&node}, &tag, &carried); err != nil {
			return err
		}
		site, err := ledger.ParseTag(tag)
		if err != nil {
			return err
		}
		i, ok := g.find(node)
		if !ok {
			return nil
		}
		// Bytes are counted for the site before they are for the receipt; what
		// a receipt never got is not paid, so it is not over the cap either.
		st := &g.in.Statements[i]
		left := st.Bytes()
		for _, s := range st.Sites {
			left -= s.Bytes
		}
		if carried = min(carried, left); carried <= siteCap || len(st.Sites) == ledger.MaxSites {
			return nil
		}
		st.Sites = append(st.Sites, ledger.SiteBytes{Site: site, Bytes: carried})
		return nil
	}, `SELECT node, site, bytes FROM site_bytes WHERE epoch = $1 AND bytes > $2 ORDER BY node, site`, int64(g.epoch.Number), int64(siteCap))
}

// before adds what the nodes earned in earlier epochs.
func (g *gathering) before() error {
	i := 0
	return balancesBefore(g.ctx, g.tx, g.epoch.Number, func(e entry) error {
		g.in.Before.PointsEver += e.Points
		g.in.Before.RoyaltiesEver += e.Royalties
		for i < len(g.in.Statements) && bytes.Compare(g.in.Statements[i].Node[:], e.Node[:]) < 0 {
			i++
		}
		if i < len(g.in.Statements) && g.in.Statements[i].Node == e.Node {
			g.in.Statements[i].Ever, g.in.Statements[i].RoyaltyEver = e.Points, e.Royalties
		}
		return nil
	})
}
