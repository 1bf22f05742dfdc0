package fleet

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// LoadHalt takes up what was stopped before the router was started. Call it
// before Serve.
func (f *Fleet) LoadHalt(ctx context.Context) error {
	h, err := f.db.Halt(ctx)
	if err != nil {
		return fmt.Errorf("read what is stopped: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.halt = h
	return nil
}

// InForce is the newest halt, nil if there never was one.
func (f *Fleet) InForce() *wire.Halt {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.halt
}

// Halt has change make the stops in force into those from now on, signs and stores
// them, and tells every connected node. It returns once each has been told or has
// not taken it in Config.WriteTimeout; told counts the former. The others hear it
// when they connect. Nothing is told if it could not be stored. The error wraps
// wire.ErrHaltMalformed if a stop is over its bounds, or is change's.
func (f *Fleet) Halt(ctx context.Context, change func([]wire.Stop) ([]wire.Stop, error)) (h *wire.Halt, told int, err error) {
	f.halting.Lock()
	defer f.halting.Unlock()
	h = &wire.Halt{Router: wire.KeyOf(f.key), Sequence: 1, At: f.now()}
	var before []wire.Stop
	if old := f.InForce(); old != nil {
		h.Sequence, before = old.Sequence+1, append(before, old.Stops...)
	}
	if h.Stops, err = change(before); err != nil {
		return nil, 0, err
	}
	if err := h.Sign(f.key); err != nil {
		return nil, 0, err
	}
	if err := f.db.AppendHalt(ctx, h); err != nil {
		return nil, 0, err
	}
	f.mu.Lock()
	f.halt = h
	open := append([]*session(nil), f.order...)
	f.mu.Unlock()
	f.log.Warn("what nodes are stopped from has changed", "sequence", h.Sequence, "stops", len(h.Stops), "nodes", len(open))
	var group errgroup.Group
	group.SetLimit(tendWorkers)
	var count atomic.Int64
	for _, s := range open {
		group.Go(func() error {
			if err := s.tellHalt(h); err != nil {
				_ = s.stream.Reset() // it hears it when it comes back
				return nil
			}
			count.Add(1)
			return nil
		})
	}
	_ = group.Wait()
	f.signal()
	return h, int(count.Load()), nil
}

// tellHalt writes h to a node, unless that has been told a later one.
func (s *session) tellHalt(h *wire.Halt) error {
	s.mu.Lock()
	late := h == nil || s.halt >= h.Sequence
	if !late {
		s.halt = h.Sequence
	}
	s.mu.Unlock()
	if late {
		return nil
	}
	return s.write(&pb.RouterMessage{Body: &pb.RouterMessage_Halt{Halt: &pb.Halt{Halt: h.Encode(), RouterSignature: h.Signature}}})
}

// halted says why no node may be used at all, or "". The caller holds mu.
func (f *Fleet) halted() string {
	if f.halt == nil {
		return ""
	}
	for _, s := range f.halt.Stops {
		if s.Scope != wire.HaltJob {
			return s.Reason
		}
	}
	return ""
}
