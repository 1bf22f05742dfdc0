package routertest_test

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
	"github.com/fallow-network/fallow/router/routertest"
)

// A job that wishes for a country is carried by nodes there and by no others, and
// while there is none it waits and says why.
func TestCountryWish(t *testing.T) {
	var mu sync.Mutex
	german := map[wire.Key]bool{}
	where := func(node wire.Key, _ netip.Addr) string {
		mu.Lock()
		defer mu.Unlock()
		if len(german) == 0 || german[node] {
			german[node] = true
			return "DE"
		}
		return "FR"
	}
	cfg := routertest.Config{Nodes: 3, Router: func(c *router.Config) { c.Fleet.Country = where }}
	routertest.Run(t, cfg, func(ctx context.Context, n *routertest.Net) {
		site := n.Site("small.fallow.test", lab.NewSmall(lab.SmallConfig{Seed: 1, Pages: 20}))
		job := n.AwaitJob(ctx, n.Submit(ctx, api.NewJob{Country: "DE", Seeds: []string{site.URL()}}))
		if len(job.Counts.Nodes) != 1 || job.Counts.Records != 21 {
			t.Errorf("carried by %v: %+v", job.Counts.Nodes, job.Counts)
		}
		for _, r := range n.Records(job.Result.Dir) {
			if r.NodeCountry != "DE" {
				t.Errorf("%s came through %q", r.URL, r.NodeCountry)
			}
		}
		id := n.Submit(ctx, api.NewJob{Dataset: "far", Country: "JP", Seeds: []string{site.URL() + "p/1"}})
		n.Await(30*time.Second, "the reason for waiting", func(ctx context.Context) (bool, error) {
			j, err := n.Router.API.Job(ctx, id)
			return strings.Contains(j.Waiting, "in JP") && j.Counts.Pages == 0 && !j.Final(), err
		})
	})
}
