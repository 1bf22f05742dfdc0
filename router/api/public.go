package api

import (
	"fmt"
	"net"
	"net/http"
)

// publicly is what a request to the public port passes: everybody may ask, but
// for nothing other than the page for owners of sites.
func (s *Server) publicly() http.Handler {
	slots := make(chan struct{}, s.cfg.MaxRequests)
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if panicked := recover(); panicked != nil {
				s.log.Error("public page panicked", "panic", fmt.Sprint(panicked))
				http.Error(rec, "internal error", http.StatusInternalServerError)
			}
		}()
		harden(rec.Header())
		if err := crossOrigin.Check(r); err != nil {
			http.Error(rec, "a page of another site may not send this form", http.StatusForbidden)
			return
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			rec.Header().Set("Retry-After", "5")
			http.Error(rec, "too many requests at once: try again in a few seconds", http.StatusServiceUnavailable)
			return
		}
		s.public.ServeHTTP(rec, r)
	})
}

// listenPublic opens the public port, if there is to be one.
func (s *Server) listenPublic() error {
	if s.cfg.Public == "" {
		return nil
	}
	listener, err := net.Listen("tcp", s.cfg.Public)
	if err != nil {
		return fmt.Errorf("open the port for the public page, %s: %w; choose another with --public", s.cfg.Public, err)
	}
	s.publicListener = listener
	return nil
}

// PublicAddr is where the public page is served beside the API, "" if nowhere.
func (s *Server) PublicAddr() string {
	if s.publicListener == nil {
		return ""
	}
	return s.publicListener.Addr().String()
}
