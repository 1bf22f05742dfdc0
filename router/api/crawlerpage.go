package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
)

// crawlerPage is for the owner of a site who found us in an access log.
var crawlerPage = template.Must(template.New("crawler").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Product}}: who crawls your site</title>
<style>{{.Style}}</style>
<h1>{{.Product}}</h1>
{{if .Lab}}<p><strong>This router is in lab mode: it crawls sites on its own machine only.</strong></p>{{end}}
<p>{{.Product}} is the crawler of a Fallow network. It collects public web pages into datasets.
Its requests leave from ordinary connections whose owners agreed to carry them, so they come from many addresses;
they always name themselves in the user agent:</p>
<pre>{{.UserAgent}}</pre>
<h2>How to keep it out</h2>
<p>It reads <code>/robots.txt</code> before anything else and obeys it, whichever connection a request takes. To keep it out of all of your site:</p>
<pre>User-agent: {{.Product}}
Disallow: /</pre>
<p>It keeps what it read for up to 24 hours, so a change may take a day. It fetches one page at a time from a site
with a second or more between two, waits longer where <code>Crawl-delay</code> or <code>Retry-After</code> ask for it, and uses no cookies and no forms.</p>
<h2>Contact</h2>
{{if .Link}}<p>The operator of this router: <a href="{{.Link}}">{{.Link}}</a></p>
{{else if .Contact}}<p>The operator of this router: {{.Contact}}</p>
{{else}}<p>The operator has not named a contact.</p>{{end}}
</html>
`))

const crawlerStyle = "body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}pre{padding:.75rem;overflow:auto;border:1px solid #8888}"

func (s *Server) addCrawlerPage() {
	var page bytes.Buffer
	product, _, _ := strings.Cut(s.cfg.UserAgent, "/")
	contact := s.cfg.Contact
	link := ""
	if strings.HasPrefix(contact, "https://") || strings.HasPrefix(contact, "http://") || strings.HasPrefix(contact, "mailto:") {
		link = contact
	}
	err := crawlerPage.Execute(&page, struct {
		Product, UserAgent, Contact, Link string
		Lab                               bool
		Style                             template.CSS
	}{product, s.cfg.UserAgent, contact, link, s.cfg.Lab, crawlerStyle})
	if err != nil {
		panic("api: the crawler page does not render: " + err.Error()) // fixed template over strings
	}
	sum := sha256.Sum256([]byte(crawlerStyle))
	policy := "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	s.mux.HandleFunc("GET /crawler", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page.Bytes()) // whoever asked is gone if this fails
	})
}
