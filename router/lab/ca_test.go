package lab_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/lab"
)

func newCA(t *testing.T) *lab.CA {
	t.Helper()
	ca, err := lab.NewCA(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestRootFileIsATrustStore(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	path := filepath.Join(t.TempDir(), "root.pem")
	if err := ca.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("the root file holds no certificate")
	}
	cert, err := ca.Issue(lab.Leaf{Hosts: []string{"*.fallow.test", "127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{"docs.fallow.test": true, "127.0.0.1": true, "fallow.test": false, "other.test": false} {
		_, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: pool})
		if (err == nil) != want {
			t.Errorf("certificate good for %s = %v, want %v (%v)", host, err == nil, want, err)
		}
	}
	if _, err := ca.Issue(lab.Leaf{}); err == nil {
		t.Error("a certificate for nobody was issued")
	}
}

func TestExpiredCertificateIsRefused(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	expired, err := ca.Issue(lab.Leaf{Hosts: []string{"localhost"}, NotAfter: time.Now().Add(-time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	site, err := lab.ServeSite(ca, lab.SiteConfig{Hosts: []string{"localhost"}, Handler: http.NotFoundHandler(), Certificate: &expired})
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	conn, err := tls.Dial("tcp", site.Addr(), &tls.Config{ServerName: "localhost", RootCAs: ca.Pool()})
	if err == nil {
		conn.Close()
		t.Fatal("an expired certificate was accepted")
	}
}
