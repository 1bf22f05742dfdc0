// Package doctor looks why a node does not share: it takes one step after the
// other, from the data directory to the router's key, and says of each whether
// it is in order and what to do if not.
//
// It changes nothing and needs no agent. Its answers have public keys and
// addresses of routers in them, and neither secrets nor the user's own address,
// so that they can be shown to anybody. The command line prints them.
package doctor

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	madns "github.com/multiformats/go-multiaddr-dns"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

// Result is how a step ended.
type Result string

// The results. Only Bad is a failure.
const (
	Good    Result = "ok"
	Notable Result = "note" // in order, and yet a reason not to share now
	Bad     Result = "failed"
	Skipped Result = "skipped" // could not be looked at; Found says why
)

// Finding is one step.
type Finding struct {
	Step   string `json:"step"`
	Result Result `json:"result"`
	Found  string `json:"found"`
	Do     string `json:"do,omitempty"` // what the user can do about it
}

// Patient is what is known before looking; the caller asks the agent, if one
// runs, and the files otherwise.
type Patient struct {
	Dir     string
	Status  *relay.Status // of the running agent, or nil
	Routers []uplink.Router
	// Consent looks what is on record. It is asked only once the directory has
	// been found in order.
	Consent func() (rules.Consent, error)
	Err     error // why the list of routers could not be read

	Timeout time.Duration // for each look at the network; default 10 s
}

const (
	stepDir      = "data directory"
	stepIdentity = "identity"
	stepAgent    = "agent"
	stepConsent  = "consent"
	stepRules    = "rules"
	stepClock    = "clock"
	stepRouters  = "routers"
	stepDNS      = "dns"
	stepTCP      = "tcp"
	stepQUIC     = "quic"
	stepWS       = "websocket"
	stepKey      = "router key"
	stepVersion  = "version"
	stepClass    = "address class"
)

// Examine takes all steps. Without consent it touches no network.
func Examine(ctx context.Context, p Patient) []Finding {
	if p.Timeout <= 0 {
		p.Timeout = 10 * time.Second
	}
	directory := p.directory()
	all := []Finding{directory, p.identity()}
	all = append(all, p.agent()...)
	consent := Finding{stepConsent, Skipped, "It lies in the data directory.", ""}
	if directory.Result == Good {
		consent = p.consent()
	}
	all = append(all, consent, p.rules(), p.clock(), p.routers())
	if consent.Result == Good {
		for _, r := range p.Routers {
			all = append(all, p.reach(ctx, r)...)
		}
	} else if len(p.Routers) > 0 {
		all = append(all, Finding{stepDNS, Skipped, "No router is tried before you have agreed.", ""})
	}
	return append(all, p.class())
}

// Failed reports whether any step failed.
func Failed(all []Finding) bool {
	for _, f := range all {
		if f.Result == Bad {
			return true
		}
	}
	return false
}

func (p Patient) directory() Finding {
	info, err := os.Stat(p.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Finding{stepDir, Skipped, "There is none yet; it is made when the agent first runs.", "Check --data if an agent did run."}
	case err != nil:
		return Finding{stepDir, Bad, bare(err), "Make it readable for your user."}
	case !info.IsDir():
		return Finding{stepDir, Bad, "It is a file.", "Give another --data."}
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return Finding{stepDir, Bad, fmt.Sprintf("Other users may look into it (mode %04o).", info.Mode().Perm()), "Run: chmod 700 on it; the agent does so when it starts."}
	}
	probe, err := os.CreateTemp(p.Dir, "doctor-*")
	if err != nil {
		return Finding{stepDir, Bad, "It cannot be written: " + bare(err) + ".", "Make it yours, and see that the disk is not full."}
	}
	defer os.Remove(probe.Name())
	_, err = probe.Write(make([]byte, 4<<10))
	if closeErr := probe.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return Finding{stepDir, Bad, "It cannot be written: " + bare(err) + ".", "Is the disk full?"}
	}
	return Finding{stepDir, Good, "It is there, writable and closed to others.", ""}
}

