package routertest

import (
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// Proposed and Answered are what a rogue's session exchanges about receipts.
type (
	Proposed = *wire.Receipt
	Answered = *pb.ReceiptAnswer
)

// The misdeeds of tunnels.

// Flip inverts one byte in every so many that come down.
func Flip(every int) func(t *RogueTunnel) {
	return func(t *RogueTunnel) {
		t.Carry(func(w io.Writer) io.Writer { return &flipper{to: w, every: every} })
	}
}

type flipper struct {
	to          io.Writer
	every, seen int
}

func (f *flipper) Write(p []byte) (int, error) {
	q := append([]byte(nil), p...)
	for i := range q {
		if f.seen++; f.seen%f.every == 0 {
			q[i] ^= 0xff
		}
	}
	return f.to.Write(q)
}

// errCut ends a tampered tunnel.
var errCut = errors.New("cut")

// Cut lets so many bytes come down and then ends the tunnel, in good order or
// with a reset.
func Cut(after int, reset bool) func(t *RogueTunnel) {
	return func(t *RogueTunnel) {
		t.Carry(func(w io.Writer) io.Writer { return &cutter{t: t, to: w, left: after, reset: reset} })
	}
}

type cutter struct {
	t     *RogueTunnel
	to    io.Writer
	left  int
	reset bool
}

func (c *cutter) Write(p []byte) (int, error) {
	if len(p) < c.left {
		c.left -= len(p)
		return c.to.Write(p)
	}
	_, _ = c.to.Write(p[:c.left])
	if c.reset {
		_ = c.t.Stream.Reset()
	} else {
		_ = c.t.Stream.CloseWrite()
		<-c.t.gone
	}
	return 0, errCut
}

// Stall lets so many bytes come down and then nothing more. With a negative
// number the lease itself is never answered.
func Stall(after int) func(t *RogueTunnel) {
	return func(t *RogueTunnel) {
		if after >= 0 {
			t.Carry(func(w io.Writer) io.Writer { return &staller{t: t, to: w, left: after} })
			return
		}
		_, _ = io.Copy(io.Discard, t.Stream)
	}
}

type staller struct {
	t    *RogueTunnel
	to   io.Writer
	left int
}

func (s *staller) Write(p []byte) (int, error) {
	if len(p) < s.left {
		s.left -= len(p)
		return s.to.Write(p)
	}
	_, _ = s.to.Write(p[:s.left])
	<-s.t.gone
	return 0, errCut
}

// Refuse answers every lease with a reason.
func Refuse(reason wire.Reason) func(t *RogueTunnel) {
	return func(t *RogueTunnel) {
		t.Status(reason)
		_ = t.Stream.Close()
	}
}

// Say answers every lease with bytes that are no TunnelStatus.
func Say(raw []byte) func(t *RogueTunnel) {
	return func(t *RogueTunnel) {
		_, _ = t.Stream.Write(raw)
		_, _ = io.Copy(io.Discard, t.Stream)
	}
}

// Overlong is the start of a frame far over any bound.
func Overlong() []byte { return append(protowire.AppendVarint(nil, 1<<27), make([]byte, 4096)...) }

// Forge ends the TLS of every tunnel itself, with a certificate of its own, and
// answers every request with a page of its own.
func Forge(cert tls.Certificate, page string) func(t *RogueTunnel) {
	return func(t *RogueTunnel) {
		t.Status(wire.OK)
		conn := tls.Server(t.conn(), &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})
		defer func() { _ = conn.Close() }()
		server := &http.Server{
			ReadHeaderTimeout: 5 * time.Second,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = io.WriteString(w, page)
			}),
		}
		serveOne(server, conn)
	}
}

// Replay plays to every tunnel but the first what the site sent on the first.
func Replay(t *RogueTunnel) {
	t.mu.Lock()
	recorded := append([]byte(nil), t.recorded...)
	t.mu.Unlock()
	if len(recorded) < 1000 {
		t.Carry(func(w io.Writer) io.Writer { return recorder{t, w} })
		return
	}
	t.Status(wire.OK)
	conn := t.conn()
	var hello [512]byte
	_, _ = conn.Read(hello[:])
	_, _ = conn.Write(recorded)
	_, _ = io.Copy(io.Discard, conn)
}

