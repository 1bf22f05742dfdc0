package router

import (
	"context"
	"fmt"
	"net"
	"slices"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/dataset/flight"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl/job"
)

// flightCatalogue fits the catalogue to Arrow Flight.
type flightCatalogue struct {
	catalogue *catalogue
	limits    job.Limits
}

var _ flight.Catalogue = flightCatalogue{}

func (c flightCatalogue) Datasets() ([]string, error) {
	names, err := c.catalogue.Datasets()
	slices.Sort(names)
	return names, err
}

func (c flightCatalogue) Open(name string, version int) (*dataset.Version, error) {
	if err := job.ValidateDataset(name, c.limits.MaxDatasetName); err != nil || version < 0 {
		return nil, fmt.Errorf("%w: dataset %.64q", dataset.ErrNoVersion, name)
	}
	if version == 0 {
		latest, _, err := dataset.Latest(c.catalogue.folder(name))
		if err != nil {
			return nil, err
		}
		version = latest
	}
	return dataset.OpenVersion(versionDir(c.catalogue.folder(name), version))
}

// listenFlight opens the port of Arrow Flight, on this machine only: like the
// API it has no keys yet.
func listenFlight(addr string) (net.Listener, error) {
	if err := api.CheckListen(addr); err != nil {
		return nil, fmt.Errorf("serve Arrow Flight: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("serve Arrow Flight on %s: %w; choose another port with --flight", addr, err)
	}
	return l, nil
}

func (r *Router) serveFlight(ctx context.Context) error {
	served := flightCatalogue{catalogue: r.catalogue, limits: r.cfg.Crawl.Jobs}
	return flight.New(r.log.With("part", "flight"), served, flight.DefaultConfig()).Serve(ctx, r.flight)
}
