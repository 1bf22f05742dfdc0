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

// SitemapBounds limit one sitemap. A field of zero means its default.
type SitemapBounds struct {
	// Bytes is the longest document read. Default 50 MiB.
	Bytes int
	// Entries is how many locations are kept, the first ones. Default 50,000.
	Entries int
}

// maxLocBytes is the longest address of a sitemap entry.
const maxLocBytes = 2048

// ErrNoSitemap marks a document that is no sitemap and no sitemap index.
var ErrNoSitemap = errors.New("not a sitemap")

// Loc is one entry of a sitemap or of a sitemap index.
type Loc struct {
	// URL is the absolute http or https address, without fragment.
	URL string
	// LastMod is the zero time when absent or unreadable.
	LastMod time.Time
}

// ParseSitemap reads an XML sitemap (<urlset>) or sitemap index
// (<sitemapindex>, then index is true), already without gzip. It streams:
// beyond the body it holds only the entries. A document that breaks off gives
// the entries read so far together with the error; more entries than the bound
// are left out silently, as the protocol forbids them.
func ParseSitemap(body []byte, b SitemapBounds) (locs []Loc, index bool, err error) {
	limit := cmp.Or(max(b.Entries, 0), 50_000)
	if len(body) > cmp.Or(max(b.Bytes, 0), 50<<20) {
		return nil, false, fmt.Errorf("parse sitemap of %d bytes: %w", len(body), ErrTooLarge)
	}
	r := sitemapReader{limit: limit, decoder: xml.NewDecoder(bytes.NewReader(body))}
	// Real sitemaps hold bare ampersands and HTML entities.
	r.decoder.Strict = false
	r.decoder.Entity = xml.HTMLEntity
	r.decoder.CharsetReader = charset.NewReaderLabel
	err = r.read()
	if !r.known && err == nil {
		err = ErrNoSitemap
	}
	if err != nil {
		return r.locs, r.index, fmt.Errorf("parse sitemap: %w", err)
	}
	return r.locs, r.index, nil
}

// sitemapReader is the state while reading tokens.
type sitemapReader struct {
	decoder *xml.Decoder
	limit   int
	known   bool // the root element was opened
	closed  bool // and closed
	index   bool
	inEntry bool
	field   string // "loc", "lastmod" or empty
	loc     strings.Builder
	lastMod strings.Builder
	locs    []Loc
}

func (r *sitemapReader) read() error {
	for len(r.locs) < r.limit {
		// RawToken keeps no stack, so depth costs nothing.
		token, err := r.decoder.RawToken()
		if errors.Is(err, io.EOF) && r.known && !r.closed {
			return io.ErrUnexpectedEOF
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := r.start(t.Name); err != nil {
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

func (r *sitemapReader) start(name xml.Name) error {
	if !r.known {
		if name.Local != "urlset" && name.Local != "sitemapindex" {
			return fmt.Errorf("root element %.40q: %w", name.Local, ErrNoSitemap)
		}
		r.known, r.index = true, name.Local == "sitemapindex"
		return nil
	}
	r.field = ""
	switch name.Local {
	case "url", "sitemap":
		r.inEntry = true
		r.loc.Reset()
		r.lastMod.Reset()
	case "loc", "lastmod":
		// <image:loc> and its like are other things' addresses.
		if r.inEntry && (name.Space == "" || name.Space == "sm" || name.Space == "sitemap") {
			r.field = name.Local
		}
	}
	return nil
}

func (r *sitemapReader) chars(text []byte) {
	switch {
	case r.field == "loc" && r.loc.Len() <= maxLocBytes:
		r.loc.Write(text[:min(len(text), maxLocBytes+1)])
	case r.field == "lastmod" && r.lastMod.Len() <= 64:
		r.lastMod.Write(text[:min(len(text), 65)])
	}
}

func (r *sitemapReader) end(name string) {
	r.field = ""
	r.closed = r.closed || name == "urlset" || name == "sitemapindex"
	if name != "url" && name != "sitemap" || !r.inEntry {
		return
	}
	r.inEntry = false
	raw := strings.TrimSpace(r.loc.String())
	if len(raw) > maxLocBytes {
		return
	}
	u, err := url.Parse(repair(raw))
	if address, ok := entryAddress(u); ok && err == nil {
		r.locs = append(r.locs, Loc{address, parseLastMod(strings.TrimSpace(r.lastMod.String()))})
	}
}

// entryAddress is the address of an entry without fragment and credentials, if it
// is one of the web.
func entryAddress(u *url.URL) (string, bool) {
	if u == nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", false
	}
	u.Fragment, u.RawFragment, u.User = "", "", nil
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String(), true
}

// parseLastMod reads the forms of W3C Datetime that occur.
func parseLastMod(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", time.DateOnly, "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
