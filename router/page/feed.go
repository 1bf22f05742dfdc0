package page

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html/charset"
)

// ErrNoFeed marks a document that is neither RSS nor Atom.
var ErrNoFeed = errors.New("not a feed")

// ParseFeed reads the addresses of the entries of an RSS 0.9x, 1.0 or 2.0 or an
// Atom feed and when each was changed last (pubDate, dc:date, updated). Relative
// addresses are resolved against base, the feed's own address. Of an Atom entry
// the alternate link counts. Bounds are those of a sitemap; Entries beyond them are
// left out. A document that breaks off gives what was read, with the error.
func ParseFeed(body []byte, base string, b SitemapBounds) ([]Loc, error) {
	if len(body) > cmp.Or(max(b.Bytes, 0), 50<<20) {
		return nil, fmt.Errorf("parse feed of %d bytes: %w", len(body), ErrTooLarge)
	}
	at, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("parse feed: address of the feed: %w", err)
	}
	r := feedReader{
		decoder: xml.NewDecoder(bytes.NewReader(body)), base: at, limit: cmp.Or(max(b.Entries, 0), 50_000),
	}
	r.decoder.Strict = false
	r.decoder.Entity = xml.HTMLEntity
	r.decoder.CharsetReader = charset.NewReaderLabel
	err = r.read()
	if !r.known && err == nil {
		err = ErrNoFeed
	}
	if err != nil {
		return r.locs, fmt.Errorf("parse feed: %w", err)
	}
	return r.locs, nil
}

// feedReader is the state while reading tokens.
type feedReader struct {
	decoder *xml.Decoder
	base    *url.URL
	limit   int
	known   bool // the root element was opened
	closed  bool // and closed
	inEntry bool
	field   string // "link", "guid", "date" or empty
	link    strings.Builder
	guid    strings.Builder
	date    strings.Builder
	href    string // of Atom's link
	noLink  bool   // guid is not an address
	locs    []Loc
}

func (r *feedReader) read() error {
	for len(r.locs) < r.limit {
		token, err := r.decoder.RawToken()
		switch {
		case errors.Is(err, io.EOF) && r.known && !r.closed:
			return io.ErrUnexpectedEOF
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := r.start(t); err != nil {
				return err
			}
		case xml.EndElement:
			r.end(t.Name.Local)
		case xml.CharData:
			r.chars(t)
		}
	}
	return nil
}

func (r *feedReader) start(e xml.StartElement) error {
	if !r.known {
		switch e.Name.Local {
		case "rss", "RDF", "feed":
			r.known = true
			return nil
		}
		return fmt.Errorf("root element %.40q: %w", e.Name.Local, ErrNoFeed)
	}
	r.field = ""
	switch e.Name.Local {
	case "item", "entry":
		r.inEntry, r.href, r.noLink = true, "", false
		r.link.Reset()
		r.guid.Reset()
		r.date.Reset()
	case "link":
		if e.Name.Space == "" || e.Name.Space == "atom" {
			r.startLink(e.Attr)
		}
	case "guid":
		r.field = "guid"
		r.noLink = attr(e.Attr, "isPermaLink") == "false"
	case "pubDate", "date", "updated", "published", "modified":
		r.field = "date"
		r.date.Reset() // the last one counts: updated comes after published
	}
	return nil
}

// startLink takes Atom's link from its attributes, and RSS's from its text.
func (r *feedReader) startLink(attrs []xml.Attr) {
	href := attr(attrs, "href")
	if href == "" {
		r.field = "link"
		r.link.Reset()
		return
	}
	if rel := attr(attrs, "rel"); r.inEntry && r.href == "" && (rel == "" || rel == "alternate") {
		r.href = href
	}
}

func attr(attrs []xml.Attr, name string) string {
	for _, a := range attrs {
		if a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

func (r *feedReader) chars(text []byte) {
	if !r.inEntry {
		return
	}
	into, limit := &r.link, maxLocBytes
	switch r.field {
	case "link":
	case "guid":
		into = &r.guid
	case "date":
		into, limit = &r.date, 64
	default:
		return
	}
	if into.Len() <= limit {
		into.Write(text[:min(len(text), limit+1)])
	}
}

func (r *feedReader) end(name string) {
	r.field = ""
	switch name {
	case "rss", "RDF", "feed":
		r.closed = true
	case "item", "entry":
		if r.inEntry {
			r.inEntry = false
			r.keep()
		}
	}
}

func (r *feedReader) keep() {
	raw := cmp.Or(r.href, strings.TrimSpace(r.link.String()))
	if raw == "" && !r.noLink {
		raw = strings.TrimSpace(r.guid.String())
	}
	if raw == "" || len(raw) > maxLocBytes {
		return
	}
	u, err := r.base.Parse(repair(raw))
	if address, ok := entryAddress(u); ok && err == nil {
		r.locs = append(r.locs, Loc{address, parseFeedDate(strings.TrimSpace(r.date.String()))})
	}
}

// parseFeedDate reads RFC 822 dates in the forms that occur, and those of Atom.
func parseFeedDate(s string) time.Time {
	for _, layout := range []string{time.RFC1123Z, time.RFC1123, "Mon, 2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 MST"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return parseLastMod(s)
}
