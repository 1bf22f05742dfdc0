package lab

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
)

// MagazineConfig configures a Magazine. The same values make the same site,
// byte for byte.
type MagazineConfig struct {
	// Seed of everything random.
	Seed uint64
	// Pages of the site, each with a text of its own. Default 50.
	Pages int
	// PageBytes is about how long a page's HTML is. Default 60 KiB; pages
	// have 40 KiB at least, which is what surrounds an article.
	PageBytes int
}

// Magazine is an http.Handler: a made-up site whose pages are marked up like
// those of an ordinary publisher. Of a page of 60 KiB some 7 KiB are article;
// around it stand metas, JSON-LD, styles, scripts with their state in JSON, a
// menu, teasers of other articles, icons drawn in SVG and a footer, in some 900
// elements. Every page has up to 60 links to pages of the site, a third of them the
// same on all, and more size means more article and more state, not more links.
//
// Pages are /p/0 to /p/N-1; page i links to 2i+1 and 2i+2, so that all can be
// reached from /. It keeps no state and is safe for concurrent use.
type Magazine struct {
	cfg MagazineConfig
}

// Numbers of links: menu, teasers, footer and the tree sum up to magazineLinks.
const (
	magazineLinks = 60
	menuLinks     = 12
	footerLinks   = 8
	treeLinks     = 2
)

// NewMagazine fills in the defaults.
func NewMagazine(cfg MagazineConfig) *Magazine {
	cfg.Pages = cmp.Or(cfg.Pages, 50)
	cfg.PageBytes = cmp.Or(cfg.PageBytes, 60<<10)
	return &Magazine{cfg: cfg}
}

// ServeHTTP answers any method like GET.
func (m *Magazine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number, ok := strings.CutPrefix(r.URL.Path, "/p/")
	i, err := strconv.Atoi(number)
	switch {
	case r.URL.Path == "/robots.txt":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("User-agent: *\nDisallow: /search\nCrawl-delay: 0\n"))
		return
	case r.URL.Path == "/":
		i = 0
	case !ok || err != nil || i < 0 || i >= m.cfg.Pages || number != strconv.Itoa(i):
		http.NotFound(w, r)
		return
	}
	body := m.Page(origin(r), i)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client is gone; the log has it
}

// Page is the HTML of page i of the site at origin.
func (m *Magazine) Page(origin string, i int) []byte {
	p := &magazinePage{
		random: rand.New(rand.NewPCG(m.cfg.Seed, uint64(i)+1)),
		in:     tongues[i%len(tongues)], origin: origin, number: i, pages: m.cfg.Pages,
	}
	p.b.Grow(m.cfg.PageBytes + 4096)
	p.title = p.words(6)
	p.head()
	p.menu()
	p.article(m.cfg.PageBytes)
	p.teasers()
	p.footer()
	p.state(2 << 10)
	p.b.WriteString("</div>\n</body>\n</html>\n")
	return p.b.Bytes()
}

// magazinePage is one page being written.
type magazinePage struct {
	b             bytes.Buffer
	random        *rand.Rand
	in            tongue
	origin        string
	title         string
	number, pages int
}

func (p *magazinePage) f(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func (p *magazinePage) words(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = p.in.words[p.random.IntN(len(p.in.words))]
	}
	return strings.Join(list, p.in.space)
}

func (p *magazinePage) sentence() string {
	var b strings.Builder
	p.in.sentence(&b, p.random)
	return b.String()
}

// other is the path of a random page.
func (p *magazinePage) other() string { return "/p/" + strconv.Itoa(p.random.IntN(p.pages)) }