type recorder struct {
	t  *RogueTunnel
	to io.Writer
}

func (r recorder) Write(p []byte) (int, error) {
	r.t.mu.Lock()
	r.t.recorded = append(r.t.recorded, p...)
	r.t.mu.Unlock()
	return r.to.Write(p)
}

// Drop takes every lease and then hangs up on the router altogether.
func Drop(t *RogueTunnel) {
	t.Status(wire.OK)
	t.HangUp()
}

// The misdeeds about receipts.

func answer(p Proposed, reason wire.Reason) Answered {
	return &pb.ReceiptAnswer{Epoch: p.Epoch, Job: p.Job, Sequence: p.Sequence, Reason: pb.Reason(reason)}
}

// Sign countersigns what was proposed, which is right.
func Sign(r *Rogue, p Proposed) []Answered {
	signed := answer(p, wire.OK)
	signed.NodeSignature = ed25519.Sign(r.private, p.Encode())
	return []Answered{signed}
}

// Inflate disputes everything with numbers of its own.
func Inflate(_ *Rogue, p Proposed) []Answered {
	disputed := answer(p, wire.ReceiptDisputed)
	disputed.OwnBytesDown, disputed.OwnBytesUp = p.BytesDown*1000+1e9, p.BytesUp*1000+1e9
	return []Answered{disputed, disputed, disputed}
}

// SignBadly countersigns with a signature over nothing.
func SignBadly(r *Rogue, p Proposed) []Answered {
	signed := answer(p, wire.OK)
	signed.NodeSignature = ed25519.Sign(r.private, []byte("something else"))
	return []Answered{signed}
}

// SignMore countersigns what was proposed with more bytes in it.
func SignMore(r *Rogue, p Proposed) []Answered {
	more := *p
	more.BytesDown, more.OnlineSeconds = p.BytesDown*1000, p.OnlineSeconds*1000
	signed := answer(p, wire.OK)
	signed.NodeSignature = ed25519.Sign(r.private, more.Encode())
	signed.OwnBytesDown = more.BytesDown
	return []Answered{signed}
}

// Unasked signs receipts of its own making along with the one proposed: a later
// sequence, another epoch, a job it never worked for, none at all.
func Unasked(r *Rogue, p Proposed) []Answered {
	answers := Sign(r, p)
	for _, change := range []func(*wire.Receipt){
		func(w *wire.Receipt) { w.Sequence += 100 },
		func(w *wire.Receipt) { w.Epoch += 5 },
		func(w *wire.Receipt) { w.Epoch, w.Sequence = 0, 0 },
		func(w *wire.Receipt) { w.Job = "invented" },
	} {
		made := *p
		change(&made)
		made.BytesDown, made.OnlineSeconds = 1<<40, 0
		answers = append(answers, Sign(r, &made)...)
		disputed := answer(&made, wire.ReceiptDisputed)
		disputed.OwnBytesDown = made.BytesDown
		answers = append(answers, disputed)
	}
	return answers
}

// Silent answers nothing.
func Silent(*Rogue, Proposed) []Answered { return nil }

// The misdeeds of sessions.

// Flood sends messages as fast as the line takes them.
func Flood(_ *Rogue, s *RogueSession) {
	for range 20_000 {
		for _, m := range []*pb.NodeMessage{
			{Body: &pb.NodeMessage_Pong{Pong: &pb.Pong{Nonce: 1}}},
			{Body: &pb.NodeMessage_RulesChanged{RulesChanged: &pb.RulesChanged{MaxTunnels: 1e9}}},
			{Body: &pb.NodeMessage_Resume{Resume: &pb.Resume{}}},
			{Body: &pb.NodeMessage_ReceiptAnswer{ReceiptAnswer: &pb.ReceiptAnswer{Epoch: 1, Job: "x", Sequence: 1, Reason: pb.Reason_RECEIPT_DISPUTED}}},
		} {
			if s.stream.Conn().IsClosed() {
				return
			}
			s.Tell(m)
		}
	}
}

// Babble sends a frame over the bound.
func Babble(_ *Rogue, s *RogueSession) {
	time.Sleep(50 * time.Millisecond)
	s.Raw(Overlong())
}
