package relay

import (
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/halts"
	"github.com/fallow-network/fallow/relay/meter"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/tunnel"
	"github.com/fallow-network/fallow/relay/wire"
)

// Status is a node at one moment, as the command line and the window show it.
type Status struct {
	Node    wire.Key  `json:"node"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Lab     bool      `json:"lab"`

	// Sharing says whether bytes may flow now and, if not, why and until when.
	// Sentence alone is enough for a user.
	Sharing  rules.Verdict  `json:"sharing"`
	Sentence string         `json:"sentence"`
	Consent  rules.Consent  `json:"consent,omitzero"`
	Routers  []RouterStatus `json:"routers"`

	// Halts is what routers have stopped, signed by each.
	Halts []halts.Stop `json:"halts,omitempty"`
	// Payout is where payouts go.
	Payout Payout `json:"payout"`
	// Update is a newer release the operator of a router knows of, empty if none.
	Update Update `json:"update,omitzero"`

	MaxTunnels int          `json:"max_tunnels"`
	Tunnels    tunnel.Stats `json:"tunnels"`
	Carried    meter.Stats  `json:"carried"` // since the agent started
	Used       rules.Usage  `json:"used"`    // towards the caps
	Warnings   []string     `json:"warnings,omitempty"`
}

// Payout is where a node's payouts go.
type Payout struct {
	Address wire.Key `json:"address"`
	// Own says that it is the node's own key.
	Own bool `json:"own"`
	// Confirmed says that the connected router has the same on record.
	Confirmed bool `json:"confirmed"`
}

// Update is a newer release of the agent. Nothing is ever installed by itself.
type Update struct {
	Version string   `json:"version"`
	Info    string   `json:"info,omitempty"` // where to read about it, an https address
	Router  wire.Key `json:"router"`         // whose operator says so
}

// RouterStatus is one configured router.
type RouterStatus struct {
	Router    wire.Key `json:"router"`
	Home      bool     `json:"home"`
	Addresses []string `json:"addresses"`
	Connected bool     `json:"connected"`

	Since   time.Time `json:"since,omitzero"`    // connected since
	Address string    `json:"address,omitempty"` // the one that answered
	Carrier string    `json:"carrier,omitempty"` // "tcp", "quic" or "ws"
	Version string    `json:"version,omitempty"`
	Epoch   uint64    `json:"epoch,omitempty"`
	Country string    `json:"country,omitempty"` // where the router sees this node
	Class   string    `json:"class,omitempty"`   // what kind of address it sees
	// SkewMillis is the router's clock less this machine's when it said welcome.
	SkewMillis int64 `json:"skew_ms,omitempty"`

	Problem string      `json:"problem,omitempty"` // why not connected, for the user
	Reason  wire.Reason `json:"reason,omitzero"`   // the code the router gave, if it gave one
	NextTry time.Time   `json:"next_try,omitzero"`
}

// Status reports the node as it is now.
func (n *Node) Status() Status {
	s := Status{
		Node: n.key, Version: n.cfg.Version, Started: n.started, Lab: n.cfg.Lab,
		Sharing: n.sharing(), Consent: n.rules.Consent(),
		MaxTunnels: n.maxTunnels(), Tunnels: n.tunnels.Stats(), Carried: n.meter.Stats(),
		Used: n.rules.Used(n.now()), Halts: n.halts.InForce(),
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, r := range n.routers {
		s.Routers = append(s.Routers, n.routerStatus(r, i == 0))
	}
	s.Payout, s.Update = n.payoutStatus(), n.update()
	s.Sentence = n.sentence(s)
	s.Warnings = n.warnings(s)
	return s
}

// routerStatus is called with mu held.
func (n *Node) routerStatus(r *routerState, home bool) RouterStatus {
	s := RouterStatus{Router: r.Key, Home: home, Problem: explain(r.err), Reason: reasonOf(r.err)}
	for _, a := range r.Addrs {
		s.Addresses = append(s.Addresses, a.String())
	}
	if a := n.current; a != nil && a.router == r {
		s.Connected, s.Since, s.Problem, s.Reason = true, a.since, "", a.notice
		s.Address, s.Carrier = a.link.Address, a.link.Carrier
		s.Version, s.Epoch = a.welcome.GetRouterVersion(), a.welcome.GetEpoch()
		s.Country, s.Class = a.welcome.GetCountry(), a.welcome.GetAddressClass()
		s.SkewMillis = a.skew.Milliseconds()
		return s
	}
	if r.next.After(n.now()) {
		s.NextTry = r.next
	}
	return s
}

// sentence is called with mu held.
func (n *Node) sentence(s Status) string {
	switch {
	case s.Sharing.Reason == wire.NoConsent:
		return s.Sharing.Sentence + " Run: fallow-node consent show"
	case !s.Sharing.OK:
		return s.Sharing.Sentence
	case len(s.Routers) == 0:
		return "Not sharing yet: no router is chosen. Run: fallow-node router add ADDRESS"
	case n.current != nil:
		return fmt.Sprintf("Sharing through router %s.", short(n.current.router.Key))
	}
	for _, r := range s.Routers {
		if r.Problem != "" && !r.NextTry.IsZero() {
			return fmt.Sprintf("Not sharing at the moment. %s Trying again at %s.", r.Problem, r.NextTry.Format("15:04:05"))
		}
	}
	return "Not sharing yet: connecting to the router."
}

func (n *Node) warnings(s Status) []string {
	var all []string
	if a := n.current; a != nil && a.skewed() {
		all = append(all, fmt.Sprintf("This machine's clock and the router's differ by %s; set the clock, or tunnels will be refused.", a.skew.Abs().Round(time.Second)))
	}
	for _, h := range s.Halts {
		if h.Scope == wire.HaltJob {
			all = append(all, fmt.Sprintf("Router %s has stopped job %s: %s.", short(h.Router), h.Job, h.Reason))
		}
	}
	if u := s.Update; u.Version != "" {
		all = append(all, u.sentence())
	}
	if s.Tunnels.NoJournal {
		all = append(all, "The journal cannot be written, so no tunnel is opened. Is the disk full?")
	}
	if s.Carried.Disputed > 0 {
		all = append(all, fmt.Sprintf("%d receipts were disputed, the last because: %s.", s.Carried.Disputed, s.Carried.LastDispute))
	}
	return all
}

// short is enough of a key to tell routers apart in a sentence.
func short(k wire.Key) string { return k.String()[:8] + "…" }
