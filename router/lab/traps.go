package lab

import (
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
)

// Traps is an http.Handler: a site of good pages with twelve ways to lose oneself,
// each linked from everywhere and each without end. Serve it for a host and, for the
// subdomains, for everything below it. It keeps no state and is safe for concurrent
// use.
type Traps struct {
	host string // without subdomain
	good int
}

// TrapKinds are the names of the traps.
func TrapKinds() []string {
	return []string{
		"calendar", "loop", "deep", "session", "path-session", "facets", "sorting", "missing", "subdomains", "redirects", "chain", "referrer",
	}
}

// NewTraps makes a site of so many good pages under host.
func NewTraps(host string, good int) *Traps { return &Traps{host, good} }

// Good are the paths of the good pages.
func (t *Traps) Good() []string {
	list := []string{"/"}
	for i := range t.good {
		list = append(list, "/p/"+strconv.Itoa(i))
	}
	return list
}

// Kind is the trap that a request has gone into; empty for a good page and for
// files of the crawl itself, such as robots.txt.
func (t *Traps) Kind(e Entry) string {
	path, query, _ := strings.Cut(e.Path, "?")
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	kind := map[string]string{
		"calendar": "calendar", "loop": "loop", "deep": "deep", "in": "session", "s": "path-session", "shop": "facets",
		"list": "sorting", "missing": "missing", "r": "redirects", "n": "chain", "t": "referrer",
	}[first]
	switch {
	case kind != "" || path == "/robots.txt" || path == "/ai.txt" || strings.HasPrefix(path, "/.well-known/"):
		return kind
	case e.Host != t.host:
		return "subdomains"
	case query != "":
		return "sorting"
	}
	return ""
}

// ServeHTTP answers any method like GET.
func (t *Traps) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/robots.txt" || r.URL.Path == "/ai.txt" || strings.HasPrefix(r.URL.Path, "/.well-known/") {
		http.NotFound(w, r)
		return
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if first == "r" {
		n, _ := strconv.Atoi(rest)
		http.Redirect(w, r, fmt.Sprintf("/r/%d", n+1+rand.IntN(1000)), http.StatusFound)
		return
	}
	title, text, links := t.page(r, first, rest)
	if host := hostOnly(r.Host); first == "" && host != t.host {
		title, text = "A branch", "This branch of the house has the same things to say as all others, and nothing of its own."
		links = []string{fmt.Sprintf("https://n%d.%s/", rand.IntN(1_000_000), t.host), "https://" + t.host + "/"}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\"><head><title>%s</title></head><body><main><h1>%s</h1><p>%s</p></main>\n", title, title, text)
	for _, l := range append(links, t.entrances()...) {
		fmt.Fprintf(&b, "<a href=\"%s\">on</a>\n", html.EscapeString(l))
	}
	b.WriteString("</body></html>\n")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(b.String())) // the client is gone; the log has it
}

// entrances are links into each trap, as a menu or a footer has them.
func (t *Traps) entrances() []string {
	return []string{
		"/calendar/2026/11", "/loop/a/b/", "/deep/", "/in?key=" + anyToken(), "/s/(S(" + anyToken() + "))/start", "/shop?color=1&size=1&brand=1",
		"/list?dir=up&sort=name", "/missing/" + anyWord(), fmt.Sprintf("https://n%d.%s/", rand.IntN(1_000_000), t.host),
		fmt.Sprintf("/r/%d", rand.IntN(1000)), "/n/0", "/t?from=%2F",
	}
}

// page is what a path says and links to.
func (t *Traps) page(r *http.Request, first, rest string) (title, text string, links []string) {
	q := r.URL.Query()
	switch first {
	case "", "p":
		return t.goodPage(rest)
	case "calendar":
		year, month, _ := strings.Cut(rest, "/")
		y, _ := strconv.Atoi(year)
		m, _ := strconv.Atoi(month)
		at := y*12 + m - 1
		return "Calendar", fmt.Sprintf("There are no events in %s of %d. Please look at another month.", months[((m-1)%12+12)%12], y),
			[]string{fmt.Sprintf("/calendar/%d/%02d", (at+1)/12, (at+1)%12+1), fmt.Sprintf("/calendar/%d/%02d", (at-1)/12, (at-1)%12+1)}
	case "loop":
		return "A folder", "This folder holds other folders, and they hold this one.", []string{"a/b/", "b/", "../"}
	case "deep":
		return "Below", "Further down there is more of it.", []string{strings.TrimSuffix(r.URL.Path, "/") + "/" + anyWord(), strings.TrimSuffix(r.URL.Path, "/") + "/" + anyWord()}
	case "in":
		return "Welcome", "You are known to us by a key that is new each time.", []string{"/in?key=" + anyToken(), "/in?key=" + anyToken()}
	case "s":
		return "Your visit", "Your visit has a name of its own in the address.", []string{"/s/(S(" + anyToken() + "))/start", "/s/(S(" + anyToken() + "))/end"}
	case "shop":
		for _, name := range []string{"color", "size", "brand", "price", "fit"} {
			other := r.URL.Query()
			other.Set(name, strconv.Itoa(rand.IntN(40)))
			links = append(links, "/shop?"+other.Encode())
		}
		return "Shop", fmt.Sprintf("%d things of color %s, size %s.", rand.IntN(5), q.Get("color"), q.Get("size")), links
	case "list":
		for _, by := range []string{"name", "date", "size", "kind"} {
			links = append(links, "/list?sort="+by+"&dir=up", "/list?dir=down&sort="+by, fmt.Sprintf("/list?dir=up&sort=%s&page=%d", by, rand.IntN(9999)))
		}
		return "List", "The same few things in another order.", links
	case "missing":
		for range 5 {
			links = append(links, "/missing/"+anyWord())
		}
		return "Not found", "We could not find " + html.EscapeString(rest) + ", but you may like these.", links
	case "n":
		n, _ := strconv.Atoi(rest)
		return "Chapter " + rest, sentences(uint64(n) + 1_000_000), []string{"/n/" + strconv.Itoa(n+1)}
	case "t":
		return "Told by", "Whoever sent you here is told so.", []string{"/t?from=" + strings.ReplaceAll(r.URL.RequestURI(), "/", "%2F") + anyWord(), "/t?from=%2F" + anyWord()}
	}
	return "Not here", "There is no such page, whatever the status says.", nil
}

func (t *Traps) goodPage(rest string) (title, text string, links []string) {
	i, err := strconv.Atoi(rest)
	if err != nil {
		i = -1
	}
	for _, child := range []int{2*i + 2, 2*i + 3} {
		if child < t.good {
			links = append(links, "/p/"+strconv.Itoa(child))
		}
	}
	return "Page " + rest, sentences(uint64(i + 1)), links
}

// sentences are the same for the same seed.
func sentences(seed uint64) string {
	var b strings.Builder
	random := rand.New(rand.NewPCG(seed, 77))
	for range 6 {
		tongues[0].sentence(&b, random)
	}
	return b.String()
}

var months = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}

func anyToken() string { return fmt.Sprintf("%016x%08d", rand.Uint64(), rand.IntN(100_000_000)) }

// word is one of half a million made of letters.
func anyWord() string {
	n := rand.IntN(26 * 26 * 26 * 26)
	return "w" + string([]byte{'a' + byte(n%26), 'a' + byte(n/26%26), 'a' + byte(n/676%26), 'a' + byte(n/17576%26)})
}
