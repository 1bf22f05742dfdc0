package routertest

import (
	"context"
	"net/http"
	"time"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
)

// Site serves handler over HTTPS under host, a name below fallow.test.
func (n *Net) Site(host string, handler http.Handler) *lab.Site {
	n.t.Helper()
	site, err := lab.ServeSite(n.CA, lab.SiteConfig{Hosts: []string{host}, Handler: handler})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = site.Close() })
	return site
}

// Submit asks the router for a job on seeds.
func (n *Net) Submit(ctx context.Context, j api.NewJob) string {
	n.t.Helper()
	if j.Dataset == "" {
		j.Dataset = "test"
	}
	if j.Purpose == "" {
		j.Purpose = "test"
	}
	id, err := n.Router.API.Submit(ctx, j)
	if err != nil {
		n.t.Fatalf("submit job: %v", err)
	}
	return id
}

// AwaitJob waits until a job has ended and returns it.
func (n *Net) AwaitJob(ctx context.Context, id string) api.Job {
	n.t.Helper()
	var j api.Job
	n.Await(90*time.Second, "end of job "+id, func(context.Context) (bool, error) {
		var err error
		j, err = n.Router.API.Job(ctx, id)
		return j.Final(), err
	})
	return j
}

// Records reads all records of a version, checked first.
func (n *Net) Records(dir string) []dataset.Record {
	n.t.Helper()
	report, err := dataset.Verify(dir, dataset.VerifyOptions{})
	if err != nil {
		n.t.Fatalf("verify %s: %v", dir, err)
	}
	if !report.Valid {
		n.t.Fatalf("verify %s: %+v", dir, report)
	}
	version, err := dataset.OpenVersion(dir)
	if err != nil {
		n.t.Fatal(err)
	}
	var records []dataset.Record
	err = version.Read(func(_ string, _ int64, r *dataset.Record) error {
		records = append(records, *r)
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return records
}
