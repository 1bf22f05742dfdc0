package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fallow-network/fallow/relay/wire"
)

// Bounds of what a user can set.
const (
	maxTunnels  = 1024
	maxSites    = 10_000
	maxResetDay = 28
)

// Settings are the user's own choices.
type Settings struct {
	// Deny are sites never visited; an entry covers every name under it. Deny
	// wins over Allow. At most 10,000 entries. Default none.
	Deny []string `json:"deny,omitempty"`
	// Allow are the only sites visited when Strict is on. At most 10,000
	// entries. Default none.
	Allow []string `json:"allow,omitempty"`
	// Strict visits only what Allow lists. Default false.
	Strict bool `json:"strict,omitempty"`
	Caps   Caps `json:"caps"`
}

// Caps are the user's limits on quantity.
type Caps struct {
	// MaxTunnels at once, 1 to 1024. Default 64.
	MaxTunnels int `json:"max_tunnels"`
	// MonthlyBytes, both directions together, 0 for no cap. Default 0.
	MonthlyBytes uint64 `json:"monthly_bytes,omitempty"`
	// ResetDay of the month, at local midnight, on which the count starts
	// again, 1 to 28. Default 1.
	ResetDay int `json:"reset_day"`
}

// DefaultSettings allow every site and set no monthly cap.
func DefaultSettings() Settings {
	return Settings{Caps: Caps{MaxTunnels: 64, ResetDay: 1}}
}

// normal returns s with its lists in one spelling, sorted and without doubles.
func (s Settings) normal() (Settings, error) {
	if s.Caps.MaxTunnels < 1 || s.Caps.MaxTunnels > maxTunnels {
		return s, fmt.Errorf("max tunnels is %d, want 1 to %d", s.Caps.MaxTunnels, maxTunnels)
	}
	if s.Caps.ResetDay < 1 || s.Caps.ResetDay > maxResetDay {
		return s, fmt.Errorf("reset day is %d, want 1 to %d", s.Caps.ResetDay, maxResetDay)
	}
	var err error
	if s.Deny, err = normalSites(s.Deny); err != nil {
		return s, fmt.Errorf("deny list: %w", err)
	}
	if s.Allow, err = normalSites(s.Allow); err != nil {
		return s, fmt.Errorf("allow list: %w", err)
	}
	return s, nil
}

// normalSites accepts what people type: upper case, "*.example.com",
// ".example.com", "example.com.".
func normalSites(sites []string) ([]string, error) {
	if len(sites) > maxSites {
		return nil, fmt.Errorf("%d entries, at most %d", len(sites), maxSites)
	}
	var out []string
	for _, site := range sites {
		site = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(site)), ".")
		site = strings.TrimPrefix(strings.TrimPrefix(site, "*"), ".")
		if err := wire.CheckHost(site); err != nil {
			return nil, err
		}
		out = append(out, site)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// covers reports the entry of sorted sites that is host or a parent of it,
// label by label.
func covers(sites []string, host string) (string, bool) {
	for name := host; ; {
		if _, ok := slices.BinarySearch(sites, name); ok {
			return name, true
		}
		_, parent, ok := strings.Cut(name, ".")
		if !ok {
			return "", false
		}
		name = parent
	}
}

func (s Settings) clone() Settings {
	s.Deny, s.Allow = slices.Clone(s.Deny), slices.Clone(s.Allow)
	return s
}
