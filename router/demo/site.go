package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fallow-network/fallow/router/lab"
)

// siteHost is the lab site's name. ".test" is reserved for this (RFC 2606).
const siteHost = "docs.fallow.test"

// site is the lab's own: Go's documentation, an authority and a DNS server.
type site struct {
	*lab.Site
	docs   *lab.GoDocs
	dns    *lab.DNS
	caFile string
}

func serveSite(ctx context.Context, dir string) (*site, error) {
	docs, err := lab.NewGoDocs(ctx, lab.GoDocsConfig{})
	if err != nil {
		return nil, fmt.Errorf("%w (or crawl a real site: --site https://…)", err)
	}
	ca, err := lab.NewCA(time.Now)
	if err != nil {
		return nil, err
	}
	s := &site{docs: docs, caFile: filepath.Join(dir, "lab-ca.pem")}
	if err := ca.WriteFile(s.caFile); err != nil {
		return nil, err
	}
	if s.dns, err = lab.ServeDNS(lab.DefaultDNSConfig()); err != nil {
		return nil, err
	}
	if s.Site, err = lab.ServeSite(ca, lab.SiteConfig{Hosts: []string{siteHost}, Handler: docs}); err != nil {
		_ = s.dns.Close()
		return nil, err
	}
	return s, nil
}

func (s *site) describe() string {
	stats := s.docs.Stats()
	return fmt.Sprintf("Go's own documentation, rendered now: %d pages, %d more that robots.txt forbids", stats.Allowed, stats.Forbidden)
}

func (s *site) close() {
	_ = s.Close()
	_ = s.dns.Close()
}
