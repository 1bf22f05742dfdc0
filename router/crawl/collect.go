package crawl

import (
	"fmt"
	"mime"

	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/page"
)

// Collector reads fields out of the pages of one kind of source. It is safe for
// concurrent use.
type Collector interface {
	// Label names it and its version, for records.
	Label() string
	// Collect reads a page, in UTF-8: fields is one JSON object, "" if the page is
	// none of its kind; text is what the fields say, a line each; links are
	// addresses to follow.
	Collect(url, body string) (fields, text string, links []string)
}

// collected is what a job's collector read of a page.
type collected struct {
	label, fields, text string
	links               []string
}

// checkCollector refuses a job whose collector there is not.
func (c *Crawler) checkCollector(name string) error {
	if name == "" || c.cfg.Collector != nil && c.cfg.Collector(name) != nil {
		return nil
	}
	return fmt.Errorf("%w: there is no collector %.80q; fallow-router collector list shows what there is", job.ErrInvalid, name)
}

// collect asks the job's collector; nil if it has none or it reads nothing here.
func (c *Crawler) collect(r *run, item frontier.Item, in page.Input) *collected {
	name := r.job.Options.Collector
	if name == "" || c.cfg.Collector == nil {
		return nil
	}
	collector := c.cfg.Collector(name)
	if collector == nil { // taken out of the folder since
		return nil
	}
	got := &collected{label: collector.Label()}
	got.fields, got.text, got.links = collector.Collect(item.URL, page.UTF8(in))
	if got.fields == "" {
		return nil
	}
	return got
}

// page stands for a document that is no page by itself, such as a feed.
func (got *collected) page(kind string) *page.Page {
	return &page.Page{MIME: kind, Charset: "utf-8", Text: got.text, Extractor: "collector", ExtractorVersion: got.label}
}

// addTo adds what was read to the page and later to its record.
func (got *collected) addTo(p *page.Page) {
	for _, link := range got.links {
		p.Links = append(p.Links, page.Link{URL: link})
	}
	if p.Text == "" {
		p.Text = got.text
	}
}

// mimeOf is a media type without its parameters.
func mimeOf(contentType string) string {
	kind, _, _ := mime.ParseMediaType(contentType) // "" if it is none
	return kind
}
