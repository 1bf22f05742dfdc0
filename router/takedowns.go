package router

import (
	"context"
	"sync"

	"github.com/fallow-network/fallow/dataset"
)

// takedownDB keeps orders; the store does.
type takedownDB interface {
	// AppendTakedown stores an order and returns its number; one for the same
	// target that is there already keeps its number and reason.
	AppendTakedown(ctx context.Context, name string, t dataset.Takedown) (number int, fresh bool, err error)
	// Takedowns are all orders by dataset, oldest first.
	Takedowns(ctx context.Context) (map[string][]dataset.Takedown, error)
}

// takedowns are the orders for all datasets: stored, and in memory for a crawl
// that asks about every address. A nil *takedowns has none.
type takedowns struct {
	db takedownDB

	ordering sync.Mutex // one order at a time, so that numbers and list agree
	mu       sync.RWMutex
	lists    map[string][]dataset.Takedown
	ready    map[string]*dataset.Takedowns
}

func loadTakedowns(ctx context.Context, db takedownDB) (*takedowns, error) {
	lists, err := db.Takedowns(ctx)
	if err != nil {
		return nil, err
	}
	t := &takedowns{db: db, lists: lists, ready: map[string]*dataset.Takedowns{}}
	for name, list := range lists {
		t.ready[name] = dataset.NewTakedowns(list)
	}
	return t, nil
}

// order stores an order. When it returns, no page it covers becomes a record any
// more, and every version published from now on is without those that did.
func (t *takedowns) order(ctx context.Context, name string, o dataset.Takedown) (number int, fresh bool, err error) {
	if err := o.Check(); err != nil {
		return 0, false, err
	}
	t.ordering.Lock()
	defer t.ordering.Unlock()
	number, fresh, err = t.db.AppendTakedown(ctx, name, o)
	if err != nil || !fresh {
		return number, fresh, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// A new array each time: versions in the making read the old one.
	list := append(append(make([]dataset.Takedown, 0, len(t.lists[name])+1), t.lists[name]...), o)
	t.lists[name], t.ready[name] = list, dataset.NewTakedowns(list)
	return number, true, nil
}

func (t *takedowns) of(name string) []dataset.Takedown {
	if t == nil {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.lists[name]
}

func (t *takedowns) cover(name, address, host string) bool {
	if t == nil {
		return false
	}
	t.mu.RLock()
	ready := t.ready[name]
	t.mu.RUnlock()
	return ready.Cover(address, host)
}
