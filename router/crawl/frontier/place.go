package frontier

import (
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// place is an item and where it goes.
type place struct {
	key  string
	item Item
	job  *job
	site uint64
}

// move is a parked site that gets another place in the wake index; from is ""
// for a new one.
type move struct{ from, to string }

// stageWakes stages that the parked and the new sites among places are looked at
// no later than their items want. Active sites look for themselves.
func (f *Frontier) stageWakes(b *pebble.Batch, places []place, now time.Time) ([]move, error) {
	earliest := map[uint64]*Item{}
	for i := range places {
		id, it := places[i].site, &places[i].item
		if f.active[id] != nil {
			continue
		}
		if other := earliest[id]; other == nil || it.NotBefore.Before(other.NotBefore) {
			earliest[id] = it
		}
	}
	var moves []move
	for id, it := range earliest {
		row, found, err := get(f.db, siteKey(id), decodeSite)
		if err != nil {
			return nil, err
		}
		// Rounded down, lest a site that is new now be due in a millisecond.
		wake := later(later(row.due, it.NotBefore), time.UnixMilli(now.UnixMilli()))
		var m move
		if found {
			if !row.wake.After(wake) {
				continue
			}
			m.from = wakeKey(row.wake, id)
		}
		row.name, row.wake = it.Site, wake
		if m.to, err = stageSite(b, id, m.from, &row); err != nil {
			return nil, err
		}
		moves = append(moves, m)
	}
	return moves, nil
}

// settle takes into memory what was written: the items of active sites, and the
// moves of parked ones.
func (f *Frontier) settle(places []place, moves []move) error {
	touched := map[*site]bool{}
	for _, p := range places {
		s := f.active[p.site]
		if s == nil {
			continue
		}
		q := s.queueOf(p.job)
		if q == nil {
			q = &queue{
				job:     p.job,
				ready:   empty[Item](f.cfg.ReadAhead),
				delayed: empty[Item](f.cfg.ReadAhead),
			}
			s.queues = append(s.queues, q)
		}
		q.window(p.key).insert(p.key, p.item)
		touched[s] = true
	}
	for _, m := range moves {
		f.parked.remove(m.from)
		f.parked.insert(m.to, struct{}{})
	}
	for s := range touched {
		if err := f.schedule(s); err != nil {
			return err
		}
	}
	return nil
}
