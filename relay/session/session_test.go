package session_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/fallow-network/fallow/relay/session"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// pipe is a stream in memory.
type pipe struct{ net.Conn }

func (p pipe) Reset() error { return p.Close() }

func newPipe() (node pipe, router net.Conn) {
	a, b := net.Pipe()
	return pipe{a}, b
}

// handler counts what it is told.
type handler struct {
	receipts, activities, halts int
	notices                     []wire.Reason
}

func (h *handler) Receipt(*pb.ReceiptProposal) *pb.ReceiptAnswer {
	h.receipts++
	return &pb.ReceiptAnswer{Sequence: 9, Reason: pb.Reason_OK}
}
func (h *handler) Halt(*pb.Halt)         { h.halts++ }
func (h *handler) Activity(*pb.Activity) { h.activities++ }
func (h *handler) Notice(r wire.Reason) bool {
	h.notices = append(h.notices, r)
	return r == wire.RouterStopping
}

func say(t *testing.T, w io.Writer, m proto.Message) {
	t.Helper()
	if err := wire.WriteFrame(w, m, 64<<10); err != nil {
		t.Errorf("router says: %v", err)
	}
}

func hear(t *testing.T, r io.Reader) *pb.NodeMessage {
	t.Helper()
	m := new(pb.NodeMessage)
	if err := wire.ReadFrame(r, m, wire.MaxSessionMessage); err != nil {
		t.Errorf("router hears: %v", err)
	}
	return m
}

func welcome() *pb.RouterMessage {
	return &pb.RouterMessage{Body: &pb.RouterMessage_Welcome{Welcome: &pb.Welcome{Epoch: 3}}}
}

func notice(r wire.Reason) *pb.RouterMessage {
	return &pb.RouterMessage{Body: &pb.RouterMessage_Notice{Notice: &pb.Notice{Reason: pb.Reason(r)}}}
}

// opened is a session that has been welcomed.
func opened(t *testing.T) (*session.Session, net.Conn) {
	t.Helper()
	node, router := newPipe()
	go func() {
		hear(t, router)
		say(t, router, welcome())
	}()
	s, w, err := session.Open(t.Context(), node, &pb.Hello{AgentVersion: "1"}, session.Limits{})
	if err != nil || w.GetEpoch() != 3 {
		t.Fatalf("open: %v, %v", w, err)
	}
	return s, router
}

func TestConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, router := opened(t)
		h := new(handler)
		ended := make(chan error)
		go func() { ended <- s.Run(t.Context(), h) }()
		say(t, router, &pb.RouterMessage{Body: &pb.RouterMessage_Ping{Ping: &pb.Ping{Nonce: 5}}})
		if got := hear(t, router).GetPong().GetNonce(); got != 5 {
			t.Errorf("pong %d", got)
		}
		say(t, router, &pb.RouterMessage{Body: &pb.RouterMessage_ReceiptProposal{ReceiptProposal: &pb.ReceiptProposal{}}})
		if got := hear(t, router).GetReceiptAnswer().GetSequence(); got != 9 {
			t.Errorf("answer to sequence %d", got)
		}
		say(t, router, &pb.RouterMessage{Body: &pb.RouterMessage_Activity{Activity: &pb.Activity{Urls: []string{"u"}}}})
		say(t, router, new(pb.RouterMessage)) // of a later version
		say(t, router, notice(wire.TLSForged))
		say(t, router, notice(wire.RouterStopping))
		var refused *session.Refused
		if err := <-ended; !errors.As(err, &refused) || refused.Reason != wire.RouterStopping {
			t.Errorf("ended with %v", err)
		}
		if h.receipts != 1 || h.activities != 1 || len(h.notices) != 2 {
			t.Errorf("handler: %+v", h)
		}
	})
}

