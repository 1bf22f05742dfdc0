package job

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Spec is what somebody asks for. Scope, MaxPages and Near may be left zero: New
// takes ScopeHost, Limits.DefaultPages and DefaultNear then.
type Spec struct {
	Dataset  string
	Purpose  string
	Scope    Scope
	MaxPages int64
	Country  string
	Seeds    []string
	KeepRaw  bool // keep the answers too, for the raw files of the dataset
	Redact   bool // replace personal data in titles and texts by its kind; not with KeepRaw
	Near     float64
	Options  Options
}

// Bounds of Spec.Near, the Jaccard similarity of word shingles from which pages
// are near duplicates. Below MinNear the index would overlook too many and merge
// pages that only share a template; at 1 only exact duplicates are dropped.
const (
	MinNear     = 0.7
	DefaultNear = 0.8
)

// Limits bounds what one job may ask for.
type Limits struct {
	DefaultPages   int64 // pages when the spec names none; default 10,000
	MaxPages       int64 // pages; default 100,000,000
	MaxSeeds       int   // addresses; default 100,000
	MaxSeedBytes   int   // bytes of one address; default 2,048
	MaxSeedsBytes  int   // bytes of all addresses together; default 16 MiB
	MaxPurpose     int   // bytes; default 256, what a lease can carry
	MaxDatasetName int   // bytes; default 63, which keeps it a DNS label and a folder name
}

// DefaultLimits are the limits of a router that is not told otherwise.
func DefaultLimits() Limits {
	return Limits{
		DefaultPages:   10_000,
		MaxPages:       100_000_000,
		MaxSeeds:       100_000,
		MaxSeedBytes:   2_048,
		MaxSeedsBytes:  16 << 20,
		MaxPurpose:     256,
		MaxDatasetName: 63,
	}
}

// ErrInvalid is wrapped by every error that is the asker's to correct; the text
// names the field, the offending value where it is short, and what is allowed.
var ErrInvalid = errors.New("invalid job")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

func (s Spec) withDefaults(l Limits) Spec {
	if s.Scope == "" {
		s.Scope = ScopeHost
	}
	if s.MaxPages == 0 {
		s.MaxPages = l.DefaultPages
	}
	if s.Near == 0 {
		s.Near = DefaultNear
	}
	return s
}

// Validate names the first thing wrong with s; every error wraps ErrInvalid.
func (s Spec) Validate(l Limits) error {
	if err := ValidateDataset(s.Dataset, l.MaxDatasetName); err != nil {
		return err
	}
	if err := validatePurpose(s.Purpose, l.MaxPurpose); err != nil {
		return err
	}
	if !s.Scope.Valid() {
		return invalid("scope %.20q is not one of list, prefix, host, site", s.Scope)
	}
	if s.Redact && s.KeepRaw {
		return invalid("redact and keep_raw exclude each other: the answers as the sites sent them hold what is redacted")
	}
	if s.MaxPages < 1 || s.MaxPages > l.MaxPages {
		return invalid("max pages is %d, must be 1 to %d", s.MaxPages, l.MaxPages)
	}
	if !(s.Near >= MinNear && s.Near <= 1) { // NaN too
		return invalid("near is %v, must be %v to 1 (1 drops exact duplicates only)", s.Near, MinNear)
	}
	if err := validateCountry(s.Country); err != nil {
		return err
	}
	if err := s.Options.validate(); err != nil {
		return err
	}
	return validateSeeds(s.Seeds, l)
}

// ValidateDataset checks a dataset's name: a-z, 0-9 and "-", not starting with
// "-", at most limit bytes.
func ValidateDataset(name string, limit int) error {
	if name == "" {
		return invalid("dataset is missing: give it a name such as go-docs")
	}
	if len(name) > limit {
		return invalid("dataset name has %d characters, may have %d", len(name), limit)
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && (c != '-' || i == 0) {
			return invalid("dataset name %q: only a-z, 0-9 and - are allowed, and - not first", name)
		}
	}
	return nil
}

func validatePurpose(purpose string, limit int) error {
	switch {
	case strings.TrimSpace(purpose) == "":
		return invalid("purpose is missing: say in a sentence what the data is for; home users and readers of the dataset see it")
	case !utf8.ValidString(purpose):
		return invalid("purpose is not valid UTF-8")
	case len(purpose) > limit:
		return invalid("purpose has %d bytes, may have %d", len(purpose), limit)
	case strings.ContainsFunc(purpose, unicode.IsControl):
		return invalid("purpose contains control characters or line breaks")
	}
	return nil
}

func validateCountry(country string) error {
	if country == "" {
		return nil
	}
	if len(country) != 2 || strings.ContainsFunc(country, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return invalid("country %.20q is not a two-letter ISO 3166 code such as DE", country)
	}
	return nil
}

func validateSeeds(seeds []string, l Limits) error {
	if len(seeds) == 0 {
		return invalid("no seed: give at least one http(s) address")
	}
	if len(seeds) > l.MaxSeeds {
		return invalid("%d seeds, may be %d: split them into several jobs", len(seeds), l.MaxSeeds)
	}
	total := 0
	for i, seed := range seeds {
		if err := validateSeed(seed, l.MaxSeedBytes); err != nil {
			return invalid("seed %d: %v", i+1, err)
		}
		total += len(seed)
	}
	if total > l.MaxSeedsBytes {
		return invalid("seeds have %d bytes together, may have %d: split them into several jobs", total, l.MaxSeedsBytes)
	}
	return nil
}

func validateSeed(seed string, limit int) error {
	if len(seed) > limit {
		return fmt.Errorf("address has %d bytes, may have %d", len(seed), limit)
	}
	// The store keeps seeds one a line; url.Parse refuses ASCII controls too, but says less.
	if !utf8.ValidString(seed) || strings.ContainsFunc(seed, unicode.IsControl) {
		return fmt.Errorf("address %.80q contains control characters or is not UTF-8", seed)
	}
	u, err := url.Parse(seed)
	if err != nil {
		return fmt.Errorf("address %.80q cannot be read", seed)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("address %.80q does not start with http:// or https://", seed)
	case u.Hostname() == "":
		return fmt.Errorf("address %.80q has no host", seed)
	case u.User != nil:
		return errors.New("address carries a user name or password, which would end up in the dataset") // not quoted: it may be a secret
	}
	return nil
}
