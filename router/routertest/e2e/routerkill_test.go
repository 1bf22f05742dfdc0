//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// smallShards commit often, so that kills land in commits too.
var smallShards = []string{"FALLOW_CRAWL_SHARD_ROWS=25", "FALLOW_CRAWL_SHARD_AGE=300ms"}[:2:2]

// recovery is the goal for the time from the start after kill -9 to ready.
const recovery = 5 * time.Second

// crawl is one job on a site of its own.
type crawl struct {
	small *lab.Small
	site  *lab.Site
	job   string
}

// crawlSmall asks for a crawl of a new site. Its pages take their time so that
// kills land inside.
func (n *network) crawlSmall(name string, pages int, delay time.Duration) *crawl {
	n.t.Helper()
	c := &crawl{small: lab.NewSmall(lab.SmallConfig{Seed: uint64(len(name)) + uint64(pages), Pages: pages})}
	c.site = n.site(name+".fallow.test", slow(delay, c.small))
	c.job = n.submit(name, c.site.URL())
	return c
}

// campaign kills a router again and again while it crawls.
type campaign struct {
	*network
	random *rand.Rand
	crawls []*crawl
	ready  []time.Duration // from start to ready after each kill
	inside int             // kills during a crawl
	early  int             // kills of a router that was just recovering
}

// The router is killed at random moments of crawls, of its own recovery and of
// an epoch's end. Whenever it comes back it goes on; in the end nothing is lost
// and nothing is there twice.
func TestRouterKilledAgainAndAgain(t *testing.T) {
	// Proposals are as frequent as the kills, so that payment is put to the test.
	c := &campaign{network: newNetwork(t, append(smallShards, "FALLOW_FLEET_PROPOSE_EVERY=100ms")...)}
	seed := uint64(time.Now().UnixNano())
	t.Logf("random seed %d", seed)
	c.random = rand.New(rand.NewPCG(seed, 0))
	c.up(3)

	kills := 20 * soak(t)
	for c.inside < kills {
		if c.inside == kills/2 {
			c.killWhileClosing()
		}
		c.ensureCrawl()
		c.killInside()
		if c.inside%4 == 0 {
			c.killWhileRecovering()
		}
		c.recover()
	}
	for _, one := range c.crawls {
		judgeSmall(t, c.finish(one.job), one.site, one.small)
	}
	c.judgePay()
	slices.Sort(c.ready)
	t.Logf("killed %d times in %d crawls, %d times while recovering; from start to ready median %s, longest %s",
		c.inside, len(c.crawls), c.early, c.ready[len(c.ready)/2], c.ready[len(c.ready)-1])
	if longest := c.ready[len(c.ready)-1]; longest > recovery {
		t.Errorf("ready %s after a kill, want at most %s", longest, recovery)
	}
}

// ensureCrawl sees to it that there is something to interrupt.
func (c *campaign) ensureCrawl() {
	if len(c.crawls) > 0 && !c.job(c.crawls[len(c.crawls)-1].job).Final() {
		return
	}
	name := fmt.Sprintf("small%d", len(c.crawls)+1)
	c.crawls = append(c.crawls, c.crawlSmall(name, 600, 30*time.Millisecond))
}

// killInside waits until the crawl moves and kills the router some time after.
func (c *campaign) killInside() {
	current := c.crawls[len(c.crawls)-1]
	before := len(current.site.Log())
	c.until(30*time.Second, "the crawl moves", func(ctx context.Context) (bool, error) {
		j, err := c.api.Job(ctx, current.job)
		return len(current.site.Log()) > before+1 || j.Final(), err
	})
	time.Sleep(time.Duration(c.random.Int64N(int64(400 * time.Millisecond))))
	final := c.job(current.job).Final()
	c.router.kill()
	if !final {
		c.inside++
	}
}

// killWhileRecovering kills a router before it has come up, or just then.
func (c *campaign) killWhileRecovering() {
	p := c.serve()
	time.Sleep(time.Duration(c.random.Int64N(int64(400 * time.Millisecond))))
	p.kill()
	c.early++
}