func (p Patient) identity() Finding {
	id, err := identity.Load(p.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Finding{stepIdentity, Skipped, "There is none yet; it is made when the agent first runs.", ""}
	case errors.Is(err, identity.ErrExposed):
		return Finding{stepIdentity, Bad, "Other users may read it.", "If nobody else could have read it, run: chmod 600 " + identity.FileName}
	case errors.Is(err, identity.ErrCorrupt):
		return Finding{stepIdentity, Bad, "The file is no key.", "Move it away and run: fallow-node identity restore FILE"}
	case err != nil:
		return Finding{stepIdentity, Bad, bare(err), "Make it readable for your user."}
	}
	return Finding{stepIdentity, Good, "Node " + id.Public.String(), ""}
}

func (p Patient) agent() []Finding {
	s := p.Status
	if s == nil {
		return []Finding{{stepAgent, Notable, "No agent is running.", "Run: fallow-node run"}}
	}
	all := []Finding{{stepAgent, Good, "It runs, version " + s.Version + ".", ""}}
	for _, warning := range s.Warnings {
		all = append(all, Finding{stepAgent, Notable, warning, ""})
	}
	return all
}

func (p Patient) consent() Finding {
	c, err := p.Consent()
	switch {
	case err != nil:
		return Finding{stepConsent, Bad, "It cannot be read: " + bare(err) + ".", "Mend or move away the rules' file."}
	case c.Given():
		return Finding{stepConsent, Good, "You agreed on " + c.AcceptedAt.Format(time.DateOnly) + ".", ""}
	case c.Version != "":
		return Finding{stepConsent, Bad, "You agreed to an earlier text.", "Run: fallow-node consent show"}
	}
	return Finding{stepConsent, Bad, "You have not agreed, so nothing is shared.", "Run: fallow-node consent show"}
}

func (p Patient) rules() Finding {
	switch {
	case p.Status == nil:
		return Finding{stepRules, Skipped, "Only a running agent sees what they say now.", ""}
	case p.Status.Sharing.OK:
		return Finding{stepRules, Good, "They allow sharing now.", ""}
	}
	return Finding{stepRules, Notable, p.Status.Sharing.Sentence, "See: fallow-node rules show"}
}

func (p Patient) clock() Finding {
	r := p.connected()
	if r == nil {
		return ownClock(time.Now())
	}
	skew := time.Duration(r.SkewMillis) * time.Millisecond
	if skew.Abs() > wire.ClockGrace {
		return Finding{stepClock, Bad, fmt.Sprintf("It differs from the router's by %s.", skew.Abs().Round(time.Second)), "Set the clock, or have the system keep it."}
	}
	return Finding{stepClock, Good, fmt.Sprintf("Within %s of the router's.", wire.ClockGrace), ""}
}

func (p Patient) routers() Finding {
	if p.Err != nil {
		return Finding{stepRouters, Bad, "Their list cannot be used.", "Move routers.json away and run: fallow-node router add ADDRESS"}
	}
	if len(p.Routers) == 0 {
		return Finding{stepRouters, Bad, "None is chosen.", "Run: fallow-node router add ADDRESS"}
	}
	if r := p.connected(); r != nil {
		return Finding{stepRouters, Good, fmt.Sprintf("Connected to %s over %s.", r.Router, r.Carrier), ""}
	}
	return Finding{stepRouters, Notable, fmt.Sprintf("%d chosen, none connected.", len(p.Routers)), ""}
}

func (p Patient) class() Finding {
	switch r := p.connected(); {
	case r == nil:
		return ownAddresses(net.InterfaceAddrs)
	case r.Class == "":
		return Finding{stepClass, Skipped, "The router does not say.", ""}
	default:
		return Finding{stepClass, Good, "The router sees: " + strings.ToValidUTF8(r.Class, "?"), ""}
	}
}

func (p Patient) connected() *relay.RouterStatus {
	if p.Status == nil {
		return nil
	}
	for i := range p.Status.Routers {
		if r := &p.Status.Routers[i]; r.Connected {
			return r
		}
	}
	return nil
}

// reach tries every address of a router, one at a time.
func (p Patient) reach(ctx context.Context, r uplink.Router) []Finding {
	var all []Finding
	for _, addr := range r.Addrs {
		all = append(all, p.reachAt(ctx, r.Key, addr)...)
		if ctx.Err() != nil {
			break
		}
	}
	return all
}

