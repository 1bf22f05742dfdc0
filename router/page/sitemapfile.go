package page

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// SiteFile is what a file that lists a site's addresses says.
type SiteFile struct {
	// Locs are the addresses it lists.
	Locs []Loc
	// Index says that these are further such files and not pages.
	Index bool
}

// ParseSiteFile reads whatever a robots.txt may call a sitemap: an XML sitemap or
// sitemap index, an RSS or Atom feed, or a plain text with one address a line; each
// of them also as a gzip file. base is its own address. Nothing is decoded beyond
// b.Bytes: what is larger is ErrTooLarge. What a broken file says before it breaks
// comes together with the error.
func ParseSiteFile(body []byte, base string, b SitemapBounds) (SiteFile, error) {
	limit := cmp.Or(max(b.Bytes, 0), 50<<20)
	body, err := gunzip(body, limit)
	if err != nil && len(body) == 0 {
		return SiteFile{}, fmt.Errorf("parse sitemap: %w", err)
	}
	if start := bytes.TrimLeft(body, "\ufeff \t\r\n"); len(start) > 0 && start[0] != '<' {
		return SiteFile{Locs: parseLines(start, cmp.Or(max(b.Entries, 0), 50_000))}, err
	}
	locs, index, mapErr := ParseSitemap(body, b)
	if !errors.Is(mapErr, ErrNoSitemap) {
		return SiteFile{Locs: locs, Index: index}, errors.Join(err, mapErr)
	}
	locs, feedErr := ParseFeed(body, base, b)
	if errors.Is(feedErr, ErrNoFeed) {
		feedErr = mapErr
	}
	return SiteFile{Locs: locs}, errors.Join(err, feedErr)
}

// gunzip undoes gzip if body is such a file.
func gunzip(body []byte, limit int) ([]byte, error) {
	if len(body) < 3 || body[0] != 0x1f || body[1] != 0x8b {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("undo gzip: %w", err)
	}
	var out bytes.Buffer
	_, err = io.Copy(&out, io.LimitReader(z, int64(limit)+1))
	if out.Len() > limit {
		return nil, ErrTooLarge
	}
	if err != nil {
		err = fmt.Errorf("undo gzip: %w", err)
	}
	return out.Bytes(), err
}

func parseLines(text []byte, limit int) []Loc {
	var locs []Loc
	for line := range bytes.Lines(text) {
		s := strings.TrimSpace(string(line[:min(len(line), maxLocBytes+2)]))
		if len(s) > maxLocBytes || !utf8.ValidString(s) || !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
			continue
		}
		if locs = append(locs, Loc{URL: s}); len(locs) == limit {
			break
		}
	}
	return locs
}
