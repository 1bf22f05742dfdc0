package routertest_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/routertest"
)

// forgedText stands in every page that a rogue makes up.
const forgedText = "This page was never on the site. It was made up by the node that carried it, word by word and line by line."

// rogueCase is one way to misbehave and what must be seen of it.
type rogueCase struct {
	name        string
	rogue       func(n *routertest.Net) routertest.RogueConfig
	event       wire.Reason // an event in the node's standing; 0: none wanted
	quarantined bool        // and it is left out for it
	disputed    bool        // the epoch names bytes it disputed
	unsigned    bool        // it is paid by the router's own count alone
	good        bool        // nothing may be held against it
	away        bool        // its sessions may be too short for any tunnel
}

func tunnels(f func(*routertest.RogueTunnel)) func(*routertest.Net) routertest.RogueConfig {
	return func(*routertest.Net) routertest.RogueConfig { return routertest.RogueConfig{Tunnel: f} }
}

func answers(f func(*routertest.Rogue, routertest.Proposed) []routertest.Answered) func(*routertest.Net) routertest.RogueConfig {
	return func(*routertest.Net) routertest.RogueConfig { return routertest.RogueConfig{Answer: f} }
}

func sessions(f func(*routertest.Rogue, *routertest.RogueSession)) func(*routertest.Net) routertest.RogueConfig {
	return func(*routertest.Net) routertest.RogueConfig { return routertest.RogueConfig{Session: f} }
}

var rogueCases = []rogueCase{
	{name: "honest after all", rogue: tunnels(nil), good: true},
	{name: "flips bytes", rogue: tunnels(routertest.Flip(2 << 10)), event: wire.BytesCorrupted, quarantined: true},
	// On one site alone a foreign certificate is no evidence against the node;
	// what it forged must not get in all the same.
	{name: "its own certificate", rogue: forge(selfSigned)},
	{name: "certificate for another host", rogue: forge(otherHost)},
	{name: "ends early in order", rogue: tunnels(routertest.Cut(5<<10, false)), event: wire.BytesTruncated, quarantined: true},
	{name: "ends early with a reset", rogue: tunnels(routertest.Cut(5<<10, true)), event: wire.BytesTruncated, quarantined: true},
	{name: "stalls in the middle", rogue: tunnels(routertest.Stall(5 << 10)), event: wire.Stalled, quarantined: true},
	{name: "never answers a lease", rogue: tunnels(routertest.Stall(-1)), event: wire.TunnelBroken},
	{name: "refuses everything as busy", rogue: tunnels(routertest.Refuse(wire.Busy)), good: true},
	{name: "refuses everything as malformed", rogue: tunnels(routertest.Refuse(wire.LeaseMalformed)), good: true},
	{name: "says no site has an address", rogue: tunnels(routertest.Refuse(wire.DNSNotFound)), good: true},
	{name: "answers leases with garbage", rogue: tunnels(routertest.Say([]byte("HTTP/1.1 200 OK\r\n\r\n"))), event: wire.TunnelBroken},
	{name: "answers leases with an overlong frame", rogue: tunnels(routertest.Say(routertest.Overlong())), event: wire.TunnelBroken},
	{name: "replays what a site once sent", rogue: tunnels(routertest.Replay)},
	{name: "takes every lease and hangs up", rogue: tunnels(routertest.Drop), event: wire.TunnelBroken},
	{name: "disputes with inflated counts", rogue: answers(routertest.Inflate), event: wire.ReceiptDisputed, disputed: true},
	{name: "countersigns badly", rogue: answers(routertest.SignBadly), event: wire.ReceiptSignature, quarantined: true},
	{name: "countersigns more than was proposed", rogue: answers(routertest.SignMore), event: wire.ReceiptSignature, quarantined: true},
	{name: "answers what nobody proposed", rogue: answers(routertest.Unasked), good: true},
	{name: "never answers a proposal", rogue: answers(routertest.Silent), unsigned: true, good: true},
	{name: "floods the session", rogue: sessions(routertest.Flood), good: true},
	{name: "sends an overlong message", rogue: sessions(routertest.Babble), good: true, away: true},
	{name: "opens session upon session", rogue: sessions(crowd), good: true, away: true},
	{name: "offers a billion tunnels", rogue: func(*routertest.Net) routertest.RogueConfig {
		return routertest.RogueConfig{Capacity: 1e9, Tunnel: routertest.Stall(-1)}
	}, event: wire.TunnelBroken},
}

