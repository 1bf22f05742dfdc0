package relay

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/session"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// attendance is an open session and what has been said in it.
type attendance struct {
	router  *routerState
	link    *uplink.Link
	session *session.Session
	welcome *pb.Welcome
	since   time.Time
	skew    time.Duration // the router's clock less this machine's

	end   context.CancelCauseFunc // from start on
	ended chan error              // gets how the session ended, once

	told    *pb.NodeMessage // the last word on sharing
	tunnels int             // the last word on how many
	notice  wire.Reason     // the last remark of the router, 0 if none
}

var errNoConsent = errors.New("consent was withdrawn")

// open connects to a router and is welcomed by it. Nothing is served yet, except
// the tunnels it may ask for.
func (n *Node) open(ctx context.Context, r *routerState) (*attendance, error) {
	dial, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	link, err := n.uplink.Dial(dial, r.Router)
	if err != nil {
		return nil, err
	}
	hello := n.hello(r.Key)
	s, welcome, err := session.Open(dial, link.Session, hello, n.cfg.Session)
	if err != nil {
		_ = link.Close()
		return nil, err
	}
	if welcome.GetLab() != n.cfg.Lab {
		_ = link.Session.Reset()
		_ = link.Close()
		return nil, &session.Refused{Reason: wire.LabMismatch}
	}
	n.meter.Epoch(r.Key, welcome.GetEpoch())
	return &attendance{
		router: r, link: link, session: s, welcome: welcome, since: n.now(),
		skew:    time.UnixMilli(welcome.GetUnixMilli()).Sub(n.now()),
		told:    wordOn(rules.Verdict{OK: hello.GetSharing() == pb.Reason_OK, Reason: wire.Reason(hello.GetSharing())}),
		tunnels: int(hello.GetMaxTunnels()),
	}, nil
}

// close ends the session, if it was started, and the connection; nil is none.
func (a *attendance) close() {
	if a == nil {
		return
	}
	if a.end != nil {
		a.end(nil)
	}
	_ = a.link.Close()
}

// attend serves an open session to its end. If that came because the home router
// answered again, next is open and wants to be attended.
func (n *Node) attend(seek, inner context.Context, a *attendance) (next *attendance, err error) {
	defer a.close()
	n.seen.see(a.router.Key, a.welcome.GetObservedAddress(), n.now())
	if a.ended == nil {
		n.start(inner, a)
	}
	defer a.end(nil)
	n.setCurrent(a)
	defer n.setCurrent(nil)
	n.log.Info("connected", "router", a.router.Key, "address", a.link.Address, "carrier", a.link.Carrier,
		"epoch", a.welcome.GetEpoch(), "router_version", a.welcome.GetRouterVersion())
	if a.skewed() {
		n.log.Warn("the clocks of router and node differ", "by", a.skew.Round(time.Second))
	}
	n.tellSharing() // the rules may have changed since hello
	for {
		rechosen := n.rechosen()
		if !n.chose(a.router) {
			a.end(errUnchosen)
		}
		next, err, over := n.await(seek, inner, a, rechosen)
		if over {
			return next, err
		}
	}
}

// await waits for the end of the session, looking for home meanwhile if a is of
// another router. It is not over when the list of routers has changed.
func (n *Node) await(seek, inner context.Context, a *attendance, rechosen <-chan struct{}) (next *attendance, err error, over bool) { //nolint:revive // the error is of the session, not of await
	home := n.homeBesides(a.router)
	if home == nil {
		select {
		case err := <-a.ended:
			return nil, err, true
		case <-rechosen:
			return nil, nil, false
		}
	}
	looking, stop := context.WithCancel(inner)
	defer stop()
	defer context.AfterFunc(seek, stop)()
	found := make(chan *attendance, 1)
	go func() { found <- n.seekHome(looking, inner, home, a) }()
	select {
	case err = <-a.ended:
		stop()
		return <-found, err, true
	case <-rechosen:
		stop()
		if next = <-found; next != nil { // the failover has been left already
			return next, <-a.ended, true
		}
		return nil, nil, false
	}
}

// start begins to answer what the router says.
func (n *Node) start(inner context.Context, a *attendance) {
	ctx, end := context.WithCancelCause(inner)
	a.end, a.ended = end, make(chan error, 1)
	go func() { a.ended <- a.session.Run(ctx, handler{n, a}) }()
}

