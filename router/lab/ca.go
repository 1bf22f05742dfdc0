package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// caLife is how long the authority and its certificates are valid: longer than
// any lab runs, short enough that a forgotten root file does no harm.
const caLife = 7 * 24 * time.Hour

// CA is a throw-away certificate authority that lives in memory. Its key is
// never written anywhere. It is safe for concurrent use.
type CA struct {
	now  func() time.Time
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// NewCA makes an authority (ECDSA P-256) valid for seven days from now.
func NewCA(now func() time.Time) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make lab authority key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "Fallow lab (throw-away)", Organization: []string{"Fallow lab"}},
		NotBefore:             now().Add(-time.Hour),
		NotAfter:              now().Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign lab authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read back lab authority: %w", err)
	}
	return &CA{now: now, key: key, cert: cert}, nil
}

// Leaf describes a certificate to issue.
type Leaf struct {
	// Hosts are DNS names (a leading "*." is a wildcard) or IP addresses.
	Hosts []string
	// NotBefore and NotAfter default to the authority's own span; a lab that
	// wants an expired certificate sets them.
	NotBefore, NotAfter time.Time
}

// Issue signs a new server certificate with a key of its own. It fails when no
// host is named.
func (c *CA) Issue(leaf Leaf) (tls.Certificate, error) {
	if len(leaf.Hosts) == 0 {
		return tls.Certificate{}, fmt.Errorf("issue lab certificate: no host named")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make key for %s: %w", leaf.Hosts[0], err)
	}
	serial, err := newSerial()
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: leaf.Hosts[0]},
		NotBefore:    leaf.NotBefore,
		NotAfter:     leaf.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if template.NotBefore.IsZero() {
		template.NotBefore = c.cert.NotBefore
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = c.cert.NotAfter
	}
	for _, host := range leaf.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, key.Public(), c.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("sign certificate for %s: %w", leaf.Hosts[0], err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// PEM is the root certificate, for a trust store.
func (c *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
}

// WriteFile writes PEM to path, readable by all: it holds no secret.
func (c *CA) WriteFile(path string) error {
	if err := os.WriteFile(path, c.PEM(), 0o644); err != nil {
		return fmt.Errorf("write lab root: %w", err)
	}
	return nil
}

// Pool is a trust store that holds this authority alone.
func (c *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.cert)
	return pool
}

func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("draw certificate serial: %w", err)
	}
	return serial, nil
}
