package routertest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
	"github.com/fallow-network/fallow/router/routertest"
)

// A node carries three tunnels and the job has twenty sites: those that are kept
// for the sites before give way to the next site's, and nobody waits for them to
// time out.
func TestMoreSitesThanTunnels(t *testing.T) {
	cfg := routertest.Config{Nodes: 1, Node: func(_ int, c *relay.Config) { c.MaxTunnels = 3 }}
	routertest.Run(t, cfg, func(ctx context.Context, n *routertest.Net) {
		var seeds []string
		for i := range 20 {
			site := n.Site(fmt.Sprintf("s%d.fallow.test", i), lab.NewSmall(lab.SmallConfig{Seed: uint64(i) + 1, Pages: 2}))
			seeds = append(seeds, site.URL())
		}
		job := n.AwaitJob(ctx, n.Submit(ctx, api.NewJob{Seeds: seeds, Near: 1}))
		if job.Counts.Records != 20*3 || len(job.Counts.Failed) > 0 {
			t.Errorf("%+v", job.Counts)
		}
	})
}
