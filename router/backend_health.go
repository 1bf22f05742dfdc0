package router

import (
	"context"
	"errors"
	"fmt"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/store"
)

// backendHealth says whether the router can take and keep work. That no node is
// connected is said by the counts of nodes: it is the fleet's state, not ours.
type backendHealth struct {
	store   *store.Store
	dir     string
	minFree uint64
}

var _ api.Health = backendHealth{}

func (b backendHealth) Ready(ctx context.Context) error {
	if _, err := b.store.Epoch(ctx, 0); err != nil {
		return errors.New("the database does not answer")
	}
	if free, ok := freeSpace(b.dir); ok && free < b.minFree/2 {
		return fmt.Errorf("the disk has %d MiB left", free>>20)
	}
	return nil
}