// crowd opens further sessions until the one it belongs to is gone.
func crowd(r *routertest.Rogue, _ *routertest.RogueSession) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for range 3 {
		_, _ = r.Greet(ctx)
	}
}

func forge(cert func(*routertest.Net) (tls.Certificate, error)) func(*routertest.Net) routertest.RogueConfig {
	return func(n *routertest.Net) routertest.RogueConfig {
		made, err := cert(n)
		if err != nil {
			panic(err)
		}
		return routertest.RogueConfig{Tunnel: routertest.Forge(made, "<html><body><p>"+forgedText+"</p></body></html>")}
	}
}

// selfSigned is for the right host, of an authority nobody knows.
func selfSigned(*routertest.Net) (tls.Certificate, error) {
	ca, err := lab.NewCA(time.Now)
	if err != nil {
		return tls.Certificate{}, err
	}
	return ca.Issue(lab.Leaf{Hosts: []string{rogueSite}})
}

// otherHost is of an authority the router trusts, for a host of the rogue's.
func otherHost(n *routertest.Net) (tls.Certificate, error) {
	return n.CA.Issue(lab.Leaf{Hosts: []string{"rogue.fallow.test"}})
}

const rogueSite = "small.fallow.test"

// impatient makes waits short, so that a stalled fetch costs a second, a lease
// not answered half of one (less than a fetch waits for its first byte), and a node
// that failed is soon asked again.
func impatient(cfg *router.Config) {
	cfg.Tunnel.OpenTimeout, cfg.Tunnel.TLSTimeout, cfg.Tunnel.HeadTimeout = 500*time.Millisecond, time.Second, time.Second
	cfg.Crawl.Fetch.FirstByte, cfg.Crawl.Fetch.Idle, cfg.Crawl.Fetch.Total = time.Second, time.Second, 4*time.Second
	cfg.Crawl.FetchTime, cfg.Crawl.NodeWait = 10*time.Second, 2*time.Second
	cfg.Fleet.SiteCooldown, cfg.Fleet.SiteCoolMax = 20*time.Millisecond, 20*time.Millisecond
	cfg.Fleet.UnwellBase, cfg.Fleet.UnwellMax = 50*time.Millisecond, 200*time.Millisecond
	cfg.Fleet.ProposeEvery, cfg.Fleet.PingEvery = 100*time.Millisecond, 200*time.Millisecond
	cfg.SignGrace = time.Second
}

// However a node misbehaves, the job is done, the dataset holds the site's pages
// and nothing else, the reason can be read, and honest nodes lose nothing.
func TestRogueNode(t *testing.T) {
	for _, c := range rogueCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			routertest.Run(t, routertest.Config{Nodes: 2, Router: impatient}, func(ctx context.Context, n *routertest.Net) {
				rogue := n.StartRogue(c.rogue(n))
				n.AwaitNodes(3)
				for round := 0; round == 0 || round < maxRounds && !blamed(ctx, t, n, rogue, c); round++ {
					crawlSmall(ctx, t, n, fmt.Sprintf("round%d", round))
				}
				if rogue.Tunnels() == 0 && !c.away {
					t.Error("the rogue was asked for no tunnel")
				}
				checkNodes(ctx, t, n, rogue, c)
				checkEpoch(ctx, t, n, rogue, c)
			})
		})
	}
}

// maxRounds is how many crawls a reason may take to show: some take several
// observations, and chance decides who is asked for what.
const maxRounds = 5

// blamed reports whether what is wanted of the rogue's events is there.
func blamed(ctx context.Context, t *testing.T, n *routertest.Net, rogue *routertest.Rogue, c rogueCase) bool {
	t.Helper()
	page, err := n.Router.API.Nodes(ctx, api.Page{})
	if err != nil {
		t.Fatal(err)
	}
	return c.event == 0 || slices.ContainsFunc(page.Nodes, func(node api.Node) bool {
		return node.ID == rogue.Key.String() &&
			slices.ContainsFunc(node.Events, func(e api.StandingEvent) bool { return e.Reason == c.event.String() })
	})
}

