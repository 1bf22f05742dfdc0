package lab

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// SiteConfig configures a Site.
type SiteConfig struct {
	// Hosts the certificate is for, at least one; "*." wildcards are fine.
	Hosts []string
	// Handler answers; it tells hosts apart by r.Host.
	Handler http.Handler
	// Listen is a loopback host:port. Default 127.0.0.1:0, any free port.
	Listen string
	// LogEntries bounds the access log; later requests are served and only
	// counted. Default 200,000 (about 50 MB when full).
	LogEntries int
	// Certificate replaces the one that the authority would issue, for sites
	// that are meant to fail.
	Certificate *tls.Certificate
	// Now is the log's clock. Default time.Now.
	Now func() time.Time
}

// Site is an HTTPS server on loopback, HTTP/2 and HTTP/1.1, whose access log
// is the judge of a crawl. It is safe for concurrent use.
type Site struct {
	hosts    []string
	listener net.Listener
	server   *http.Server
	log      *accessLog
	wg       sync.WaitGroup
}

// ServeSite starts a site with a certificate of ca and serves until Close.
func ServeSite(ca *CA, cfg SiteConfig) (*Site, error) {
	if len(cfg.Hosts) == 0 || cfg.Handler == nil {
		return nil, errors.New("serve lab site: hosts and handler are needed")
	}
	cert := cfg.Certificate
	if cert == nil {
		issued, err := ca.Issue(Leaf{Hosts: cfg.Hosts})
		if err != nil {
			return nil, fmt.Errorf("serve lab site: %w", err)
		}
		cert = &issued
	}
	address := cmp.Or(cfg.Listen, "127.0.0.1:0")
	// Without a name to look up, listening waits for nothing that a context could end.
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve lab site %s: %w", cfg.Hosts[0], err)
	}
	if ip := listener.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("serve lab site: %s is not a loopback address", ip), listener.Close())
	}
	s := &Site{
		hosts:    cfg.Hosts,
		listener: listener,
		log:      &accessLog{now: cfg.Now, limit: cmp.Or(cfg.LogEntries, 200_000)},
	}
	if s.log.now == nil {
		s.log.now = time.Now
	}
	s.server = &http.Server{
		Handler:           s.logged(cfg.Handler),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12},
		// Failed handshakes are the point of some labs, not news.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.wg.Go(func() { _ = s.server.ServeTLS(listener, "", "") }) // ends with ErrServerClosed
	return s, nil
}

// Addr is the loopback host:port the site listens on.
func (s *Site) Addr() string { return s.listener.Addr().String() }

// URL is the root address under the first host, with the port and a final
// slash; a wildcard's star becomes "www".
func (s *Site) URL() string { return s.URLFor(strings.Replace(s.hosts[0], "*", "www", 1)) }

// URLFor is the root address under another of the hosts.
func (s *Site) URLFor(host string) string {
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		panic("lab: listener without a port: " + err.Error())
	}
	return "https://" + net.JoinHostPort(host, port) + "/"
}

// Log is a copy of the access log in order of start.
func (s *Site) Log() []Entry {
	entries, _ := s.log.snapshot()
	return entries
}

// Overflow is how many requests came after the log was full. A judgement is
// complete only when it is zero.
func (s *Site) Overflow() int64 {
	_, overflow := s.log.snapshot()
	return overflow
}

// Disallowed are the logged requests that rules forbid.
func (s *Site) Disallowed(rules Rules) []Entry {
	return slices.DeleteFunc(s.Log(), func(e Entry) bool { return rules.Allowed(e.Path) })
}

// Manners are concurrency and spacing per host, over the whole log.
func (s *Site) Manners() []Manners { return JudgeManners(s.Log()) }

// Close stops at once: open requests are cut. It waits for the server to end.
func (s *Site) Close() error {
	err := s.server.Close()
	s.wg.Wait()
	if err != nil {
		return fmt.Errorf("close lab site %s: %w", s.hosts[0], err)
	}
	return nil
}

// Shutdown lets open requests finish until ctx ends.
func (s *Site) Shutdown(ctx context.Context) error {
	if err := s.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("drain lab site %s: %w", s.hosts[0], err)
	}
	s.wg.Wait()
	return nil
}

func (s *Site) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counting := &countingWriter{ResponseWriter: w}
		index := s.log.begin(r)
		defer func() {
			if counting.status == 0 {
				counting.status = http.StatusOK // an empty answer
			}
			s.log.end(index, counting)
		}()
		next.ServeHTTP(counting, r)
	})
}

// hostOnly is a Host header in lower case without its port.
func hostOnly(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(host)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