// killWhileClosing kills the router at some moment of an epoch's end.
func (c *campaign) killWhileClosing() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = c.api.CloseEpoch(context.Background()) // it may or may not come that far
	}()
	time.Sleep(time.Duration(c.random.Int64N(int64(1500 * time.Millisecond))))
	c.router.kill()
	<-ended
	c.recover()
}

func (c *campaign) recover() { c.ready = append(c.ready, c.startRouter()) }

// judgePay closes the epoch and compares what nodes are paid for with their own
// journals.
func (c *campaign) judgePay() {
	t := c.t
	c.awaitNodes(len(c.nodes)) // all can sign their last receipts
	last, err := c.api.CloseEpoch(t.Context())
	if err != nil {
		t.Fatalf("close the epoch: %v", err)
	}
	sums := paid(t, last)
	for _, n := range c.nodes {
		if code := n.signal(syscall.SIGTERM, 15*time.Second); code != 0 {
			t.Errorf("%s: exit code %d", n.name, code)
		}
		got, carried := sums[n.id], n.carried(t)
		receipts := n.keepsPromises(t, last)
		t.Logf("%s carried %d bytes down and %d up, is paid for %d and %d over %d epochs, holds %d receipts",
			n.name, carried.down, carried.up, got.down, got.up, last.Number, receipts)
		// The router counts what reached it, which the node sent before. What
		// was on its way when the router died is nobody's proof and not paid.
		if got.down > carried.down {
			t.Errorf("%s is paid for %d bytes down, its journal has %d", n.name, got.down, carried.down)
		}
		// Upwards the router counts what it sent: it may have proposed the last
		// requests before the node read them.
		if slack := uint64(c.inside+c.early+1) * inFlightUp; got.up > carried.up+slack {
			t.Errorf("%s is paid for %d bytes up, its journal has %d", n.name, got.up, carried.up)
		}
		if got.down == 0 || receipts == 0 {
			t.Errorf("%s is paid for nothing", n.name)
		}
	}
}

// inFlightUp is what eight requests at once have on their way up.
const inFlightUp = 8 * 2 << 10

// A job that was answered 201 is there after a kill that follows at once.
func TestJobOutlivesKillAfterAnswer(t *testing.T) {
	n := newNetwork(t)
	n.startRouter()
	for i := range 3 * soak(t) {
		dataset := fmt.Sprintf("job%d", i)
		id := n.submit(dataset, "https://nowhere.fallow.test/")
		n.router.kill()
		if took := n.startRouter(); took > recovery {
			t.Errorf("ready %s after a kill, want at most %s", took, recovery)
		}
		j := n.job(id)
		if j.Dataset != dataset || j.Final() || len(j.Seeds) != 1 || j.Queued != 1 {
			t.Errorf("after the kill the job is %+v", j)
		}
	}
	page, err := n.api.Jobs(t.Context(), api.Page{})
	if err != nil || len(page.Jobs) != 3*soak(t) {
		t.Errorf("%d jobs (%v), want %d", len(page.Jobs), err, 3*soak(t))
	}
}

// Ctrl-C lets fetches under way finish and writes everything down: nothing is
// fetched a second time.
func TestRouterInterrupted(t *testing.T) {
	n := newNetwork(t)
	n.up(2)
	c := n.crawlSmall("small", 300, 30*time.Millisecond)
	n.until(30*time.Second, "60 pages are fetched", func(ctx context.Context) (bool, error) {
		j, err := n.api.Job(ctx, c.job)
		return j.Counts.Pages >= 60, err
	})
	began := time.Now()
	if code := n.router.signal(syscall.SIGINT, 20*time.Second); code != 0 {
		t.Errorf("exit code %d after Ctrl-C", code)
	}
	t.Logf("stopped in %s", time.Since(began))
	expectText(t, "router", n.router.said.String(), "fetches under way finish first", "everything is written down")
	n.startRouter()
	judgeSmall(t, n.finish(c.job), c.site, c.small)
	truth := c.small.Truth().Language // by path; robots.txt and its kin are read again by a new process
	asked := make(map[string]int)
	for _, e := range c.site.Log() {
		asked[e.Path]++
	}
	for path, times := range asked {
		if _, isPage := truth[path]; times > 1 && isPage {
			t.Errorf("%s was fetched %d times, although the router stopped in order", path, times)
		}
	}
}
