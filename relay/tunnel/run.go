package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/meter"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// run is one tunnel being served.
type run struct {
	server  *Server
	router  wire.Key
	stream  Stream
	began   time.Time
	crowded bool // opened when the server had all the tunnels it may have

	ctx    context.Context // ends with the reason to cut
	cancel context.CancelCauseFunc
	lease  atomic.Pointer[wire.Lease] // read by Recheck
}

// verdict is what the user's rules and the routers' halts say about this tunnel at this moment.
func (r *run) verdict() rules.Verdict {
	now := r.server.now()
	lease := r.lease.Load()
	if lease == nil { // it has yet to say where to
		if v := r.server.Rules.Sharing(now); !v.OK {
			return v
		}
		return r.server.Halts.Verdict(r.router, "")
	}
	if v := r.server.Rules.Allow(lease.Host, now); !v.OK {
		return v
	}
	return r.server.Halts.Verdict(r.router, lease.Job)
}

// perform does all that follows the first frame and leaves the stream closed.
func (r *run) perform(open *pb.TunnelOpen) {
	entry := journal.Entry{Router: r.router, Lease: open.GetLease(), LeaseSig: open.GetSignature()}
	lease, err := r.accept(open)
	if lease != nil {
		entry.Serial, entry.Host, entry.Port = lease.Serial, lease.Host, lease.Port
		entry.Job, entry.Purpose, entry.Dataset = lease.Job, lease.Purpose, lease.Dataset
	}
	if err == nil {
		err = r.carry(lease, entry)
	} else {
		r.server.count(func(s *Stats) { s.Refused++ })
	}
	if err == nil {
		return
	}
	entry.Kind, entry.Reason, entry.Note = journal.Refused, egress.ReasonOf(err), err.Error()
	_ = r.server.note(entry)
	r.turnDown(err)
}

// accept opens the lease and checks it against everything that can be checked
// before a packet leaves. The order is from what is wrong with the lease to what
// is in the way on the node. A lease that cannot be trusted is not returned.
func (r *run) accept(open *pb.TunnelOpen) (*wire.Lease, error) {
	s := r.server
	lease, err := wire.OpenLease(open.GetLease(), open.GetSignature())
	if err != nil {
		return nil, &egress.Refusal{Reason: wire.ReasonOf(err), Err: err}
	}
	if lease.Router != r.router {
		return nil, refuse(wire.LeaseRouter, "signed by %s, presented by %s", lease.Router, r.router)
	}
	r.lease.Store(lease)
	if lease.Node != s.Node {
		return lease, refuse(wire.LeaseNode, "for node %s", lease.Node)
	}
	if err := lease.CheckTime(s.now()); err != nil {
		return lease, &egress.Refusal{Reason: wire.ReasonOf(err), Err: err}
	}
	if v := r.verdict(); !v.OK {
		return lease, refuse(v.Reason, "%s", v.Sentence)
	}
	if lease.MaxUp > s.cfg.MaxUp || lease.MaxDown > s.cfg.MaxDown {
		return lease, refuse(wire.LeaseCaps, "%d bytes up and %d down, allowed are %d and %d",
			lease.MaxUp, lease.MaxDown, s.cfg.MaxUp, s.cfg.MaxDown)
	}
	if r.crowded {
		return lease, refuse(wire.Busy, "as many tunnels are open as may be")
	}
	if s.Stats().NoJournal {
		return lease, refuse(wire.Busy, "nothing can be written to the journal")
	}
	return lease, r.use(lease)
}

// use spends the lease's serial. From here on it never opens another tunnel,
// whatever becomes of this one.
func (r *run) use(lease *wire.Lease) error {
	err := r.server.Serials.Use(lease.Serial, lease.NotAfter, r.server.now())
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrReplayed):
		return &egress.Refusal{Reason: wire.LeaseReplayed, Err: err}
	case errors.Is(err, ErrTooFast):
		return &egress.Refusal{Reason: wire.RateLimited, Err: err}
	default:
		return &egress.Refusal{Reason: wire.Busy, Err: err}
	}
}

// carry dials the site and carries bytes. An error means that no tunnel came
// about and the router has yet to be told.
func (r *run) carry(lease *wire.Lease, entry journal.Entry) error {
	s := r.server
	leg, err := s.Egress.Dial(r.ctx, egress.Target{
		Host: lease.Host, Port: lease.Port, TLS: lease.TLS, MaxUp: lease.MaxUp, MaxDown: lease.MaxDown,
	})
	if err != nil {
		s.count(func(s *Stats) { s.Failed++ })
		return err
	}
	entry.Kind, entry.Address, entry.Reason = journal.Opened, leg.Address(), wire.OK
	if err := s.note(entry); err != nil {
		_ = leg.Close()
		return err
	}
	count, err := s.Meter.Tunnel(r.router, lease.Job)
	if err != nil {
		_ = leg.Close()
		return &egress.Refusal{Reason: wire.Busy, Err: err}
	}
	s.reached(lease)
	outcome := r.pipe(leg, count)
	count.End(outcome.Reason == wire.OK)
	entry.Kind, entry.Reason = journal.Closed, outcome.Reason
	entry.Lease, entry.LeaseSig = nil, nil // they are in the entry that opened it
	entry.BytesUp, entry.BytesDown = outcome.Up, outcome.Down
	if outcome.Err != nil {
		entry.Note = outcome.Err.Error()
	}
	_ = s.note(entry)
	return nil
}

// pipe tells the router that the site is reached and carries bytes to the end.
func (r *run) pipe(leg *egress.Leg, count *meter.Tunnel) egress.Outcome {
	if err := r.answer(wire.OK, leg.Address()); err != nil {
		_ = leg.Close()
		_ = r.stream.Reset()
		return egress.Outcome{Reason: wire.RouterReset, Err: err}
	}
	return leg.Carry(r.ctx, r.stream, tally{count, r.server.Rules})
}

// tally counts bytes for the receipts and, as they flow, towards the user's caps.
type tally struct {
	count *meter.Tunnel
	rules *rules.Rules
}

// Up counts bytes from router to site.
func (t tally) Up(n int) {
	t.count.Up(n)
	t.rules.Carried(uint64(n))
}

// Down counts bytes from site to router.
func (t tally) Down(n int) {
	t.count.Down(n)
	t.rules.Carried(uint64(n))
}

// turnDown tells the router why not and ends the stream in good order.
func (r *run) turnDown(err error) {
	if r.answer(egress.ReasonOf(err), netip.AddrPort{}) != nil {
		_ = r.stream.Reset()
		return
	}
	_ = r.stream.Close()
}

func (r *run) answer(reason wire.Reason, address netip.AddrPort) error {
	status := &pb.TunnelStatus{Reason: pb.Reason(reason)}
	if address.IsValid() {
		status.Address = address.String()
	}
	_ = r.stream.SetWriteDeadline(time.Now().Add(r.server.cfg.OpenTime))
	if err := wire.WriteFrame(r.stream, status, wire.MaxTunnelStatus); err != nil {
		return fmt.Errorf("answer router: %w", err)
	}
	return r.stream.SetWriteDeadline(time.Time{})
}

func refuse(reason wire.Reason, format string, args ...any) error {
	return &egress.Refusal{Reason: reason, Err: fmt.Errorf(format, args...)}
}