// crawlSmall crawls a small site and checks that the dataset is exactly it.
func crawlSmall(ctx context.Context, t *testing.T, n *routertest.Net, into string) {
	t.Helper()
	small := lab.NewSmall(lab.SmallConfig{Seed: 3, Pages: 40})
	site := n.Site(rogueSite, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(10 * time.Millisecond) // so that every node gets its share
		small.ServeHTTP(w, r)
	}))
	job := n.AwaitJob(ctx, n.Submit(ctx, api.NewJob{Dataset: into, Scope: "host", Seeds: []string{site.URL()}}))
	if job.State != "done" || job.Result == nil {
		t.Fatalf("job is %s: %+v", job.State, job)
	}
	truth := small.Truth()
	var paths []string
	for _, r := range n.Records(job.Result.Dir) {
		paths = append(paths, path(t, r.URL))
		if strings.Contains(r.Text, "never on the site") {
			t.Errorf("forged record %s", r.URL)
		}
	}
	checkRecords(t, paths, truth)
	accountedFor(t, job)
}

// checkNodes wants the reason to be readable at the rogue and nothing held
// against the others.
func checkNodes(ctx context.Context, t *testing.T, n *routertest.Net, rogue *routertest.Rogue, c rogueCase) {
	t.Helper()
	page, err := n.Router.API.Nodes(ctx, api.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range page.Nodes {
		if node.ID != rogue.Key.String() || c.good {
			if node.Standing != 1000 || node.Quarantine != nil {
				t.Errorf("node %s (rogue is %s) stands at %d, quarantine %v: %+v", node.ID, rogue.Key, node.Standing, node.Quarantine, node.Events)
			}
			continue
		}
		seen := slices.ContainsFunc(node.Events, func(e api.StandingEvent) bool { return e.Reason == c.event.String() })
		if c.event != 0 && !seen {
			t.Errorf("no %s among the rogue's events: %+v", c.event, node.Events)
		}
		if c.quarantined && node.Quarantine == nil {
			t.Errorf("the rogue is not quarantined: %+v", node)
		}
	}
}

// checkEpoch closes the epoch and wants it to verify and to pay the rogue no
// byte it did not carry.
func checkEpoch(ctx context.Context, t *testing.T, n *routertest.Net, rogue *routertest.Rogue, c rogueCase) {
	t.Helper()
	closed, err := n.Router.API.CloseEpoch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	file, err := ledger.ReadFile(closed.File)
	if err != nil {
		t.Fatal(err)
	}
	report := file.Verify(ledger.VerifyOptions{})
	err = file.VerifyReceipts(&report, func(yield func(ledger.Evidence) error) error { return file.EachReceipt(closed.File, yield) }, nil)
	if err != nil || !report.Valid() {
		t.Errorf("epoch does not verify: %v, %+v", err, report.Problems)
	}
	statements, err := n.Router.API.Statements(ctx, closed.Number, api.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements.Statements {
		paid := s.BytesSigned + s.BytesUnsigned + s.BytesDisputed
		if s.Node != rogue.Key.String() {
			if s.BytesDisputed > 0 || s.BytesSigned == 0 || s.Standing != 1000 {
				t.Errorf("statement of an honest node: %+v", s)
			}
			continue
		}
		// What the router sent before it saw the end may never have been read.
		if unread := uint64(rogue.Tunnels()) << 10; paid > rogue.Carried()+unread {
			t.Errorf("the rogue is paid %d bytes and carried %d: %+v", paid, rogue.Carried(), s)
		}
		if c.disputed && s.BytesDisputed == 0 {
			t.Errorf("no disputed bytes: %+v", s)
		}
		if c.unsigned && (s.BytesUnsigned == 0 || s.BytesSigned > 0) {
			t.Errorf("the bytes of a silent node should be unsigned: %+v", s)
		}
	}
}
