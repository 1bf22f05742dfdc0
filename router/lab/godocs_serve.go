package lab

import (
	"bytes"
	"compress/gzip"
	"container/list"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// rendered is one answer, ready to be sent.
type rendered struct {
	status      int
	contentType string
	body        []byte
	zipped      []byte // the body with gzip, when the page is sent that way
	robotsTag   string // X-Robots-Tag
}

func plain(contentType, body string) *rendered {
	return &rendered{status: http.StatusOK, contentType: contentType, body: []byte(body)}
}

// send always states the length: a body without one could be cut unnoticed.
func (g *GoDocs) send(w http.ResponseWriter, r *http.Request, page *rendered) {
	header, body := w.Header(), page.body
	if page.zipped != nil {
		header.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			header.Set("Content-Encoding", "gzip")
			body = page.zipped
		}
	}
	if page.robotsTag != "" {
		header.Set("X-Robots-Tag", page.robotsTag)
	}
	header.Set("Content-Type", page.contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(page.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client is gone; the log has it
	}
}

// servePage renders a page once, however many ask at a time, and keeps it.
func (g *GoDocs) servePage(w http.ResponseWriter, r *http.Request, path string) {
	page, ok := g.cache.get(path)
	if !ok {
		answer, err, _ := g.flights.Do(path, func() (any, error) {
			g.slots <- struct{}{}
			defer func() { <-g.slots }()
			return g.render(path)
		})
		if err != nil {
			http.Error(w, "the page could not be rendered: "+err.Error(), http.StatusInternalServerError)
			return
		}
		page = answer.(*rendered)
		if page.status == http.StatusOK { // dead addresses are endless
			g.cache.put(path, page)
		}
	}
	g.send(w, r, page)
}

// render makes the page of a path without query.
func (g *GoDocs) render(path string) (*rendered, error) {
	switch path {
	case "/":
		return g.finish(g.homePage(), 0)
	case "/pkg":
		return g.finish(g.listPage("All packages", "/pkg", g.public), 0)
	case "/mirror":
		return g.finish(g.mirrorPage(), 0)
	case "/internal/":
		return g.finish(g.listPage("Internal packages", "/internal/", g.hidden), 0)
	}
	prefix, name, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case prefix == "mirror" && !slices.Contains(g.mirror, name),
		prefix == "internal" && !isInternal(name),
		prefix == "pkg" && isInternal(name),
		prefix != "mirror" && prefix != "internal" && prefix != "pkg":
		return g.missing(path)
	}
	if dir, ok := g.dirs[name]; ok {
		view, err := g.packagePage(name, dir)
		if err != nil {
			return nil, err
		}
		return g.finish(view, g.odd[name])
	}
	if prefix == "pkg" && g.known[name] {
		return g.finish(g.groupPage(name), 0)
	}
	return g.missing(path)
}

func (g *GoDocs) missing(path string) (*rendered, error) {
	page, err := g.finish(view{Title: "Not found", Lead: "There is no page at " + path + "."}, 0)
	if err != nil {
		return nil, err
	}
	page.status = http.StatusNotFound
	return page, nil
}

// finish runs the template and applies what is odd about the page.
func (g *GoDocs) finish(v view, odd oddity) (*rendered, error) {
	v.Charset, v.NoIndex = "utf-8", odd == oddNoIndex
	if odd == oddCharset {
		v.Charset = "windows-1252"
	}
	var buf bytes.Buffer
	if err := pageTemplate.Execute(&buf, v); err != nil {
		return nil, fmt.Errorf("render %s: %w", v.Title, err)
	}
	page := &rendered{status: http.StatusOK, contentType: "text/html; charset=" + v.Charset, body: buf.Bytes()}
	var err error
	switch odd {
	case oddCharset:
		// What windows-1252 lacks becomes a character reference: same text.
		encoder := encoding.HTMLEscapeUnsupported(charmap.Windows1252.NewEncoder())
		page.body, err = encoder.Bytes(page.body)
	case oddGzip:
		page.zipped, err = zip(page.body)
	case oddNoAI:
		page.robotsTag = "noai, noimageai"
	}
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", v.Title, err)
	}
	return page, nil
}

func zip(body []byte) ([]byte, error) {
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	if _, err := zw.Write(body); err != nil {
		return nil, err
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// sitemap lists paths under an origin.
func sitemap(origin string, paths []string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	b.WriteString(`<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">` + "\n")
	for _, p := range paths {
		fmt.Fprintf(&b, "<url><loc>%s</loc></url>\n", html.EscapeString(origin+p))
	}
	b.WriteString("</urlset>\n")
	return b.String()
}

// pageCache keeps the pages asked for last.
type pageCache struct {
	limit int

	mu    sync.Mutex
	order *list.List // of cached, last used first
	items map[string]*list.Element
}

type cached struct {
	path string
	page *rendered
}

func newPageCache(limit int) *pageCache {
	return &pageCache{limit: limit, order: list.New(), items: make(map[string]*list.Element)}
}

func (c *pageCache) get(path string) (*rendered, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[path]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(cached).page, true
}

func (c *pageCache) put(path string, page *rendered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[path]; ok {
		return
	}
	c.items[path] = c.order.PushFront(cached{path, page})
	if c.order.Len() > c.limit {
		last := c.order.Back()
		delete(c.items, c.order.Remove(last).(cached).path)
	}
}