func (p *magazinePage) head() {
	own := "/p/" + strconv.Itoa(p.number)
	p.f("<!DOCTYPE html>\n<html lang=\"%s\" class=\"no-js theme-light\">\n<head>\n<meta charset=\"utf-8\">\n", p.in.htmlLang)
	p.f("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%s %d &mdash; The Riverside</title>\n", p.title, p.number)
	p.f("<link rel=\"canonical\" href=\"%s%s\">\n", p.origin, own)
	for _, name := range []string{"description", "author", "keywords", "robots", "theme-color", "generator"} {
		content := p.words(5)
		if name == "robots" {
			content = "index, follow, max-image-preview:large"
		}
		p.f("<meta name=\"%s\" content=\"%s\">\n", name, content)
	}
	for _, name := range []string{"og:title", "og:type", "og:site_name", "og:description", "og:image", "og:locale", "article:published_time", "article:section"} {
		p.f("<meta property=\"%s\" content=\"%s\">\n", name, p.words(4))
	}
	for _, name := range []string{"twitter:card", "twitter:title", "twitter:image", "twitter:site"} {
		p.f("<meta name=\"%s\" content=\"%s\" />\n", name, p.words(3))
	}
	for i := range 8 {
		p.f("<link rel=\"preload\" as=\"script\" href=\"/static/js/chunk-%d.%08x.js\" crossorigin=\"anonymous\">\n", i, p.random.Uint32())
		p.f("<link rel=\"stylesheet\" media=\"all\" href=\"/static/css/part-%d.%08x.css\">\n", i, p.random.Uint32())
	}
	p.b.WriteString("<style>\n")
	for i := range 40 {
		p.f(".block-%d .inner{margin:%dpx auto;padding:0 %dpx;display:flex;color:#%06x}\n", i, i%7, i%5, p.random.Uint32()&0xffffff)
	}
	p.b.WriteString("</style>\n")
	p.f("<script type=\"application/ld+json\">{\"@context\":\"https://schema.org\",\"@type\":\"NewsArticle\",\"headline\":%q,\"datePublished\":\"2026-03-0%dT08:00:00Z\",", p.title, 1+p.number%9)
	p.f("\"author\":{\"@type\":\"Person\",\"name\":%q},\"publisher\":{\"@type\":\"Organization\",\"name\":\"The Riverside\"}}</script>\n", p.words(2))
	p.b.WriteString("<script>window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments);}gtag('js',new Date());\n")
	p.script(3 << 10)
	p.b.WriteString("</script>\n</head>\n")
}

// script writes about n bytes that look like minified code.
func (p *magazinePage) script(n int) {
	for end := p.b.Len() + n; p.b.Len() < end; {
		p.f("!function(e,t){if(e<%d&&t>%d){return n(%d).map(function(r){return r.id===\"%06x\"?'<b>'+r+'</b>':void 0})}}(window,%d);",
			p.random.IntN(99), p.random.IntN(99), p.random.IntN(9999), p.random.Uint32()&0xffffff, p.random.IntN(9))
	}
}

// state writes a script element of about n bytes of JSON.
func (p *magazinePage) state(n int) {
	p.b.WriteString("<script id=\"__STATE__\" type=\"application/json\">{\"items\":[")
	for end := p.b.Len() + n; p.b.Len() < end; {
		p.f("{\"id\":\"%08x\",\"kind\":\"teaser\",\"rank\":%d,\"flags\":[true,false,null],\"image\":{\"w\":%d,\"h\":%d}},", p.random.Uint32(), p.random.IntN(999), p.random.IntN(2000), p.random.IntN(2000))
	}
	p.b.WriteString("null]}</script>\n")
}

func (p *magazinePage) icon() {
	p.b.WriteString("<svg class=\"icon\" width=\"16\" height=\"16\" viewBox=\"0 0 24 24\" aria-hidden=\"true\" focusable=\"false\"><path fill=\"currentColor\" d=\"M")
	for range 12 {
		p.f("%d.%d %dc", p.random.IntN(24), p.random.IntN(99), p.random.IntN(24))
	}
	p.b.WriteString("z\"></path></svg>")
}

func (p *magazinePage) menu() {
	p.b.WriteString("<body class=\"page page--article is-loading\">\n<a class=\"skip-link visually-hidden\" href=\"#main\">Skip to content</a>\n<div id=\"app\" data-controller=\"page\" data-page-id=\"")
	p.f("%d\">\n<header class=\"site-header\" role=\"banner\"><div class=\"site-header__inner container\">\n<nav class=\"menu\" aria-label=\"Main\"><ul class=\"menu__list\">\n", p.number)
	for i := range menuLinks {
		p.f("<li class=\"menu__item menu__item--level-%d\" data-index=\"%d\"><a class=\"menu__link\" href=\"/p/%d\"><span class=\"menu__label\">Section %d</span>", i%3, i, i%p.pages, i)
		if i%4 == 0 {
			p.icon()
		}
		p.b.WriteString("</a></li>\n")
	}
	p.b.WriteString("</ul></nav>\n<form class=\"search\" action=\"/search\" method=\"get\"><label for=\"q\">Search</label><input id=\"q\" name=\"q\" type=\"search\" placeholder=\"Search&hellip;\"><button type=\"submit\">Go</button></form>\n</div></header>\n")
}

