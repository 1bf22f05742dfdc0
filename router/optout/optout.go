// Package optout keeps the hosts whose owners proved that they are and want no
// fetches, and tells what proves it: a DNS record or a file under /.well-known,
// with a token that this router makes from the host's name. (The third way,
// robots.txt, needs no proof and no list: the gate obeys it as it stands.)
//
// It decides and remembers. It neither fetches nor asks DNS itself (Evidence
// does) and it shows no page; router/api does, and the gate asks OptedOut before
// every fetch.
package optout

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/net/publicsuffix"
)

// Entry is one host's opt-out.
type Entry struct {
	Host      string // lower case, as dialled
	Proof     Proof
	Since     time.Time
	Withdrawn time.Time // zero while it holds
}

// Proof is how an owner showed that he is. The words are stored and shown.
type Proof string

// The proofs.
const (
	ProofDNS  Proof = "dns"  // covers the host and all below it
	ProofFile Proof = "file" // covers the host alone
)

// DB keeps entries. Methods return only after the data would survive a power cut.
type DB interface {
	// SaveOptOut stores e in the place of what was known of its host.
	SaveOptOut(ctx context.Context, e Entry) error
	// OptOuts are the entries that hold.
	OptOuts(ctx context.Context) ([]Entry, error)
}

// Evidence looks at a site from outside.
type Evidence interface {
	// TXT are the texts of a DNS name; none if there is no such name.
	TXT(ctx context.Context, name string) ([]string, error)
	// File is the text of a file on host, "" if it is not there.
	File(ctx context.Context, host, path string) (string, error)
}

// Limits bounds a Registry.
type Limits struct {
	Reload   time.Duration // how often the list is read again, for routers that share a database. Default 5 min
	Prove    time.Duration // for looking at one proof. Default 40 s
	PerHost  time.Duration // between two looks at one host. Default 30 s
	AtOnce   int           // looks at a time, over all hosts. Default 4
	PerHour  int           // looks, over all hosts. Default 600
	MaxProof int           // texts of one DNS name looked at. Default 100
}

// DefaultLimits returns the defaults.
func DefaultLimits() Limits {
	return Limits{Reload: 5 * time.Minute, Prove: 40 * time.Second, PerHost: 30 * time.Second, AtOnce: 4, PerHour: 600, MaxProof: 100}
}

// Registry is the list of opted-out hosts. It is safe for concurrent use.
type Registry struct {
	log    *slog.Logger
	now    func() time.Time
	db     DB
	see    Evidence
	secret []byte
	limits Limits

	proving sync.Mutex // one change of the list at a time
	slots   chan struct{}

	mu     sync.RWMutex
	hosts  map[string]Entry
	looked *lru.Cache[string, time.Time]
	hour   int64 // since 1970
	looks  int   // in it
}

// New reads the list. secret is the router's own and makes its tokens; the same
// secret makes the same tokens.
func New(ctx context.Context, log *slog.Logger, now func() time.Time, db DB, see Evidence, secret []byte, limits Limits) (*Registry, error) {
	const remembered = 16_384
	looked, err := lru.New[string, time.Time](remembered)
	if err != nil {
		return nil, err
	}
	r := &Registry{
		log: log, now: now, db: db, see: see, secret: secret, limits: limits,
		slots: make(chan struct{}, limits.AtOnce), hosts: map[string]Entry{}, looked: looked,
	}
	return r, r.reload(ctx)
}

// Run reads the list again from time to time until ctx ends.
func (r *Registry) Run(ctx context.Context) error {
	tick := time.NewTicker(r.limits.Reload)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := r.reload(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("opt-outs not read again; those known hold", "error", err)
		}
	}
}

func (r *Registry) reload(ctx context.Context) error {
	r.proving.Lock()
	defer r.proving.Unlock()
	list, err := r.db.OptOuts(ctx)
	if err != nil {
		return fmt.Errorf("read opt-outs: %w", err)
	}
	hosts := make(map[string]Entry, len(list))
	for _, e := range list {
		hosts[e.Host] = e
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts = hosts
	return nil
}

// OptedOut reports whether host may not be fetched from, and says why.
func (r *Registry) OptedOut(host string) (proof string, out bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.hosts) == 0 {
		return "", false
	}
	if e, ok := r.hosts[host]; ok {
		return e.text(), true
	}
	for {
		_, above, more := strings.Cut(host, ".")
		if !more {
			return "", false
		}
		if e, ok := r.hosts[above]; ok && e.Proof == ProofDNS {
			return e.text(), true
		}
		host = above
	}
}

func (e Entry) text() string {
	return fmt.Sprintf("opt-out of %s by %s since %s", e.Host, e.Proof, e.Since.UTC().Format(time.DateOnly))
}

// Statement is what an owner publishes, in one of two places.
type Statement struct {
	Host    string
	DNSName string // of the TXT record
	FileURL string
	OptOut  string // the text to publish
	OptIn   string // the text that withdraws it
}

// WellKnown is the path of the file that proves ownership.
const WellKnown = "/.well-known/fallow-opt-out.txt"

// Words before the token, in a DNS record or a line of the file.
const (
	optOutWord = "fallow-opt-out="
	optInWord  = "fallow-opt-in="
)

// ErrHost says that a name is no host somebody can own.
var ErrHost = errors.New("not the name of a site")

// Statement says what would prove that somebody owns host, which is in lower
// case as it is dialled.
func (r *Registry) Statement(host string) (Statement, error) {
	if suffix, _ := publicsuffix.PublicSuffix(host); host == "" || host == suffix || len(host) > 253 {
		return Statement{}, fmt.Errorf("%w: %.80q", ErrHost, host)
	}
	mac := hmac.New(sha256.New, r.secret)
	mac.Write([]byte("fallow opt-out\x00" + host))
	const length = 16
	token := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:length]))
	return Statement{
		Host: host, DNSName: "_fallow." + host, FileURL: "https://" + host + WellKnown,
		OptOut: optOutWord + token, OptIn: optInWord + token,
	}, nil
}
