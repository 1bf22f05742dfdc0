package fleet

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// tendWorkers is how many nodes are written to at once by the tending loop.
// Slow lines hold places in it for Config.WriteTimeout at most.
const tendWorkers = 256

// tend pings and proposes receipts until ctx ends. One loop serves every
// session: a timer and a goroutine for each would cost more than the session.
func (f *Fleet) tend(ctx context.Context) {
	tick := time.NewTicker(f.tick())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.sweep(ctx, false)
		}
	}
}

// tick looks often enough to keep the shortest of the configured intervals.
func (f *Fleet) tick() time.Duration {
	return max(10*time.Millisecond, min(time.Second, f.cfg.PingEvery/4, f.cfg.ProposeEvery/4))
}

// Settle proposes what is due to every node at once; used while an epoch
// closes. Answers come in asynchronously.
func (f *Fleet) Settle(ctx context.Context) { f.sweep(ctx, true) }

// CreditAll brings what an epoch's close rests on up to date: standings that
// have mended, and online time. It asks every node for a sign of life, so that
// the time up to now counts, and waits for the signs until ctx ends. Nodes that
// give none are credited up to their last one.
func (f *Fleet) CreditAll(ctx context.Context) {
	asked := f.now()
	f.mu.RLock()
	open := append([]*session(nil), f.order...)
	f.mu.RUnlock()
	var group errgroup.Group
	group.SetLimit(tendWorkers)
	for _, s := range open {
		group.Go(func() error {
			f.mend(ctx, s.member.Key, s.known)
			if err := s.ping(); err != nil {
				_ = s.stream.Reset()
			}
			return nil
		})
	}
	_ = group.Wait()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, s := range open {
		for s.awaited(asked) {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

// awaited reports whether s is here and has not been credited since asked.
func (s *session) awaited(asked time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended && s.credited.Before(asked)
}

func (f *Fleet) sweep(ctx context.Context, settle bool) {
	f.mu.RLock()
	open := append([]*session(nil), f.order...)
	f.mu.RUnlock()
	now := f.now()
	for _, s := range open {
		c := s.due(now)
		c.propose = c.propose || settle
		if c == (chores{}) || !s.visiting.CompareAndSwap(false, true) {
			continue
		}
		select {
		case f.visits <- struct{}{}:
		case <-ctx.Done():
			s.visiting.Store(false)
			return
		}
		// Nobody waits for it: a node that does not read holds up itself alone.
		go func() {
			defer func() { s.visiting.Store(false); <-f.visits }()
			if err := s.visit(ctx, c); err != nil {
				// A message written in part cannot be taken back.
				f.log.Debug("session broken", "node", s.member.Key, "error", err)
				_ = s.stream.Reset()
			}
		}()
	}
}

// chores are what there is to say to a node.
type chores struct{ ping, propose, tell bool }

// due says what s needs at now.
func (s *session) due(now time.Time) chores {
	cfg := s.fleet.cfg
	s.mu.Lock()
	c := chores{
		ping:    now.Sub(s.credited) >= cfg.PingEvery && now.Sub(s.pingSent) >= cfg.PingEvery,
		propose: now.Sub(s.proposedAt) >= cfg.ProposeEvery,
		tell:    len(s.activity) > 0,
	}
	busy := s.inFlight > 0
	s.mu.Unlock()
	// Asked without the lock: the meter may be waiting for the disk.
	if !c.propose && busy {
		c.propose = s.fleet.receipts.Pending(s.member.Key) >= cfg.ProposeBytes
	}
	return c
}

func (s *session) visit(ctx context.Context, c chores) error {
	if c.ping {
		if err := s.ping(); err != nil {
			return err
		}
	}
	if err := s.tell(); err != nil {
		return err
	}
	if c.propose {
		return s.propose(ctx)
	}
	return nil
}

func (s *session) ping() error {
	s.mu.Lock()
	s.pingSent = s.fleet.now()
	s.pingNonce++
	nonce := s.pingNonce
	s.mu.Unlock()
	return s.write(&pb.RouterMessage{Body: &pb.RouterMessage_Ping{Ping: &pb.Ping{Nonce: nonce}}})
}

func (s *session) propose(ctx context.Context) error {
	s.mu.Lock()
	s.proposedAt = s.fleet.now()
	s.mu.Unlock()
	due, err := s.fleet.receipts.Propose(ctx, s.member.Key)
	if err != nil {
		// Not the node's fault: it stays, and the counts stay in memory.
		s.fleet.log.Error("receipts not proposed", "node", s.member.Key, "error", err)
		return nil
	}
	for _, r := range due {
		proposal := &pb.ReceiptProposal{Receipt: r.Encode(), RouterSignature: r.RouterSig}
		if err := s.write(&pb.RouterMessage{Body: &pb.RouterMessage_ReceiptProposal{ReceiptProposal: proposal}}); err != nil {
			return err
		}
	}
	return nil
}

// Announce has a node told which addresses were fetched under a lease, for its
// journal. It does not wait for the node's line. It is a courtesy: a node that
// has gone, or takes it too slowly, is not an error.
func (f *Fleet) Announce(node wire.Key, serial wire.Serial, urls ...string) {
	s := f.session(node)
	if s == nil {
		return
	}
	activity := &pb.Activity{Serial: serial[:]}
	for _, u := range urls[:min(len(urls), wire.MaxActivityURLs)] {
		activity.Urls = append(activity.Urls, strings.ToValidUTF8(u[:min(len(u), wire.MaxActivityURL)], ""))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.activity) < maxActivity {
		s.activity = append(s.activity, activity)
	}
}

// tell writes the activity that has gathered.
func (s *session) tell() error {
	s.mu.Lock()
	news := s.activity
	s.activity = nil
	s.mu.Unlock()
	for _, activity := range news {
		if err := s.write(&pb.RouterMessage{Body: &pb.RouterMessage_Activity{Activity: activity}}); err != nil {
			return err
		}
	}
	return nil
}
