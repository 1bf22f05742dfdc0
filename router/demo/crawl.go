package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fallow-network/fallow/router/api"
)

const (
	datasetName = "demo"
	purpose     = "A demonstration of the Fallow network"
	pollEvery   = 150 * time.Millisecond

	// firstPageWithin is how long a demo waits for a site that gives nothing.
	// A router would try for longer.
	firstPageWithin = 45 * time.Second
)

// ErrInterrupted says that the user ended the demo early.
var ErrInterrupted = errors.New("interrupted")

// crawl asks for the job and shows it until it ends.
func (d *demo) crawl(ctx context.Context) error {
	seed := d.Site
	if d.site != nil {
		seed = d.site.URL()
	}
	id, err := d.api.Submit(ctx, api.NewJob{
		Dataset: datasetName, Purpose: purpose, Scope: "host", MaxPages: d.Pages, Seeds: []string{seed},
	})
	if err != nil {
		return err
	}
	defer d.say.endProgress()
	asked := time.Now()
	for {
		if d.job, err = d.api.Job(ctx, id); err != nil {
			return err
		}
		d.say.progress("crawl", float64(d.job.Counts.Pages)/float64(d.Pages), describe(d.job))
		if d.job.Final() {
			break
		}
		if d.job.Counts.Pages == 0 && time.Since(asked) > firstPageWithin {
			return fmt.Errorf("no page of %s within %s: %s; is the address right and this machine online?", seed, firstPageWithin, why(d.job))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w after %d pages", ErrInterrupted, d.job.Counts.Pages)
		case <-time.After(pollEvery):
		}
	}
	if d.job.Counts.Pages == 0 {
		return fmt.Errorf("no page was fetched: %s", why(d.job))
	}
	return nil
}

func describe(j api.Job) string {
	c := j.Counts
	text := fmt.Sprintf("%d/%d pages, %d records, %d duplicates dropped, %s",
		c.Pages, j.MaxPages, c.Records, c.Duplicates.Exact+c.Duplicates.Near, size(uint64(c.Bytes)))
	if j.Waiting != "" {
		text += "; waiting: " + j.Waiting
	}
	return text
}

// why explains a crawl that brought nothing.
func why(j api.Job) string {
	var causes []string
	for kind, n := range j.Counts.Failed {
		causes = append(causes, fmt.Sprintf("%d %s", n, kind))
	}
	if j.Counts.Forbidden > 0 {
		causes = append(causes, fmt.Sprintf("%d forbidden by robots.txt", j.Counts.Forbidden))
	}
	if j.Waiting != "" {
		causes = append(causes, j.Waiting)
	}
	if len(causes) == 0 {
		return "the site gave no answer; see router.log"
	}
	return strings.Join(causes, ", ")
}
