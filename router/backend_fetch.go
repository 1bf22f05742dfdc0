package router

import (
	"context"
	"errors"
	"time"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/fetch"
	"github.com/fallow-network/fallow/router/page"
)

// backendFetch fits fetches on demand to the API.
type backendFetch struct{ crawler *crawl.Crawler }

var _ api.Fetch = backendFetch{}

func (b backendFetch) Fetch(ctx context.Context, ask api.NewFetch) (api.Fetched, error) {
	got, err := b.crawler.Fetch(ctx, crawl.Demand{
		URL: ask.URL, Purpose: ask.Purpose, Country: ask.Country, Within: time.Duration(ask.Within * float64(time.Second)),
	})
	if err != nil {
		return api.Fetched{}, fetchRefusal(ctx, err)
	}
	view := api.Fetched{
		URL: got.URL, Redirects: got.Redirects, Status: got.Status, MIME: got.Page.MIME, Charset: got.Page.Charset, Title: got.Page.Title,
		Canonical: got.Page.Canonical, FetchedAt: got.FetchedAt, Country: got.Country, Transport: "https",
		Robots: string(got.Robots), AITrain: string(got.AITrain),
	}
	if got.TLS == "" {
		view.Transport = "http"
	}
	if l := got.Page.Language; l.Code != "" {
		view.Language = l.Code + "_" + l.Script
	}
	for _, s := range got.Signals {
		view.Signals = append(view.Signals, api.Said{Source: string(s.Source), Text: s.Text})
	}
	for _, m := range got.Page.Metas {
		view.Metadata = append(view.Metadata, api.Meta{Name: m.Name, Content: m.Content})
	}
	formats := ask.Formats
	if len(formats) == 0 {
		formats = []string{"text"}
	}
	for _, format := range formats {
		switch format {
		case "text":
			view.Text = got.Page.Text
		case "markdown":
			if view.Markdown, err = page.Markdown(got.Input(), page.Options{}); err != nil {
				return api.Fetched{}, api.Unavailable("the page cannot be read as markdown: %v", err)
			}
		case "links":
			for _, link := range got.Page.Links {
				view.Links = append(view.Links, link.URL)
			}
		case "html":
			view.HTML = page.UTF8(got.Input())
		}
	}
	return view, nil
}

// fetchRefusal says what a caller can do about a page that did not come.
func fetchRefusal(ctx context.Context, err error) error {
	var refused *crawl.RefusedError
	var failure *fetch.Failure
	switch {
	case errors.As(err, &refused) && refused.Retry > 0:
		return api.Limited("%v", refused)
	case errors.As(err, &refused):
		return api.Refused("%v", refused)
	case errors.Is(err, crawl.ErrNoNode):
		return api.Unavailable("no node can fetch it now: none is sharing, none is in that country, or all are busy")
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return api.Unavailable("not in time: the site or its turn took longer; give it more seconds or try again")
	case errors.As(err, &failure):
		return api.Unavailable("the page cannot be had: %v", failure)
	}
	return err
}
