package lab

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/singleflight"
)

// GoDocsConfig configures a documentation site.
type GoDocsConfig struct {
	// Goroot is a folder with src below it. Default: FindGoroot.
	Goroot string
	// CachePages is how many rendered pages are kept. Default 1,000, about
	// 60 MB when all are held.
	CachePages int
	// MirrorEvery: one in that many public packages is linked under /mirror/
	// too, with the same text. Default 8.
	MirrorEvery int
}

// GoDocs is an http.Handler: a documentation site rendered from a Go source
// tree when a page is asked for. It holds what a real site confronts a crawler
// with:
//
//   - /, /pkg, /pkg/<import path>: public pages, linked from one another;
//   - /internal/... and /search: forbidden by robots.txt, yet linked;
//   - /mirror/<import path>: the text of a public page again, linked from it;
//   - ?utm_source=... variants of links, which are the same page;
//   - redirects (/docs, and any page with a final slash), dead links
//     (/missing/...), /sitemap.xml;
//   - one page in windows-1252, one with meta robots noindex, one with
//     X-Robots-Tag: noai, one sent with gzip when the client takes it.
//
// Texts are the same for the same source tree. It is safe for concurrent use.
type GoDocs struct {
	dirs   map[string]string // import path -> folder
	public []string          // import paths with a public page, sorted
	hidden []string          // import paths under /internal/, sorted
	groups []string          // folders that hold packages and are none, sorted
	mirror []string          // import paths that are mirrored, sorted
	known  map[string]bool   // public and groups
	odd    map[string]oddity // import path -> what is special about its page

	cache   *pageCache
	flights singleflight.Group
	slots   chan struct{} // bounds pages rendered at a time
}

// oddity is one way a page differs from the others.
type oddity uint8

const (
	oddCharset oddity = iota + 1
	oddGzip
	oddNoIndex
	oddNoAI
)

// missingLinks is how many dead addresses the home page links to.
const missingLinks = 3

// NewGoDocs lists the packages of a Go source tree; nothing is parsed yet, so
// it takes well under a second. Its error wraps ErrNoGoroot when there is no
// tree.
func NewGoDocs(ctx context.Context, cfg GoDocsConfig) (*GoDocs, error) {
	if cfg.Goroot == "" {
		found, err := FindGoroot(ctx)
		if err != nil {
			return nil, err
		}
		cfg.Goroot = found
	}
	dirs, err := listPackages(filepath.Join(cfg.Goroot, "src"))
	if err != nil {
		return nil, err
	}
	if len(dirs) == 0 {
		return nil, fmt.Errorf("%s holds no packages: %w", cfg.Goroot, ErrNoGoroot)
	}
	g := &GoDocs{
		dirs:  dirs,
		known: make(map[string]bool),
		cache: newPageCache(cmp.Or(cfg.CachePages, 1000)),
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	g.sortPackages()
	g.odd = g.chooseOdd()
	g.chooseMirrored(cmp.Or(cfg.MirrorEvery, 8))
	return g, nil
}

func (g *GoDocs) sortPackages() {
	groups := make(map[string]bool)
	for _, p := range sortedKeys(g.dirs) {
		if isInternal(p) {
			g.hidden = append(g.hidden, p)
			continue
		}
		g.public = append(g.public, p)
		g.known[p] = true
		for parent := path.Dir(p); parent != "."; parent = path.Dir(parent) {
			if _, isPackage := g.dirs[parent]; !isPackage {
				groups[parent] = true
			}
		}
	}
	g.groups = sortedKeys(groups)
	for _, p := range g.groups {
		g.known[p] = true
	}
}

// chooseMirrored spreads the mirrored packages over the tree and leaves out
// the odd ones: a mirror is the same page.
func (g *GoDocs) chooseMirrored(every int) {
	for i, p := range g.public {
		if i%every == every-1 && g.odd[p] == 0 {
			g.mirror = append(g.mirror, p)
		}
	}
}

// chooseOdd gives each oddity to a well-known package, or to the next free one
// when the tree has none of that name.
func (g *GoDocs) chooseOdd() map[string]oddity {
	wishes := []struct {
		name string
		odd  oddity
	}{{"strconv", oddCharset}, {"net/http", oddGzip}, {"testing/iotest", oddNoIndex}, {"encoding/ascii85", oddNoAI}}
	chosen := make(map[string]oddity)
	free := func(p string) bool { return chosen[p] == 0 }
	for _, wish := range wishes {
		candidates := g.public
		if slices.Contains(g.public, wish.name) {
			candidates = append([]string{wish.name}, g.public...)
		}
		if i := slices.IndexFunc(candidates, free); i >= 0 {
			chosen[candidates[i]] = wish.odd
		}
	}
	return chosen
}

// Rules is what /robots.txt says.
func (g *GoDocs) Rules() Rules {
	return Rules{
		Disallow: []string{"/internal/", "/search"},
		Others:   map[string][]string{"GreedyBot": {"/"}, "QuietBot": {"/pkg/", "/mirror"}},
		Sitemap:  "/sitemap.xml",
	}
}

// Stats counts the site's addresses.
type Stats struct {
	// Allowed are distinct pages with text of their own that robots.txt
	// allows; each can be reached from / over links alone.
	Allowed int
	// Forbidden are linked pages that robots.txt forbids.
	Forbidden int
	// Duplicates are allowed addresses that repeat the text of another.
	Duplicates int
	// Redirects and Missing are linked addresses that answer 301 and 404.
	Redirects, Missing int
}

// Stats counts without rendering. With the sources of Go 1.26 they are 355
// allowed, 425 forbidden, 37 duplicates, 3 redirects and 3 missing.
func (g *GoDocs) Stats() Stats {
	return Stats{
		Allowed:    len(g.AllowedPaths()),
		Forbidden:  len(g.hidden) + 2, // and /internal/, /search
		Duplicates: len(g.mirror),
		Redirects:  1 + len(redirectLinks),
		Missing:    missingLinks,
	}
}

// AllowedPaths are the distinct pages that robots.txt allows, in the order of
// the sitemap.
func (g *GoDocs) AllowedPaths() []string {
	paths := []string{"/", "/pkg", "/mirror"}
	for _, p := range g.groups {
		paths = append(paths, "/pkg/"+p)
	}
	for _, p := range g.public {
		paths = append(paths, "/pkg/"+p)
	}
	return paths
}

// Duplicates maps each address that repeats a text to the page it repeats.
func (g *GoDocs) Duplicates() map[string]string {
	out := make(map[string]string, len(g.mirror))
	for _, p := range g.mirror {
		out["/mirror/"+p] = "/pkg/" + p
	}
	return out
}

// ServeHTTP answers GET and HEAD.
func (g *GoDocs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	switch clean := strings.TrimRight(r.URL.Path, "/"); {
	case r.URL.Path == "/robots.txt":
		g.send(w, r, plain("text/plain; charset=utf-8", g.Rules().Text(origin(r))))
	case r.URL.Path == "/sitemap.xml":
		g.send(w, r, plain("application/xml", sitemap(origin(r), g.AllowedPaths())))
	case r.URL.Path == "/docs":
		http.Redirect(w, r, "/pkg", http.StatusMovedPermanently)
	case clean != "" && clean != r.URL.Path && clean != "/internal":
		http.Redirect(w, r, clean, http.StatusMovedPermanently)
	case clean == "/search":
		g.send(w, r, g.searchPage(r.URL.Query().Get("q")))
	default:
		g.servePage(w, r, r.URL.Path)
	}
}

// origin is scheme and authority as the client wrote them.
func origin(r *http.Request) string { return "https://" + r.Host }