func TestEnds(t *testing.T) {
	tests := map[string]struct {
		router func(*testing.T, net.Conn)
		want   error
		after  time.Duration
	}{
		"silence":         {func(*testing.T, net.Conn) {}, session.ErrSilent, 45 * time.Second},
		"half a frame":    {func(_ *testing.T, c net.Conn) { _, _ = c.Write([]byte{9, 1}) }, session.ErrSilent, 45 * time.Second},
		"hangs up":        {func(_ *testing.T, c net.Conn) { _ = c.Close() }, session.ErrClosed, 0},
		"too long":        {func(_ *testing.T, c net.Conn) { _, _ = c.Write([]byte{0xff, 0xff, 0x7f}) }, session.ErrProtocol, 0},
		"not a message":   {func(_ *testing.T, c net.Conn) { _, _ = c.Write([]byte{2, 0xff, 0xff}) }, session.ErrProtocol, 0},
		"second welcome":  {func(t *testing.T, c net.Conn) { say(t, c, welcome()) }, session.ErrProtocol, 0},
		"activity bounds": {tooMuchActivity, session.ErrProtocol, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, router := opened(t)
				began := time.Now()
				go tt.router(t, router)
				if err := s.Run(t.Context(), new(handler)); !errors.Is(err, tt.want) {
					t.Errorf("ended with %v, want %v", err, tt.want)
				}
				if took := time.Since(began); took != tt.after {
					t.Errorf("after %s, want %s", took, tt.after)
				}
			})
		})
	}
}

func tooMuchActivity(t *testing.T, c net.Conn) {
	urls := strings.Split(strings.Repeat("u,", wire.MaxActivityURLs), ",")
	say(t, c, &pb.RouterMessage{Body: &pb.RouterMessage_Activity{Activity: &pb.Activity{Urls: urls}}})
}

func TestGreeting(t *testing.T) {
	t.Run("notice instead", func(t *testing.T) {
		node, router := newPipe()
		go func() {
			hear(t, router)
			say(t, router, notice(wire.AgentTooOld))
		}()
		var refused *session.Refused
		_, _, err := session.Open(t.Context(), node, &pb.Hello{}, session.Limits{})
		if !errors.As(err, &refused) || refused.Reason != wire.AgentTooOld {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			node, router := newPipe()
			go hear(t, router)
			began := time.Now()
			_, _, err := session.Open(t.Context(), node, &pb.Hello{}, session.Limits{})
			if !errors.Is(err, session.ErrSilent) || time.Since(began) != 10*time.Second {
				t.Errorf("got %v after %s", err, time.Since(began))
			}
		})
	})
	t.Run("router does not read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			node, _ := newPipe()
			began := time.Now()
			if _, _, err := session.Open(t.Context(), node, &pb.Hello{}, session.Limits{}); err == nil || time.Since(began) != 10*time.Second {
				t.Errorf("got %v after %s", err, time.Since(began))
			}
		})
	})
}

func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := opened(t)
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		go cancel(why)
		if err := s.Run(ctx, new(handler)); !errors.Is(err, why) {
			t.Errorf("ended with %v", err)
		}
	})
}

// recorded is a stream that has all the router will ever say.
type recorded struct{ *bytes.Reader }

func (recorded) Write(b []byte) (int, error)      { return len(b), nil }
func (recorded) Close() error                     { return nil }
func (recorded) Reset() error                     { return nil }
func (recorded) SetReadDeadline(time.Time) error  { return nil }
func (recorded) SetWriteDeadline(time.Time) error { return nil }

func FuzzRouterMessages(f *testing.F) {
	seed := func(messages ...proto.Message) {
		var b bytes.Buffer
		for _, m := range messages {
			if err := wire.WriteFrame(&b, m, wire.MaxSessionMessage); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(b.Bytes())
	}
	seed(welcome(), notice(wire.Stalled), &pb.RouterMessage{Body: &pb.RouterMessage_Ping{Ping: &pb.Ping{Nonce: 1}}})
	seed(welcome(), &pb.RouterMessage{Body: &pb.RouterMessage_Activity{Activity: &pb.Activity{Serial: make([]byte, 16)}}})
	seed(notice(wire.LabMismatch))
	f.Fuzz(func(t *testing.T, said []byte) {
		s, _, err := session.Open(t.Context(), recorded{bytes.NewReader(said)}, &pb.Hello{}, session.Limits{})
		if err != nil {
			return
		}
		if err := s.Run(t.Context(), new(handler)); err == nil {
			t.Error("a session that ends has a reason")
		}
	})
}