func (p Patient) reachAt(ctx context.Context, key wire.Key, addr ma.Multiaddr) []Finding {
	var all []Finding
	add := func(step string, result Result, found, do string) {
		all = append(all, Finding{step, result, addr.String() + ": " + found, do})
	}
	limited, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	literal := []ma.Multiaddr{addr}
	if madns.Matches(addr) {
		found, err := uplink.Resolve(limited, []ma.Multiaddr{addr})
		if err != nil || len(found) == 0 {
			add(stepDNS, Bad, "the name cannot be resolved.", "Check the address and this machine's DNS.")
			return all
		}
		literal = found[:min(len(found), 16)]
		add(stepDNS, Good, fmt.Sprintf("the name has %d addresses.", len(found)), "")
	}
	step := stepQUIC
	if _, err := addr.ValueForProtocol(ma.P_TCP); err == nil {
		step = stepTCP
		if len(addr) > 2 {
			step = stepWS
		}
		if err := connectAny(limited, literal); err != nil {
			add(stepTCP, Bad, "no connection: "+bare(err)+".", "The router may be down, or a firewall in between may block the port.")
			return all
		}
		add(stepTCP, Good, "connected.", "")
	}
	err := greet(limited, uplink.Router{Key: key, Addrs: []ma.Multiaddr{addr}}, p.Timeout)
	switch {
	case errors.Is(err, uplink.ErrWrongKey):
		add(stepKey, Bad, "somebody with another key answers.", "Ask the router's operator for its address and change it with: fallow-node router")
	case err != nil && step == stepQUIC:
		add(stepQUIC, Bad, "no answer.", "The router may be down, or UDP may be blocked; TCP alone is enough if the router has such an address.")
	case errors.Is(err, uplink.ErrVersion):
		add(stepKey, Good, "it is the pinned one.", "")
		add(stepVersion, Bad, "it speaks no version of the protocol that this agent does.", "Look for a newer version of this agent.")
	case err != nil && step == stepWS:
		add(stepWS, Bad, "no WebSocket: "+whyNoWS(err)+".", "A proxy in between may not let WebSocket through, or the router's certificate does not belong to its name; ask its operator.")
	case err != nil:
		add(stepKey, Bad, "something accepts the connection and does not speak as a router does.", "A proxy or firewall in between may meddle; try another network.")
	default:
		if step != stepTCP {
			add(step, Good, "answers.", "")
		}
		add(stepKey, Good, "it is the pinned one.", "")
	}
	return all
}

// whyNoWS names what the certificate check said, if that is what failed.
func whyNoWS(err error) string {
	if text := err.Error(); strings.Contains(text, "x509:") {
		_, why, _ := strings.Cut(text, "x509: ")
		why, _, _ = strings.Cut(why, "\n")
		return "its certificate is refused (" + why + ")"
	}
	return "the connection was made and the handshake failed"
}

func connectAny(ctx context.Context, literal []ma.Multiaddr) error {
	var failed error
	for _, addr := range literal {
		network, address, err := manet.DialArgs(addr)
		if err == nil {
			var conn net.Conn
			if conn, err = new(net.Dialer).DialContext(ctx, network, address); err == nil {
				return conn.Close()
			}
		}
		failed = err
	}
	return failed
}

// greet shakes hands with a router, under a key drawn for it so that an agent
// that runs is not disturbed, and says nothing in the session.
func greet(ctx context.Context, r uplink.Router, timeout time.Duration) error {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return fmt.Errorf("draw key: %w", err)
	}
	up, err := uplink.New(slog.New(slog.DiscardHandler), uplink.Config{
		Identity: private, Routers: []uplink.Router{r}, Version: "doctor", DialTimeout: timeout,
	})
	if err != nil {
		return err
	}
	defer up.Close()
	link, err := up.Dial(ctx, r)
	if err != nil {
		return err
	}
	return link.Close()
}

// bare is an error without the paths and addresses it happened at, which say
// more about the user than a report should.
func bare(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	var op *net.OpError
	switch {
	case errors.As(err, &path):
		return filepath.Base(path.Path) + ": " + path.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
