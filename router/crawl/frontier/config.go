package frontier

import (
	"fmt"
	"time"
)

// Config holds every bound of a frontier. Start from DefaultConfig: Open
// refuses a Config whose bounds are zero, so that a forgotten field never means
// "no limit".
type Config struct {
	// MinDelay is the least time between two starts on one site. Default 1 s.
	// Zero means none and is for lab mode only.
	MinDelay time.Duration
	// MaxDelay caps what a site may ask for: crawl-delay, Retry-After and
	// back-off alike. Default 24 h.
	MaxDelay time.Duration
	// PerSite is how many items of one site may be in flight. Default 1.
	PerSite int
	// AddressGap is the least time between two starts on one address, over all
	// sites that share it, and PerAddress how many may be in flight there; see
	// address.go. Defaults 100 ms and 8. A gap of zero is for lab mode only and
	// leaves addresses without a clock.
	AddressGap time.Duration
	PerAddress int
	// MaxActiveSites is how many sites are held in memory; the others wait on
	// disk. It also caps how many sites can be in flight at once. Default 4096.
	MaxActiveSites int
	// ReadAhead is how many items are kept in memory per active site and job,
	// and how many starts a site may have before it makes room for a site that
	// waits on disk. Default 16.
	ReadAhead int
	// MaxPerSite is how many URLs of one site a job may ever have; what is above
	// is not queued and not remembered as seen. Default 1,000,000.
	MaxPerSite int
	// MaxPerJob is how many URLs a job may ever have. Default 200,000,000.
	MaxPerJob int
	// MaxSeenBytes bounds the memory of the seen set over all jobs, about 11 bytes
	// a known URL. At the bound new URLs are refused as capped, until a job ends.
	// Default 1.2 GB, for more than 100 million URLs.
	MaxSeenBytes int64
	// MaxJobs is how many jobs may exist at once. Default 4096.
	MaxJobs int
}

// DefaultConfig returns the defaults named in Config.
func DefaultConfig() Config {
	return Config{
		MinDelay:       time.Second,
		MaxDelay:       24 * time.Hour,
		PerSite:        1,
		AddressGap:     100 * time.Millisecond,
		PerAddress:     8,
		MaxActiveSites: 4096,
		ReadAhead:      16,
		MaxPerSite:     1_000_000,
		MaxPerJob:      200_000_000,
		MaxSeenBytes:   1_200_000_000,
		MaxJobs:        4096,
	}
}

func (c Config) validate() error {
	if c.MinDelay < 0 || c.MaxDelay < c.MinDelay || c.AddressGap < 0 {
		return fmt.Errorf("frontier config: delays %s and %s, address gap %s: want 0 <= min <= max and a gap of 0 or more", c.MinDelay, c.MaxDelay, c.AddressGap)
	}
	for _, bound := range []struct {
		name  string
		value int
	}{
		{"per site", c.PerSite},
		{"per address", c.PerAddress},
		{"max active sites", c.MaxActiveSites},
		{"read ahead", c.ReadAhead},
		{"max per site", c.MaxPerSite},
		{"max per job", c.MaxPerJob},
		{"max seen bytes", int(c.MaxSeenBytes)},
		{"max jobs", c.MaxJobs},
	} {
		if bound.value < 1 {
			return fmt.Errorf("frontier config: %s is %d, want at least 1", bound.name, bound.value)
		}
	}
	return nil
}
