package crawl

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/fallow-network/fallow/router/crawl/gate"
	"github.com/fallow-network/fallow/router/crawl/job"
)

// What the owner of a site may ask, on the public page.

// ownersPurpose is what home users see of requests that serve a site's owner.
const ownersPurpose = "The owner of this site asked us to look at it"

// SiteVisit is requests to a host within a minute or an hour, and for what. It
// names no node.
type SiteVisit struct {
	From     time.Time // UTC
	Span     time.Duration
	Requests int64
	Job      string // its id
	Dataset  string
	Purpose  string
}

// Visits lists the requests to host from one time to another, in order of time;
// more says that there were others.
func (c *Crawler) Visits(ctx context.Context, host string, from, to time.Time) (list []SiteVisit, more bool, err error) {
	leave, err := c.enter()
	if err != nil {
		return nil, false, err
	}
	defer leave()
	found, more, err := c.visits.Lookup(host, from, to)
	if err != nil {
		return nil, false, err
	}
	jobs := make(map[string]job.Job)
	for _, v := range found {
		s := SiteVisit{From: v.From, Span: v.Span, Requests: v.Requests, Job: v.Job}
		if id, purpose, standing := strings.Cut(v.Job, " "); standing {
			s.Job, s.Purpose = id, purpose
			list = append(list, s)
			continue
		}
		j, known := jobs[v.Job]
		if !known {
			if j, err = c.db.Job(ctx, v.Job); err != nil {
				return nil, false, fmt.Errorf("look up the purpose of %s: %w", v.Job, err)
			}
			jobs[v.Job] = j
		}
		s.Dataset, s.Purpose = j.Dataset, j.Purpose
		list = append(list, s)
	}
	return list, more, nil
}

// noteVisit counts a request for Visits. A disk that fails here fails at the
// next commit, too, which is where it is dealt with.
func (c *Crawler) noteVisit(rawURL string, j *job.Job) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return
	}
	label := j.ID
	if isStanding(j.ID) {
		label += " " + j.Purpose
	}
	if err := c.visits.Note(u.Hostname(), label, c.now()); err != nil {
		c.log.Error("visit not noted: check the disk", "error", err)
	}
}

// OwnerFile fetches an owner's proof from path on host, through a node, as far
// as robots.txt allows and at the site's pace: anybody can ask for this. It is ""
// if the site has no such file; *RefusedError says that we may not look.
func (c *Crawler) OwnerFile(ctx context.Context, host, path string) (string, error) {
	leave, err := c.enter()
	if err != nil {
		return "", err
	}
	defer leave()
	ctx = context.WithValue(ctx, askingRun{}, standing(ownersPurpose, ""))
	u := &url.URL{Scheme: "https", Host: host, Path: path}
	d, err := c.gate.Check(ctx, u)
	if err != nil {
		return "", err
	}
	if !d.Allowed {
		return "", &RefusedError{URL: u.String(), Reason: d.Reason, Rule: d.Rule, Retry: d.RetryAfter}
	}
	got, err := robotsFetcher{c}.FetchRobots(ctx, u)
	switch {
	case err != nil:
		return "", err
	case got.Status == 200:
		return string(got.Body), nil
	case got.Status >= 400 && got.Status < 500 && got.Status != 429:
		return "", nil
	}
	return "", fmt.Errorf("the site answered %d", got.Status)
}

// RereadRobots forgets what is known of a host's robots.txt and reads it again.
// It reports what it says about the page at /.
func (c *Crawler) RereadRobots(ctx context.Context, host string) (gate.Decision, error) {
	leave, err := c.enter()
	if err != nil {
		return gate.Decision{}, err
	}
	defer leave()
	ctx = context.WithValue(ctx, askingRun{}, standing(ownersPurpose, ""))
	u := &url.URL{Scheme: "https", Host: host, Path: "/"}
	c.gate.Forget(u)
	c.gate.Forget(&url.URL{Scheme: "http", Host: host, Path: "/"})
	d, err := c.gate.Check(ctx, u)
	if errors.Is(err, context.DeadlineExceeded) {
		return d, errors.New("the site's robots.txt could not be read in time; it is read again by itself")
	}
	return d, err
}
