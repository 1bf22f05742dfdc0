package router

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/dedupe"
	"github.com/fallow-network/fallow/router/optout"
)

// backendOwners fits the crawl and the opt-outs to the page for owners of sites.
type backendOwners struct {
	crawler *crawl.Crawler
	optouts *optout.Registry
}

var _ api.Owners = backendOwners{}

// visitsAround is how far clocks and patience may differ.
const visitsAround = 5 * time.Minute

func (b backendOwners) Visits(ctx context.Context, host string, at time.Time) ([]api.SiteVisit, bool, error) {
	host, err := dialled(host)
	if err != nil {
		return nil, false, err
	}
	found, more, err := b.crawler.Visits(ctx, host, at.Add(-visitsAround), at.Add(visitsAround))
	list := make([]api.SiteVisit, len(found))
	for i, v := range found {
		list[i] = api.SiteVisit{From: v.From, Span: v.Span, Requests: v.Requests, Job: v.Job, Dataset: v.Dataset, Purpose: v.Purpose}
	}
	return list, more, err
}

func (b backendOwners) Statement(host string) (api.OptOutStatement, error) {
	host, err := dialled(host)
	if err != nil {
		return api.OptOutStatement{}, err
	}
	s, err := b.optouts.Statement(host)
	if err != nil {
		return api.OptOutStatement{}, ownerRefusal(err)
	}
	view := api.OptOutStatement{Host: s.Host, DNSName: s.DNSName, FileURL: s.FileURL, OptOut: s.OptOut, OptIn: s.OptIn}
	if proof, out := b.optouts.OptedOut(host); out {
		view.Since = "In force: " + proof + "."
	}
	return view, nil
}

func (b backendOwners) Prove(ctx context.Context, host string) (string, error) {
	host, err := dialled(host)
	if err != nil {
		return "", err
	}
	e, err := b.optouts.Prove(ctx, host)
	switch {
	case err != nil:
		return "", ownerRefusal(err)
	case !e.Withdrawn.IsZero():
		return fmt.Sprintf("The opt-out of %s is withdrawn. What robots.txt says holds.", e.Host), nil
	case e.Proof == optout.ProofDNS:
		return fmt.Sprintf("%s and all names below it are opted out. No page of them is fetched any more.", e.Host), nil
	default:
		return fmt.Sprintf("%s is opted out. No page of it is fetched any more.", e.Host), nil
	}
}

func (b backendOwners) RereadRobots(ctx context.Context, host string) (string, error) {
	host, err := dialled(host)
	if err != nil {
		return "", err
	}
	d, err := b.crawler.RereadRobots(ctx, host)
	switch {
	case err != nil && ctx.Err() == nil:
		return "", api.Unavailable("%v", err)
	case err != nil:
		return "", err
	case d.Temporary:
		return fmt.Sprintf("The robots.txt of %s cannot be read now (%s). Until it can, no page is fetched.", host, d.Reason), nil
	case d.Allowed && d.Rule == "":
		return fmt.Sprintf("Read again: the robots.txt of %s lets %s fetch its home page.", host, product), nil
	case d.Allowed:
		return fmt.Sprintf("Read again: the robots.txt of %s lets %s fetch its home page (%s).", host, product, d.Rule), nil
	default:
		return fmt.Sprintf("Read again: %s may not fetch the home page of %s (%s).", product, host, d.Rule), nil
	}
}

const product = "FallowBot"

// ownerRefusal is what an owner reads.
func ownerRefusal(err error) error {
	var none *optout.NoProofError
	switch {
	case errors.Is(err, optout.ErrHost):
		return api.Invalid("this is not the name of a site that somebody owns: write it like example.com or www.example.com")
	case errors.Is(err, optout.ErrBusy):
		return api.Limited("%v", err)
	case errors.As(err, &none):
		return api.NotFound("%v. DNS changes can take some minutes to be seen.", none)
	}
	return err
}

// dialled is a host as the crawl writes it.
func dialled(host string) (string, error) {
	a, err := dedupe.Canonical("https://" + host + "/")
	if err != nil || a.IPLiteral {
		return "", api.Invalid("this is not the address of a site: write it like www.example.com, or copy the address of a page")
	}
	return a.Host, nil
}

// ownersEvidence looks at DNS from here, and at sites through nodes.
type ownersEvidence struct{ router *Router }

var _ optout.Evidence = ownersEvidence{}

func (e ownersEvidence) TXT(ctx context.Context, name string) ([]string, error) {
	texts, err := net.DefaultResolver.LookupTXT(ctx, name)
	var none *net.DNSError
	if errors.As(err, &none) && none.IsNotFound {
		return nil, nil
	}
	return texts, err
}

func (e ownersEvidence) File(ctx context.Context, host, path string) (string, error) {
	return e.router.crawler.OwnerFile(ctx, host, path)
}

// openOptOuts reads the list before anything is fetched. Its tokens come from the
// router's identity, so that they stay the same.
func (r *Router) openOptOuts(ctx context.Context) (err error) {
	secret, err := hkdf.Key(sha256.New, r.id.Private.Seed(), nil, "fallow opt-out tokens", sha256.Size)
	if err != nil {
		return fmt.Errorf("derive the secret of opt-outs: %w", err)
	}
	r.optouts, err = optout.New(ctx, r.log.With("part", "optout"), time.Now, r.store, ownersEvidence{r}, secret, optout.DefaultLimits())
	r.cfg.Crawl.Gate.OptedOut = func(host string) (string, bool) { return r.optouts.OptedOut(host) }
	return err
}
