package api

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"
)

// guarded is what every request passes before anything else. Until the API has
// keys, being on this machine is the permission; a web page that the
// operator's browser shows is on this machine too, so names it could have been
// rebound to and requests it sends from elsewhere are refused.
func (s *Server) guarded(next http.Handler) http.Handler {
	slots := make(chan struct{}, s.cfg.MaxRequests)
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() { s.finished(rec, r, start, recover()) }()
		harden(rec.Header())
		if e := refuseStrangers(r, crossOrigin); e != nil {
			writeError(rec, e)
			return
		}
		if !isProbe(r.URL.Path) {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			default:
				rec.Header().Set("Retry-After", "1")
				writeError(rec, newError(CodeLimited, "%d requests are being answered already: try again in a second", s.cfg.MaxRequests))
				return
			}
		}
		s.metrics.inFlight.Inc()
		defer s.metrics.inFlight.Dec()
		next.ServeHTTP(rec, r)
	})
}

// isProbe is true for what has to be answered when the router is busiest.
func isProbe(path string) bool {
	return path == pathHealth || path == pathReady || path == pathMetrics
}

func refuseStrangers(r *http.Request, crossOrigin *http.CrossOriginProtection) *Error {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if !isLoopback(host) {
		return withStatus(http.StatusMisdirectedRequest, CodeInvalid,
			fmt.Sprintf("host %.80q is not this machine: use 127.0.0.1 or localhost", r.Host))
	}
	if err := crossOrigin.Check(r); err != nil || !ownOrigin(r) {
		return withStatus(http.StatusForbidden, CodeInvalid, "a web page of another origin may not use this API")
	}
	return nil
}

// ownOrigin is stricter than CrossOriginProtection, which lets safe methods
// pass: nothing here is meant for pages of others.
func ownOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

// harden sets what every answer has: nothing of it is run, framed or guessed at
// by a browser.
func harden(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// finished counts a request and turns a panic into an error.
func (s *Server) finished(rec *recorder, r *http.Request, start time.Time, panicked any) {
	if panicked != nil && r.Context().Err() == nil { // an answer to somebody who left panics in huma
		s.log.Error("request panicked", "route", route(r), "panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
		if rec.status == 0 {
			writeError(rec, newError(CodeInternal, "internal error; the router's log says more"))
		}
	}
	s.metrics.observe(route(r), rec.status, start)
	s.log.Debug("request", "route", route(r), "status", rec.status, "took", time.Since(start))
}

// route is the pattern that matched, of which there are few.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
