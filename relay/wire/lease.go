package wire

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
)

const leaseDomain = "fallow-lease-v1\n"

// Serial names one lease. It is drawn at random and used once.
type Serial [16]byte

// NewSerial draws a serial from the system's random source.
func NewSerial() Serial {
	var s Serial
	_, _ = rand.Read(s[:]) // never fails: crypto/rand aborts the program instead
	return s
}

// String is the lower-case hex of s, 32 characters.
func (s Serial) String() string { return hex.EncodeToString(s[:]) }

// MarshalText is String.
func (s Serial) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Serial) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(s)) {
		return fmt.Errorf("lease serial has %d characters, want %d", len(text), hex.EncodedLen(len(s)))
	}
	_, err := hex.Decode(s[:], text)
	return err
}

// Lease is a router's signed permission for one tunnel through one node to one
// host and port.
type Lease struct {
	Serial   Serial
	Router   Key
	Node     Key
	Host     string // lower case, ASCII, no trailing dot, never an IP literal
	Port     uint16
	TLS      bool   // the tunnel carries TLS whose SNI is Host; otherwise HTTP/1.1
	Job      string // the job the bytes are counted under
	Purpose  string // what the home user is shown
	Dataset  string
	MaxUp    uint64    // bytes from router to site, at most MaxLeaseUp
	MaxDown  uint64    // bytes from site to router, at most MaxLeaseDown
	NotAfter time.Time // the tunnel must start by then; millisecond precision
}

// Errors of Lease.Check and OpenLease, each of which a node answers with its
// own Reason (see ReasonOf).
var (
	ErrLeaseMalformed = errors.New("lease is malformed")
	ErrLeaseSignature = errors.New("lease signature does not verify")
	ErrLeaseExpired   = errors.New("lease has expired")
	ErrLeaseEarly     = errors.New("lease is valid too far in the future")
	ErrHostForbidden  = errors.New("lease host is not a plain host name")
)

// Encode is the fixed encoding that the signature covers. Two leases are equal
// exactly if their encodings are.
func (l *Lease) Encode() []byte {
	e := newEncoder(leaseDomain)
	e.fixed(l.Serial[:])
	e.fixed(l.Router[:])
	e.fixed(l.Node[:])
	e.text(l.Host)
	e.uint16(l.Port)
	if l.TLS {
		e.byte(1)
	} else {
		e.byte(0)
	}
	e.text(l.Job)
	e.text(l.Purpose)
	e.text(l.Dataset)
	e.uint64(l.MaxUp)
	e.uint64(l.MaxDown)
	e.uint64(uint64(l.NotAfter.UnixMilli()))
	return e.buf
}

// Sign checks the lease against the bounds and returns the router's signature
// over its encoding. It fails with ErrLeaseMalformed or ErrHostForbidden.
func (l *Lease) Sign(router ed25519.PrivateKey) ([]byte, error) {
	if KeyOf(router) != l.Router {
		return nil, fmt.Errorf("%w: signed with another key than its router's", ErrLeaseMalformed)
	}
	if err := l.checkForm(); err != nil {
		return nil, err
	}
	return ed25519.Sign(router, l.Encode()), nil
}

// OpenLease decodes a lease and verifies its signature against the router key
// inside it. The caller decides whether that router is one it knows. Errors
// wrap ErrLeaseMalformed, ErrHostForbidden or ErrLeaseSignature.
func OpenLease(encoded, signature []byte) (*Lease, error) {
	d := newDecoder(leaseDomain, encoded)
	l := new(Lease)
	d.fixed(l.Serial[:])
	d.fixed(l.Router[:])
	d.fixed(l.Node[:])
	l.Host = d.text(MaxHost)
	l.Port = d.uint16()
	switch d.byte() {
	case 0:
	case 1:
		l.TLS = true
	default:
		d.fail("flag is neither 0 nor 1")
	}
	l.Job = d.text(MaxJob)
	l.Purpose = d.text(MaxPurpose)
	l.Dataset = d.text(MaxDataset)
	l.MaxUp = d.uint64()
	l.MaxDown = d.uint64()
	l.NotAfter = time.UnixMilli(int64(d.uint64())).UTC()
	if err := d.done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLeaseMalformed, err)
	}
	if !l.Router.verify(encoded, signature) {
		return nil, ErrLeaseSignature
	}
	if err := l.checkForm(); err != nil {
		return nil, err
	}
	return l, nil
}

// CheckTime reports whether a tunnel may start under l at the node's time now:
// not after NotAfter, and NotAfter no further ahead than the window, each with
// ClockGrace. Errors wrap ErrLeaseExpired or ErrLeaseEarly.
func (l *Lease) CheckTime(now time.Time) error {
	if late := now.Sub(l.NotAfter); late > ClockGrace {
		return fmt.Errorf("%w: by %s", ErrLeaseExpired, late.Round(time.Second))
	}
	if ahead := l.NotAfter.Sub(now); ahead > LeaseWindow+ClockGrace {
		return fmt.Errorf("%w: by %s", ErrLeaseEarly, ahead.Round(time.Second))
	}
	return nil
}

func (l *Lease) checkForm() error {
	switch {
	case l.Job == "" || len(l.Job) > MaxJob:
		return fmt.Errorf("%w: job of %d bytes", ErrLeaseMalformed, len(l.Job))
	case !plainJob(l.Job):
		return fmt.Errorf("%w: job %q is not printable ASCII", ErrLeaseMalformed, l.Job)
	case len(l.Purpose) > MaxPurpose || len(l.Dataset) > MaxDataset:
		return fmt.Errorf("%w: purpose or dataset over its bound", ErrLeaseMalformed)
	case !utf8.ValidString(l.Purpose) || !utf8.ValidString(l.Dataset):
		return fmt.Errorf("%w: purpose or dataset is not UTF-8", ErrLeaseMalformed)
	case l.MaxUp == 0 || l.MaxUp > MaxLeaseUp:
		return fmt.Errorf("%w: %d bytes up", ErrLeaseMalformed, l.MaxUp)
	case l.MaxDown == 0 || l.MaxDown > MaxLeaseDown:
		return fmt.Errorf("%w: %d bytes down", ErrLeaseMalformed, l.MaxDown)
	case l.Port == 0:
		return fmt.Errorf("%w: port 0", ErrLeaseMalformed)
	}
	return CheckHost(l.Host)
}

// plainJob reports whether a job is printable ASCII. It is shown in terminals
// and compared byte by byte at both ends, so it has one spelling.
func plainJob(job string) bool {
	for _, c := range []byte(job) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// CheckHost reports whether host is what a lease may name: a lower-case ASCII
// host name of letters, digits, hyphens, underscores and dots, without a
// trailing dot, whose last label is not all digits (so no spelling of an IPv4
// address passes), and not an IP literal. The error wraps ErrHostForbidden.
func CheckHost(host string) error {
	if host == "" || len(host) > MaxHost {
		return fmt.Errorf("%w: %d bytes", ErrHostForbidden, len(host))
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return fmt.Errorf("%w: %s is an IP literal", ErrHostForbidden, host)
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !plainLabel(label) {
			return fmt.Errorf("%w: %q", ErrHostForbidden, host)
		}
	}
	if last := labels[len(labels)-1]; numeric(last) {
		return fmt.Errorf("%w: %q ends in a number", ErrHostForbidden, host)
	}
	return nil
}

func plainLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range []byte(label) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// numeric covers the decimal, octal and hexadecimal forms that inet_aton reads.
func numeric(label string) bool {
	if hexDigits, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hexDigits, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
