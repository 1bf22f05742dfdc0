// Package session speaks the node's side of /fallow/session/1 on a stream that
// is already open: the greeting, the router's pings, receipts, activity and
// notices, and what the node says about its own rules.
//
// It decides nothing. What a message means for the node is the Handler's
// business, and reconnecting is package relay's, the only importer.
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// Stream is what a session needs of the stream it runs on. A libp2p stream is
// one.
type Stream interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	Reset() error
}

// Limits are the waits of a session. Zero values take their defaults.
type Limits struct {
	Greeting time.Duration // from Hello sent to Welcome read; default 10 s
	Silence  time.Duration // without a word from the router; default 45 s, three of its pings
	Write    time.Duration // for one message to be taken; default 10 s
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		field    *time.Duration
		standard time.Duration
	}{{&l.Greeting, 10 * time.Second}, {&l.Silence, 45 * time.Second}, {&l.Write, 10 * time.Second}} {
		if *f.field <= 0 {
			*f.field = f.standard
		}
	}
	return l
}

// Errors that end a session.
var (
	ErrSilent   = errors.New("the router said nothing for too long")
	ErrProtocol = errors.New("the router broke the session protocol")
	ErrClosed   = errors.New("the router closed the session")
)

// Refused is the error of Open and Run when the router said why it does not
// open, or ends, the session.
type Refused struct{ Reason wire.Reason }

// Error names the reason.
func (r *Refused) Error() string { return "the router ended the session: " + r.Reason.String() }

// Handler takes what the router says. Its methods are called one at a time, in
// the order of the messages; while one runs, nothing more is read, so a router
// cannot pile up work.
type Handler interface {
	// Receipt answers a proposal.
	Receipt(*pb.ReceiptProposal) *pb.ReceiptAnswer
	// Activity notes which addresses were fetched under a lease.
	Activity(*pb.Activity)
	// Halt takes what the router has stopped.
	Halt(*pb.Halt)
	// Notice notes a remark; if it returns true the session ends with Refused.
	Notice(wire.Reason) (end bool)
}

// Session is an open session. Tell may be called from any goroutine.
type Session struct {
	stream Stream
	limits Limits
	writes sync.Mutex
}

// Open greets the router and waits for its answer. A Notice instead of Welcome
// is *Refused. On any error the stream has been reset.
func Open(ctx context.Context, stream Stream, hello *pb.Hello, limits Limits) (*Session, *pb.Welcome, error) {
	s := &Session{stream: stream, limits: limits.withDefaults()}
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	welcome, err := s.greet(hello)
	if !stop() {
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		_ = stream.Reset()
		return nil, nil, err
	}
	return s, welcome, nil
}

func (s *Session) greet(hello *pb.Hello) (*pb.Welcome, error) {
	if err := s.Tell(&pb.NodeMessage{Body: &pb.NodeMessage_Hello{Hello: hello}}); err != nil {
		return nil, err
	}
	m, err := s.read(s.limits.Greeting)
	if err != nil {
		return nil, fmt.Errorf("wait for welcome: %w", err)
	}
	switch body := m.GetBody().(type) {
	case *pb.RouterMessage_Welcome:
		return body.Welcome, nil
	case *pb.RouterMessage_Notice:
		return nil, &Refused{Reason: wire.Reason(body.Notice.GetReason())}
	default:
		return nil, fmt.Errorf("%w: it answered hello with something else than welcome", ErrProtocol)
	}
}

// Run serves the session until the router ends it, is silent, breaks the
// protocol, or ctx is done. It always returns an error and leaves the stream
// closed.
func (s *Session) Run(ctx context.Context, h Handler) error {
	stop := context.AfterFunc(ctx, func() { _ = s.stream.Close() }) // wakes the read below
	defer stop()
	for {
		m, err := s.read(s.limits.Silence)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			err = s.serve(m, h)
		}
		if err != nil {
			_ = s.stream.Reset()
			return err
		}
	}
}

func (s *Session) serve(m *pb.RouterMessage, h Handler) error {
	switch body := m.GetBody().(type) {
	case *pb.RouterMessage_Ping:
		return s.Tell(&pb.NodeMessage{Body: &pb.NodeMessage_Pong{Pong: &pb.Pong{Nonce: body.Ping.GetNonce()}}})
	case *pb.RouterMessage_ReceiptProposal:
		answer := h.Receipt(body.ReceiptProposal)
		return s.Tell(&pb.NodeMessage{Body: &pb.NodeMessage_ReceiptAnswer{ReceiptAnswer: answer}})
	case *pb.RouterMessage_Activity:
		if len(body.Activity.GetUrls()) > wire.MaxActivityURLs {
			return fmt.Errorf("%w: activity of %d addresses", ErrProtocol, len(body.Activity.GetUrls()))
		}
		h.Activity(body.Activity)
	case *pb.RouterMessage_Notice:
		if reason := wire.Reason(body.Notice.GetReason()); h.Notice(reason) {
			return &Refused{Reason: reason}
		}
	case *pb.RouterMessage_Halt:
		h.Halt(body.Halt)
	case *pb.RouterMessage_Welcome:
		return fmt.Errorf("%w: a second welcome", ErrProtocol)
	default: // a message of a later version
	}
	return nil
}

// Tell writes one message, bounded in time.
func (s *Session) Tell(m *pb.NodeMessage) error {
	s.writes.Lock()
	defer s.writes.Unlock()
	if err := s.stream.SetWriteDeadline(time.Now().Add(s.limits.Write)); err != nil {
		return fmt.Errorf("write to router: %w", err)
	}
	if err := wire.WriteFrame(s.stream, m, wire.MaxSessionMessage); err != nil {
		return fmt.Errorf("write to router: %w", err)
	}
	return nil
}

func (s *Session) read(wait time.Duration) (*pb.RouterMessage, error) {
	if err := s.stream.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrClosed, err)
	}
	m := new(pb.RouterMessage)
	err := wire.ReadFrame(s.stream, m, wire.MaxSessionMessage)
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return m, nil
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, fmt.Errorf("%w: %s", ErrSilent, wait)
	case errors.Is(err, wire.ErrFrame):
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	default:
		return nil, fmt.Errorf("%w: %w", ErrClosed, err)
	}
}
