package routertest_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/earnings"
	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/routertest"
)

// What a node says it has earned is what the router says, number for number, and
// nothing in it is unexplained.
func TestNodesKnowWhatTheyEarned(t *testing.T) {
	routertest.Run(t, routertest.Config{Nodes: 2, Router: func(cfg *router.Config) { cfg.SignGrace = time.Second }}, func(ctx context.Context, n *routertest.Net) {
		if report := n.Nodes[0].Earnings(ctx, 0); len(report.Epochs) != 0 || report.Fetched.Problem != "" {
			t.Errorf("before the first epoch has closed: %+v", report)
		}
		for epoch := uint64(1); epoch <= 2; epoch++ {
			host := fmt.Sprintf("site%d.fallow.test", epoch)
			site := n.Site(host, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, `<title>%s</title><p>Page %s of a site that has several, each with words of its own.</p><a href="/%s/a">a</a><a href="/%s/b">b</a>`,
					r.URL.Path, r.URL.Path, strings.Trim(r.URL.Path, "/"), strings.Trim(r.URL.Path, "/"))
			}))
			id := n.Submit(ctx, api.NewJob{Dataset: "earned", Purpose: "testing", MaxPages: 40, Seeds: []string{site.URL() + "/"}})
			n.AwaitJob(ctx, id)
			if _, err := n.Router.API.CloseEpoch(ctx); err != nil {
				t.Fatal(err)
			}
			checkEarnings(ctx, t, n, epoch)
		}
	})
}

func checkEarnings(ctx context.Context, t *testing.T, n *routertest.Net, epoch uint64) {
	t.Helper()
	page, err := n.Router.API.Statements(ctx, epoch, api.Page{})
	if err != nil {
		t.Fatal(err)
	}
	stated := 0
	for _, node := range n.Nodes {
		i := slices.IndexFunc(page.Statements, func(s api.Statement) bool { return s.Node == node.Key().String() })
		report := node.Earnings(ctx, 0)
		if report.Fetched.Problem != "" || len(report.Damaged) > 0 {
			t.Fatalf("node %s, epoch %d: %+v, %v", node.Key(), epoch, report.Fetched, report.Damaged)
		}
		if i < 0 { // it had nothing to do and was not online for a second
			continue
		}
		stated++
		said, got := page.Statements[i], report.Epochs[0]
		if got.Epoch != epoch || got.Amount.String() != said.Amount.String() || got.Cumulative.String() != said.Cumulative.String() {
			t.Errorf("node %s says %s of %s in epoch %d, the router %s of %s", node.Key(), got.Amount, got.Cumulative, got.Epoch, said.Amount, said.Cumulative)
		}
		if got.Own.Bytes != got.BytesSigned || got.BytesUnsigned+got.BytesDisputed != 0 {
			t.Errorf("node %s holds receipts for %d bytes, the router counts %d as agreed, %d unsigned, %d disputed",
				node.Key(), got.Own.Bytes, got.BytesSigned, got.BytesUnsigned, got.BytesDisputed)
		}
		for _, d := range got.Differences {
			if d.Severity == earnings.Against {
				t.Errorf("node %s: %s", node.Key(), d.Sentence)
			}
		}
		if report.Routers[0].Cumulative != got.Cumulative {
			t.Errorf("two numbers: %s and %s", report.Routers[0].Cumulative, got.Cumulative)
		}
	}
	if stated == 0 {
		t.Error("no node has a statement")
	}
}

// The kill switch holds across restarts of either end, and only lifting ends it.
func TestKillSwitch(t *testing.T) {
	// Over TCP alone: a QUIC port that is closed is noticed after seconds only.
	listen := func(cfg *router.Config) { cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0"} }
	routertest.Run(t, routertest.Config{Nodes: 1, Router: listen}, func(ctx context.Context, n *routertest.Net) {
		site := n.Site("slow.fallow.test", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush() // robots.txt: there is none that forbids
			if r.URL.Path == "/robots.txt" {
				return
			}
			<-r.Context().Done() // for as long as the tunnel stands
		}))
		id := n.Submit(ctx, api.NewJob{Dataset: "slow", Purpose: "testing", MaxPages: 5, Seeds: []string{site.URL() + "/a"}})
		n.Await(30*time.Second, "a tunnel", func(context.Context) (bool, error) { return n.Nodes[0].Status().Tunnels.Open > 0, nil })
		began := time.Now()
		halt, err := n.Router.API.StopNodes(ctx, api.Stop{StopName: api.StopName{Scope: "job", Job: id}, Reason: "the site asked"})
		if err != nil || halt.Told == nil || *halt.Told != 1 {
			t.Fatalf("%+v, %v", halt, err)
		}
		n.Await(30*time.Second, "tunnel cut", func(context.Context) (bool, error) { return n.Nodes[0].Status().Tunnels.Open == 0, nil })
		t.Logf("a job's tunnels were cut within %s", time.Since(began))
		if j, err := n.Router.API.Job(ctx, id); err != nil || j.State != "paused" {
			t.Errorf("the job is %s (%v)", j.State, err)
		}

		if _, err := n.Router.API.StopNodes(ctx, api.Stop{StopName: api.StopName{Scope: "router"}, Reason: "a complaint"}); err != nil {
			t.Fatal(err)
		}
		stopped := func(node *routertest.RunningNode) func(context.Context) (bool, error) {
			return func(context.Context) (bool, error) {
				s := node.Status()
				return s.Routers[0].Connected && !s.Sharing.OK && strings.Contains(s.Sentence, "a complaint"), nil
			}
		}
		n.Await(30*time.Second, "node says why", stopped(n.Nodes[0]))
		n.Router.Stop()
		n.StartRouter()
		n.Await(60*time.Second, "node says why after the router's restart", stopped(n.Nodes[0]))
		dir := n.Nodes[0].Dir
		n.Nodes[0].Stop()
		again := n.StartNodeIn(dir)
		if s := again.Status(); len(s.Halts) != 2 {
			t.Errorf("in force at once after the node's restart: %+v", s.Halts)
		}
		n.Await(60*time.Second, "node says why after its restart", stopped(again))

		if _, err := n.Router.API.LiftStop(ctx, api.StopName{Scope: "all"}); err == nil {
			t.Error("lifted what is not in force")
		}
		if _, err := n.Router.API.LiftStop(ctx, api.StopName{Scope: "router"}); err != nil {
			t.Fatal(err)
		}
		n.AwaitNodes(1)
		if h, err := n.Router.API.Halt(ctx); err != nil || len(h.Stops) != 1 || h.Sequence != 3 {
			t.Errorf("in force: %+v, %v", h, err)
		}
	})
}

// A network that lets nothing but the web through: pages come over WebSocket.
func TestCrawlOverWebSocketAlone(t *testing.T) {
	listen := func(cfg *router.Config) { cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0/ws"} }
	routertest.Run(t, routertest.Config{Nodes: 1, Router: listen}, func(ctx context.Context, n *routertest.Net) {
		site := n.Site("web.fallow.test", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<title>A page</title><p>It has come a long way through a narrow door.</p>")
		}))
		job := n.AwaitJob(ctx, n.Submit(ctx, api.NewJob{Dataset: "web", Seeds: []string{site.URL() + "/"}}))
		if job.Counts.Records != 1 {
			t.Errorf("%+v", job.Counts)
		}
		if got := n.Nodes[0].Status().Routers[0].Carrier; got != "ws" {
			t.Errorf("carrier %q", got)
		}
	})
}
