// Package tunnel serves the router's end of /fallow/tunnel/1: it reads the lease
// that opens a tunnel, refuses what is not in order with a reason code, has
// package egress dial and carry, and sees to it that every attempt is counted
// and written down.
//
// It decides about leases and nothing else: addresses, names and the shape of
// bytes are egress's business, what the user allows is package rules', what is owed is
// the meter's. Only package relay imports it.
package tunnel

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/meter"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// Stream is a tunnel's stream to the router. A libp2p stream is one.
type Stream interface {
	egress.Tunnel
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// Config bounds what the server does at once and for one lease. Zero values
// take their defaults.
type Config struct {
	MaxTunnels int           // at once; default 64
	MaxUp      uint64        // bytes one lease may send up; default wire.MaxLeaseUp
	MaxDown    uint64        // bytes one lease may bring down; default wire.MaxLeaseDown
	OpenTime   time.Duration // for the lease to arrive and for the answer to be taken; default 10 s
}

func (c Config) withDefaults() Config {
	if c.MaxTunnels <= 0 {
		c.MaxTunnels = 64
	}
	if c.MaxUp == 0 {
		c.MaxUp = wire.MaxLeaseUp
	}
	if c.MaxDown == 0 {
		c.MaxDown = wire.MaxLeaseDown
	}
	if c.OpenTime <= 0 {
		c.OpenTime = 10 * time.Second
	}
	return c
}

// Halts says whether a router has stopped a job, itself or everything.
// *halts.Halts is one.
type Halts interface {
	Verdict(router wire.Key, job string) rules.Verdict
}

// Parts are what a Server works with; all are required.
type Parts struct {
	Node    wire.Key
	Serials *Serials
	Rules   *rules.Rules
	Halts   Halts
	Egress  *egress.Egress
	Meter   *meter.Meter
	Journal *journal.Journal
}

// Server serves tunnels. It is safe for concurrent use.
type Server struct {
	log *slog.Logger
	now func() time.Time
	Parts
	cfg Config

	running sync.WaitGroup

	mu       sync.Mutex
	recent   recent
	most     int // tunnels at once
	stopping bool
	open     map[*run]struct{}
	stats    Stats
}

// Stats counts tunnels since the server was made.
type Stats struct {
	Open    int    `json:"open"`
	Reached uint64 `json:"reached"` // the site answered
	Failed  uint64 `json:"failed"`  // the site could not be reached
	Refused uint64 `json:"refused"` // the lease or the rules said no
	// NoJournal says that the last attempt could not be written down.
	NoJournal bool `json:"no_journal,omitempty"`
}

// NewServer makes a server.
func NewServer(log *slog.Logger, now func() time.Time, parts Parts, cfg Config) *Server {
	cfg = cfg.withDefaults()
	return &Server{
		log: log, now: now, Parts: parts, cfg: cfg, most: cfg.MaxTunnels,
		open: make(map[*run]struct{}), recent: newRecent(),
	}
}

// SetMaxTunnels changes how many tunnels may be open at once. Those open stay.
func (s *Server) SetMaxTunnels(most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = most
}

// Stats is a copy of the counts.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Open = len(s.open)
	return stats
}

// Recent is the host of a lease of router that opened one of the last thousand
// tunnels.
func (s *Server) Recent(router wire.Key, serial wire.Serial) (host string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recent.host(router, serial)
}

// Serve serves one tunnel of router to its end.
func (s *Server) Serve(router wire.Key, stream Stream) {
	r, ok := s.begin(router, stream)
	if !ok {
		_ = stream.Reset()
		return
	}
	defer s.finish(r)
	open := new(pb.TunnelOpen)
	_ = stream.SetReadDeadline(time.Now().Add(s.cfg.OpenTime))
	if err := wire.ReadFrame(stream, open, wire.MaxTunnelOpen); err != nil {
		s.log.Warn("tunnel did not open with a lease", "router", router, "err", err)
		_ = stream.Reset()
		return
	}
	_ = stream.SetReadDeadline(time.Time{})
	r.perform(open)
}

// note writes e to the journal. Without evidence nothing more is opened, until
// writing works again.
func (s *Server) note(e journal.Entry) error {
	_, err := s.Journal.Append(e)
	s.count(func(stats *Stats) { stats.NoJournal = err != nil })
	if err != nil {
		s.log.Error("tunnel not written to the journal", "err", err)
		return refuse(wire.Busy, "it cannot be written down: %w", err)
	}
	return nil
}

// begin enters a stream among the open ones. It fails when the server stops, or
// when even those to be refused are too many.
func (s *Server) begin(router wire.Key, stream Stream) (*run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, false
	}
	r := &run{server: s, router: router, stream: stream, began: s.now()}
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	r.crowded = len(s.open) >= s.most
	s.open[r] = struct{}{}
	s.running.Add(1)
	return r, true
}

func (s *Server) finish(r *run) {
	r.cancel(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, r)
	s.running.Done()
}

func (s *Server) reached(lease *wire.Lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Reached++
	s.recent.add(lease)
}

func (s *Server) count(outcome func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	outcome(&s.stats)
}

// Recheck asks the rules and the halts about every open tunnel again and cuts those they no
// longer allow. Whoever changes a rule calls it afterwards; a tunnel that opens
// meanwhile has either been entered here or sees the new rule.
func (s *Server) Recheck() {
	for _, r := range s.runs() {
		if v := r.verdict(); !v.OK {
			r.cancel(&egress.Refusal{Reason: v.Reason, Err: errors.New(v.Sentence)})
		}
	}
}

// Stop opens no further tunnel, lets the open ones run on until ctx is done, and
// then cuts them. It returns when none is left.
func (s *Server) Stop(ctx context.Context) {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	for _, r := range s.runs() {
		r.cancel(&egress.Refusal{Reason: wire.Stopping, Err: errors.New("the node is stopping")})
		_ = r.stream.Reset() // it may still wait for its lease
	}
	<-ended
}

func (s *Server) runs() []*run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.open))
}
