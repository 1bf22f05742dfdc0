package fleet

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// session is one connected node. It costs one goroutine, the one that reads.
type session struct {
	*known
	fleet  *Fleet
	stream network.Stream
	member Member
	class  string // address class: public, private, loopback
	since  time.Time

	pace    *rate.Limiter // of messages from the node; used by the reader alone
	asks    *rate.Limiter // of questions for statements
	writing sync.Mutex    // one message at a time on the stream

	visiting atomic.Bool // the tending loop is at it

	// Guarded by known.mu.
	reason     wire.Reason // why the node does not share, or OK
	until      time.Time   // when it says it will again
	maxTunnels int
	pingSent   time.Time
	pingNonce  uint64
	rtt        time.Duration
	proposedAt time.Time
	activity   []*pb.Activity // to be told, at most maxActivity
	halt       uint64         // sequence of the last one told
	ended      bool
}

// maxActivity bounds what waits to be told to one node; further news is
// dropped.
const maxActivity = 256

// answer serves a stream that a node opened: the session's whole life.
func (f *Fleet) answer(stream network.Stream) {
	s, err := f.greet(stream)
	if err != nil {
		f.log.Debug("session refused", "peer", stream.Conn().RemotePeer(), "error", err)
		return
	}
	f.log.Info("node connected", "node", s.member.Key, "platform", s.member.Platform, "version", s.member.AgentVersion)
	f.signal()
	err = s.read()
	f.drop(s)
	_ = stream.Reset()
	f.log.Info("node left", "node", s.member.Key, "cause", cause(err))
	f.signal()
}

func cause(err error) string {
	if err == nil || errors.Is(err, io.EOF) {
		return "closed"
	}
	return err.Error()
}

// read takes messages until the stream ends or the node breaks the protocol.
func (s *session) read() error {
	for {
		if err := s.stream.SetReadDeadline(time.Now().Add(s.fleet.cfg.SilentAfter)); err != nil {
			return err
		}
		var m pb.NodeMessage
		if err := wire.ReadFrame(s.stream, &m, wire.MaxSessionMessage); err != nil {
			return err
		}
		if err := s.take(&m); err != nil {
			return err
		}
		// A node that floods us waits; its messages stay on its own line.
		if err := s.pace.Wait(context.Background()); err != nil {
			return err
		}
	}
}

func (s *session) take(m *pb.NodeMessage) error {
	now := s.fleet.now()
	switch body := m.Body.(type) {
	case *pb.NodeMessage_Pong:
		return s.pong(body.Pong.Nonce, now)
	case *pb.NodeMessage_Pause:
		return s.setSharing(unshared(wire.Reason(body.Pause.Reason)), time.UnixMilli(body.Pause.UntilUnixMilli), now)
	case *pb.NodeMessage_Resume:
		return s.setSharing(wire.OK, time.Time{}, now)
	case *pb.NodeMessage_RulesChanged:
		s.mu.Lock()
		before := s.maxTunnels
		s.maxTunnels = s.fleet.capacity(body.RulesChanged.MaxTunnels)
		more := s.maxTunnels > before
		s.mu.Unlock()
		if more {
			s.fleet.signal()
		}
	case *pb.NodeMessage_ReceiptAnswer:
		return s.receiptAnswer(body.ReceiptAnswer)
	}
	return nil // a message of a later version: ignored
}

func (s *session) pong(nonce uint64, now time.Time) error {
	s.mu.Lock()
	if nonce == s.pingNonce && !s.pingSent.IsZero() {
		s.rtt = now.Sub(s.pingSent)
		s.pingSent = time.Time{}
	}
	s.mu.Unlock()
	return s.credit(now)
}

// unshared is a node's reason as far as this version knows it. A number from
// elsewhere is a pause all the same, and may not become a label of its own.
func unshared(reason wire.Reason) wire.Reason {
	if !reason.Known() {
		return wire.Paused
	}
	return reason
}

func (s *session) setSharing(reason wire.Reason, until, now time.Time) error {
	if reason != wire.OK {
		if err := s.credit(now); err != nil {
			return err
		}
	}
	s.mu.Lock()
	if reason == wire.OK && s.reason != wire.OK {
		s.credited = now
	}
	s.reason, s.until = reason, until
	s.mu.Unlock()
	s.fleet.signal()
	return nil
}

// credit counts the time since the last credit as online, if the node shared
// throughout. Only a message from the node credits, so silence earns nothing.
func (s *session) credit(now time.Time) error {
	s.mu.Lock()
	d := now.Sub(s.credited)
	// A node that offers nothing, or was caught, is not available.
	counts := s.reason == wire.OK && !s.ended && d > 0 && s.maxTunnels > 0 && !now.Before(s.health.quarantine)
	if d > 0 && !s.ended {
		s.credited = now
	}
	s.mu.Unlock()
	if !counts {
		return nil
	}
	d = min(d, s.fleet.cfg.SilentAfter)
	ctx, cancel := context.WithTimeout(context.Background(), s.fleet.cfg.WriteTimeout)
	defer cancel()
	return s.fleet.receipts.Online(ctx, s.member.Key, s.member.Clump, s.member.Country, d)
}

func (s *session) receiptAnswer(answer *pb.ReceiptAnswer) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.fleet.cfg.WriteTimeout)
	defer cancel()
	taken, err := s.fleet.receipts.Countersign(ctx, s.member.Key, answer)
	reason := wire.Reason(answer.Reason)
	switch {
	case errors.Is(err, wire.ErrReceiptSignature):
		s.fleet.Blame(s.member.Key, wire.ReceiptSignature, "a countersignature did not verify")
		return err
	case err != nil:
		// Ours (the disk), or an answer to nothing. The proposal stands and is
		// repeated while it can be.
		s.fleet.log.Warn("receipt answer not stored", "node", s.member.Key, "job", answer.Job, "error", err)
	case !taken:
		// Said before, or overtaken.
	case reason != wire.OK:
		s.fleet.metrics.disputed.Inc()
		s.fleet.Note(s.member.Key, wire.ReceiptDisputed, "it would not countersign a receipt: "+reason.String())
	default:
		s.fleet.metrics.countersigned.Inc()
	}
	return nil
}

func (s *session) write(m *pb.RouterMessage) error { return s.writeWithin(m, s.fleet.cfg.WriteTimeout) }

func (s *session) writeWithin(m proto.Message, timeout time.Duration) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.stream.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	return wire.WriteFrame(s.stream, m, wire.MaxSessionMessage)
}

// end says why and closes; the reading goroutine then returns.
func (s *session) end(reason wire.Reason) {
	s.mu.Lock()
	already := s.ended
	s.ended = true
	s.mu.Unlock()
	if already {
		return
	}
	notice := &pb.RouterMessage{Body: &pb.RouterMessage_Notice{Notice: &pb.Notice{Reason: pb.Reason(reason)}}}
	_ = s.writeWithin(notice, time.Second)
	_ = s.stream.Close() // interrupts the reader too
}

func (s *session) sharing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason == wire.OK && !s.ended
}