// skewed reports whether the clocks are so far apart that leases may fail.
func (a *attendance) skewed() bool { return a.skew.Abs() > wire.ClockGrace }

func (n *Node) setCurrent(a *attendance) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.current = a
	if a != nil {
		a.router.err = nil
	}
}

func (n *Node) hello(router wire.Key) *pb.Hello {
	hello := &pb.Hello{
		AgentVersion: n.cfg.Version,
		Platform:     runtime.GOOS + "/" + runtime.GOARCH,
		MaxTunnels:   uint32(n.maxTunnels()),
		Lab:          n.cfg.Lab,
		Sharing:      pb.Reason(n.sharingWith(router).Reason),
	}
	if to := n.Payout(); !to.IsZero() {
		hello.PayoutAddress, hello.PayoutProof = to.Key[:], to.Proof
	}
	return hello
}

// handler serves one session's messages.
type handler struct {
	node *Node
	at   *attendance
}

// Receipt countersigns a proposal or disputes it.
func (h handler) Receipt(p *pb.ReceiptProposal) *pb.ReceiptAnswer {
	answer, err := h.node.meter.Answer(h.at.router.Key, p)
	if err != nil {
		h.node.complaints.warn("receipt not signed", "router", h.at.router.Key, "epoch", answer.GetEpoch(),
			"job", answer.GetJob(), "sequence", answer.GetSequence(), "err", err)
		h.node.noteDispute(h.at.router.Key, p, answer, err)
	}
	return answer
}

// Activity writes the announced addresses into the journal.
func (h handler) Activity(m *pb.Activity) {
	if err := h.node.noteActivity(h.at.router.Key, m); err != nil {
		h.node.complaints.warn("activity not written to the journal", "router", h.at.router.Key, "err", err)
	}
}

// Halt puts what the router has stopped into force.
func (h handler) Halt(m *pb.Halt) { h.node.takeHalt(h.at.router.Key, m) }

// Notice ends the session for those reasons that concern it.
func (h handler) Notice(reason wire.Reason) bool {
	n := h.node
	n.complaints.warn("notice from router", "router", h.at.router.Key, "reason", reason)
	n.mu.Lock()
	defer n.mu.Unlock()
	h.at.notice = reason
	switch reason {
	case wire.RouterStopping, wire.LabMismatch, wire.AgentTooOld, wire.SessionReplaced, wire.RouterFull, wire.PayoutProof:
		return true
	default:
		return false
	}
}

// noteDispute keeps a proposal the node did not sign, with its own counts.
func (n *Node) noteDispute(router wire.Key, p *pb.ReceiptProposal, a *pb.ReceiptAnswer, why error) {
	_, err := n.journal.Append(journal.Entry{
		Kind: journal.Disputed, Router: router, Job: a.GetJob(), Reason: wire.Reason(a.GetReason()),
		Receipt: cut(p.GetReceipt(), wire.MaxReceipt), ReceiptSig: cut(p.GetRouterSignature(), ed25519.SignatureSize),
		BytesDown: a.GetOwnBytesDown(), BytesUp: a.GetOwnBytesUp(), Note: why.Error(),
	})
	if err != nil {
		n.complaints.warn("dispute not written to the journal", "router", router, "err", err)
	}
}

func cut(b []byte, most int) []byte { return b[:min(len(b), most)] }

// noteActivity writes down which addresses a router says it read under a lease
// the node served. The router vouches for them; an address is cut to its bound.
func (n *Node) noteActivity(router wire.Key, m *pb.Activity) error {
	if len(m.GetSerial()) != len(wire.Serial{}) {
		return fmt.Errorf("serial of %d bytes", len(m.GetSerial()))
	}
	serial := wire.Serial(m.GetSerial())
	host, ok := n.tunnels.Recent(router, serial)
	if !ok {
		return fmt.Errorf("lease %s opened no tunnel lately", serial)
	}
	urls := make([]string, 0, len(m.GetUrls()))
	for _, u := range m.GetUrls() {
		urls = append(urls, u[:min(len(u), wire.MaxActivityURL)])
	}
	_, err := n.journal.Append(journal.Entry{
		Kind: journal.Pages, Router: router, Serial: serial, Host: host, URLs: urls,
	})
	return err
}
