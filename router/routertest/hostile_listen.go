package routertest

import (
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/fallow-network/fallow/router/lab"
)

// Hostile serves every hostile site on one port, and faults of TLS each on its
// own. It returns the address to ask of each site, and what may come of it.
func (n *Net) Hostile() (urls map[string]string, ends map[string][]string) {
	n.t.Helper()
	sites := map[string]Hostile{}
	for _, h := range hostileSites() {
		sites[h.Name] = h
	}
	urls, ends = map[string]string{}, map[string][]string{}
	port := n.listen(n.issue(n.CA, lab.Leaf{Hosts: HostileNames()}), func(c net.Conn) { serveHostile(c, sites) })
	for name, h := range sites {
		urls[name], ends[name] = "https://"+name+".test:"+port+"/", h.Ends
	}
	stranger, err := lab.NewCA(time.Now)
	if err != nil {
		n.t.Fatal(err)
	}
	good := func(c net.Conn) { serveHostile(c, sites) }
	for name, fault := range map[string]struct {
		cert *tls.Certificate
		end  string
	}{
		"tls-expired":  {n.issue(n.CA, lab.Leaf{Hosts: []string{"tls-expired.fallow.test"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}), "tls_expired"},
		"tls-hostname": {n.issue(n.CA, lab.Leaf{Hosts: []string{"other.fallow.test"}}), "tls_hostname"},
		"tls-stranger": {n.issue(stranger, lab.Leaf{Hosts: []string{"tls-stranger.fallow.test"}}), "tls_unknown_authority"},
	} {
		urls[name] = "https://" + name + ".fallow.test:" + n.listen(fault.cert, good) + "/"
		// The site's robots.txt cannot be had either, so the page is not asked for.
		ends[name] = []string{"failed:" + fault.end, "failed:robots_unreachable"}
	}
	return urls, ends
}

func (n *Net) issue(ca *lab.CA, leaf lab.Leaf) *tls.Certificate {
	n.t.Helper()
	cert, err := ca.Issue(leaf)
	if err != nil {
		n.t.Fatal(err)
	}
	return &cert
}

// listen serves TLS connections, HTTP/1.1 only, until the test ends, and returns
// the port.
func (n *Net) listen(cert *tls.Certificate, serve func(net.Conn)) (port string) {
	n.t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		n.t.Fatal(err)
	}
	var open sync.WaitGroup
	n.t.Cleanup(func() { _ = l.Close(); open.Wait() })
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { serve(c) })
		}
	})
	if _, port, err = net.SplitHostPort(l.Addr().String()); err != nil {
		n.t.Fatal(err)
	}
	return port
}
