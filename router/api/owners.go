package api

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

func (s *Server) addCrawlerPage() {
	limit := newVisitorLimit()
	s.public = http.NewServeMux()
	s.public.Handle("GET /crawler", limit.guard(s, s.crawlerAsked))
	s.public.Handle("POST /crawler/opt-out", limit.guard(s, s.crawlerDo(s.backend.Owners.Prove)))
	s.public.Handle("POST /crawler/robots", limit.guard(s, s.crawlerDo(s.backend.Owners.RereadRobots)))
	s.mux.Handle("/crawler", s.public)
	s.mux.Handle("/crawler/", s.public)
}

// maxTyped bounds what somebody types into a field, in bytes.
const maxTyped = 2048

// crawlerAsked answers the page, a look-up of visits, or what to publish.
func (s *Server) crawlerAsked(w http.ResponseWriter, r *http.Request) {
	v := s.crawlerView()
	q := r.URL.Query()
	v.URL, v.At = typed(q, "url"), typed(q, "at")
	var err error
	switch {
	case v.URL != "":
		v.Host = hostTyped(v.URL)
		var at time.Time
		if at, err = timeTyped(v.At, time.Now()); err == nil {
			v.Visits, v.More, err = s.backend.Owners.Visits(r.Context(), v.Host, at)
			v.Asked = err == nil
		}
	case typed(q, "host") != "":
		v.Host = hostTyped(typed(q, "host"))
		var statement OptOutStatement
		if statement, err = s.backend.Owners.Statement(v.Host); err == nil {
			v.Statement = &statement
		}
	}
	s.showCrawlerPage(w, s.problem(r.Context(), &v, err), v)
}

// crawlerDo answers one of the forms that do something.
func (s *Server) crawlerDo(do func(ctx context.Context, host string) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.crawlerView()
		r.Body = http.MaxBytesReader(w, r.Body, 2*maxTyped)
		err := r.ParseForm()
		if err != nil {
			err = Invalid("the form cannot be read")
		} else if v.Host = hostTyped(typed(r.PostForm, "host")); v.Host == "" {
			err = Invalid("name your site, such as www.example.com")
		} else {
			v.Done, err = do(r.Context(), v.Host)
		}
		if statement, said := s.backend.Owners.Statement(v.Host); said == nil && r.URL.Path == "/crawler/opt-out" {
			v.Statement = &statement
		}
		s.showCrawlerPage(w, s.problem(r.Context(), &v, err), v)
	}
}

// problem puts what a visitor may read of err on the page and returns the status.
func (s *Server) problem(ctx context.Context, v *crawlerView, err error) int {
	if err == nil {
		return http.StatusOK
	}
	e := s.refusal(ctx, "crawler-page", err)
	v.Problem = e.Detail
	return e.Status
}

func typed(from url.Values, name string) string {
	text := strings.TrimSpace(from.Get(name))
	return strings.ToValidUTF8(text[:min(len(text), maxTyped)], "")
}

// hostTyped is the host in what somebody typed: a host, or the address of a page.
func hostTyped(text string) string {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
}

// timesTyped are the forms in which people and web servers write a time.
var timesTyped = []string{
	time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "02/Jan/2006:15:04:05 -0700", "2006-01-02 15:04:05 -0700",
}

func timeTyped(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	for _, form := range timesTyped {
		if t, err := time.Parse(form, strings.Trim(text, "[]")); err == nil {
			return t, nil
		}
	}
	return time.Time{}, Invalid("the time cannot be read: write it like 2026-11-26 16:30, or copy it from your web server's log")
}

// visitorLimit slows down who asks too much, by address.
type visitorLimit struct {
	visitors *lru.Cache[string, *rate.Limiter]
	all      *rate.Limiter
}

// Requests of one address, and of all, in a second and at once.
const (
	visitorRate, visitorBurst = 0.5, 20
	pageRate, pageBurst       = 50, 200
	visitorsKnown             = 16_384
)

func newVisitorLimit() *visitorLimit {
	known, err := lru.New[string, *rate.Limiter](visitorsKnown)
	if err != nil {
		panic("api: " + err.Error()) // only for a size below one
	}
	return &visitorLimit{visitors: known, all: rate.NewLimiter(pageRate, pageBurst)}
}

func (l *visitorLimit) allow(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	one, _ := l.visitors.Get(host)
	if one == nil {
		one = rate.NewLimiter(visitorRate, visitorBurst)
		l.visitors.Add(host, one)
	}
	return one.Allow() && l.all.Allow()
}

func (l *visitorLimit) guard(s *Server, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.allow(r) {
			next(w, r)
			return
		}
		v := s.crawlerView()
		w.Header().Set("Retry-After", "10")
		s.showCrawlerPage(w, s.problem(r.Context(), &v, Limited("you asked many times in a short while: please try again in ten seconds")), v)
	})
}
