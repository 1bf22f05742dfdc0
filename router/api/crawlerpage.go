package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// Owners is what the public page needs for those who own a site. Hosts come as
// somebody typed them; errors for the caller are *Error.
type Owners interface {
	// Visits are the requests to host within a few minutes of at, in order of time,
	// a bounded number of them; more says that there were others.
	Visits(ctx context.Context, host string, at time.Time) (list []SiteVisit, more bool, err error)
	// Statement says what an owner of host publishes to opt out.
	Statement(host string) (OptOutStatement, error)
	// Prove looks for that statement and acts on it; it says in a sentence what
	// holds now.
	Prove(ctx context.Context, host string) (said string, err error)
	// RereadRobots reads host's robots.txt again, and says what it allows.
	RereadRobots(ctx context.Context, host string) (said string, err error)
}

// SiteVisit is requests to a site within a minute or an hour, and what for. It
// never says through whom.
type SiteVisit struct {
	From         time.Time
	Span         time.Duration
	Requests     int64
	Job, Dataset string
	Purpose      string
}

// OptOutStatement is what an owner publishes: a DNS record or a line in a file.
type OptOutStatement struct {
	Host, DNSName, FileURL, OptOut, OptIn string
	Since                                 string // in words, if the host is opted out
}

//go:embed crawlerpage.html
var crawlerText string

//go:embed crawlerpage.css
var crawlerStyle string

// crawlerPage is for the owner of a site who found us in an access log. Its text
// holds no script and asks no other server for anything.
var crawlerPage = template.Must(template.New("crawler").Funcs(template.FuncMap{
	"utc": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
	"span": func(d time.Duration) string {
		if d == time.Hour {
			return "hour"
		}
		return "minute"
	},
}).Parse(crawlerText))

// crawlerView is what the page shows.
type crawlerView struct {
	Product, UserAgent, Contact, Link string
	Lab                               bool
	Style                             template.CSS

	URL, At   string // as typed
	Host      string
	Problem   string // what is wrong with what was typed, or with us
	Done      string // what was done
	Asked     bool   // visits were asked for
	Visits    []SiteVisit
	More      bool
	Statement *OptOutStatement
}

func (s *Server) crawlerView() crawlerView {
	product, _, _ := strings.Cut(s.cfg.UserAgent, "/")
	v := crawlerView{
		Product: product, UserAgent: s.cfg.UserAgent, Contact: s.cfg.Contact, Lab: s.cfg.Lab, Style: template.CSS(crawlerStyle),
	}
	for _, scheme := range []string{"https://", "http://", "mailto:"} {
		if strings.HasPrefix(v.Contact, scheme) {
			v.Link = v.Contact
		}
	}
	return v
}

// crawlerPolicy lets the page be styled by its own sheet and send its own forms.
var crawlerPolicy = func() string {
	sum := sha256.Sum256([]byte(crawlerStyle))
	return "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

func (s *Server) showCrawlerPage(w http.ResponseWriter, status int, v crawlerView) {
	var page bytes.Buffer
	if err := crawlerPage.Execute(&page, v); err != nil {
		s.log.Error("the crawler page does not render", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", crawlerPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // whoever asked is gone if this fails
}