// magazineRest is about what follows the article.
const magazineRest = 24 << 10

func (p *magazinePage) article(pageBytes int) {
	p.b.WriteString("<main id=\"main\" class=\"layout\"><div class=\"layout__main\"><article class=\"story\" itemscope itemtype=\"https://schema.org/Article\">\n")
	p.f("<header class=\"story__head\"><h1 class=\"story__title\" itemprop=\"headline\">%s %d</h1>\n<p class=\"byline\">By <span class=\"byline__name\">%s</span>, <time datetime=\"2026-03-0%dT08:00:00Z\">%d&nbsp;March&nbsp;2026</time></p></header>\n<div class=\"story__body\">\n", p.title, p.number, p.words(2), 1+p.number%9, 1+p.number%9)
	p.f("<p class=\"lead\">%s <a class=\"inline\" href=\"/p/%d\">%s</a> %s <a class=\"inline\" href=\"/p/%d\">%s</a></p>\n", p.sentence(), min(2*p.number+1, p.pages-1), p.words(3), p.sentence(), min(2*p.number+2, p.pages-1), p.words(3))
	for part := 0; part == 0 || p.b.Len()+magazineRest < pageBytes; part++ {
		if part%3 == 0 {
			p.f("<h2 id=\"part-%d\" class=\"story__sub\">%s</h2>\n", part, p.words(4))
		}
		for range 3 {
			p.f("<p class=\"story__p\" data-block=\"%08x\">%s%s<em>%s</em> &amp; %s%s<strong class=\"mark\">%s</strong>. %s</p>\n", p.random.Uint32(),
				p.sentence(), p.sentence(), p.words(2), p.sentence(), p.sentence(), p.words(2), p.sentence())
		}
		p.f("<figure class=\"figure figure--wide\"><div class=\"figure__frame\"><img loading=\"lazy\" width=\"1200\" height=\"800\" src=\"/img/%08x-1200.jpg\" srcset=\"/img/%08x-600.jpg 600w, /img/%08x-900.jpg 900w\" sizes=\"(max-width: 640px) 100vw, 640px\" alt=\"%s\"></div><figcaption class=\"figure__caption\">%s</figcaption></figure>\n", p.random.Uint32(), p.random.Uint32(), p.random.Uint32(), p.words(4), p.words(6))
		p.f("<ul class=\"list\"><li class=\"list__item\">%s</li><li class=\"list__item\">%s</li></ul>\n<div class=\"ad-slot\" data-slot=\"mid-%d\" aria-hidden=\"true\"><div class=\"ad-slot__inner\"></div></div>\n", p.words(5), p.words(5), part)
		p.state(3 << 10)
	}
	p.b.WriteString("</div></article></div>\n")
}

func (p *magazinePage) teasers() {
	p.b.WriteString("<aside class=\"layout__side\"><section class=\"teasers\"><h2 class=\"teasers__title\">More</h2><div class=\"teasers__grid\">\n")
	for i := range magazineLinks - menuLinks - footerLinks - treeLinks {
		path := p.other()
		p.f("<div class=\"card card--%d\" data-track=\"teaser\" data-pos=\"%d\"><div class=\"card__media\"><a href=\"%s\" tabindex=\"-1\" aria-hidden=\"true\"><img loading=\"lazy\" width=\"320\" height=\"180\" src=\"/img/%08x-320.jpg\" alt=\"\"></a></div>", i%4, i, path, p.random.Uint32())
		p.f("<div class=\"card__body\"><span class=\"card__kicker\">%s</span><h3 class=\"card__title\"><a class=\"card__link\" href=\"%s\">%s</a></h3><p class=\"card__text\">%s</p><time class=\"card__time\" datetime=\"2026-02-1%dT10:00:00Z\">1%d Feb</time></div></div>\n", p.words(1), path, p.words(5), p.words(8), i%9, i%9)
	}
	p.b.WriteString("</div></section></aside></main>\n")
}

func (p *magazinePage) footer() {
	p.b.WriteString("<footer class=\"site-footer\"><div class=\"site-footer__cols\">\n")
	for i := range footerLinks {
		p.f("<div class=\"site-footer__col\"><a class=\"site-footer__link\" rel=\"noopener\" href=\"/p/%d\">About %d</a>", (menuLinks+i)%p.pages, i)
		p.icon()
		p.b.WriteString("</div>\n")
	}
	p.b.WriteString("</div><p class=\"copyright\">&copy; 2026 The Riverside. All rights reserved.</p></footer>\n")
}
