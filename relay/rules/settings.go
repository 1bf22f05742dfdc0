package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Bounds of what a user can set.
const (
	maxTunnels     = 1024
	maxSites       = 10_000
	maxResetDay    = 28
	minMbit        = 1 // below it the smallest piece handed on is too coarse to pace
	maxMbit        = 100_000
	maxIdleMinutes = 24 * 60
	maxNetworks    = 100
	maxNetworkText = 128 // bytes
)

// Settings are the user's own choices.
type Settings struct {
	// Deny are sites never visited; an entry covers every name under it. Deny
	// wins over everything else. At most 10,000 entries. Default none.
	Deny []string `json:"deny,omitempty"`
	// Allow are sites visited although their category is not, and the only ones
	// when Strict is on. At most 10,000 entries. Default none.
	Allow []string `json:"allow,omitempty"`
	// Strict visits only what Allow lists. Default false.
	Strict bool `json:"strict"`
	// Categories are those the user allows; every category that Categories lists
	// is denied unless it is here. Default none.
	Categories []string `json:"categories,omitempty"`
	// Schedule is when to share, at most 64 windows. Default none: always.
	Schedule  Schedule  `json:"schedule,omitempty"`
	Caps      Caps      `json:"caps"`
	AutoPause AutoPause `json:"auto_pause"`
	// Networks are those the user has agreed to share on, at most 100. The first
	// one met after consent is put here by itself.
	Networks []Network `json:"networks,omitempty"`
}

// Caps are the user's limits on quantity.
type Caps struct {
	// MaxTunnels at once, 1 to 1024. Default 64.
	MaxTunnels int `json:"max_tunnels"`
	// MbitPerSecond is the speed over all tunnels, each direction on its own, 1
	// to 100,000, 0 for no cap. Default 0.
	MbitPerSecond float64 `json:"mbit_per_second,omitempty"`
	// DailyBytes per local day, both directions together, 0 for no cap. A byte
	// counts once, although the line sees it come and go. Default 0.
	DailyBytes uint64 `json:"daily_bytes,omitempty"`
	// MonthlyBytes likewise, from reset day to reset day. Default 0.
	MonthlyBytes uint64 `json:"monthly_bytes,omitempty"`
	// ResetDay of the month, on which the monthly count starts again as the day
	// begins, 1 to 28. Default 1.
	ResetDay int `json:"reset_day"`
}

// BytesPerSecond is the cap on speed, 0 for none.
func (c Caps) BytesPerSecond() int64 { return int64(math.Round(c.MbitPerSecond * 1e6 / 8)) }

// AutoPause says what makes the node hold back by itself. What the system cannot
// tell holds nothing back.
type AutoPause struct {
	InUse   bool `json:"in_use"`  // somebody is at the machine, or it uses its network itself; default true
	Battery bool `json:"battery"` // it runs on battery; default true
	Metered bool `json:"metered"` // the connection is paid by volume; default true
	VPN     bool `json:"vpn"`     // traffic leaves through a VPN; default true
	Network bool `json:"network"` // the network is new, or the machine an organisation's; default true
	// IdleMinutes without use after which the machine is not in use, 1 to 1440.
	// Default 5.
	IdleMinutes int `json:"idle_minutes"`
}

func (a AutoPause) idle() time.Duration { return time.Duration(a.IdleMinutes) * time.Minute }

// Network is one the user shares on.
type Network struct {
	ID    string    `json:"id"`             // as package presence names it
	Name  string    `json:"name,omitempty"` // for people
	Since time.Time `json:"since,omitzero"`
}

// DefaultSettings deny the categories, set no cap on quantity, and hold back
// whenever the user might mind.
func DefaultSettings() Settings {
	return Settings{
		Caps:      Caps{MaxTunnels: 64, ResetDay: 1},
		AutoPause: AutoPause{InUse: true, Battery: true, Metered: true, VPN: true, Network: true, IdleMinutes: 5},
	}
}

// normal returns s with its lists in one spelling, sorted and without doubles.
func (s Settings) normal() (Settings, error) {
	if err := s.Caps.check(); err != nil {
		return s, err
	}
	if n := s.AutoPause.IdleMinutes; n < 1 || n > maxIdleMinutes {
		return s, fmt.Errorf("idle minutes is %d, want 1 to %d", n, maxIdleMinutes)
	}
	if len(s.Schedule) > maxWindows {
		return s, fmt.Errorf("a schedule of %d windows, at most %d", len(s.Schedule), maxWindows)
	}
	for _, w := range s.Schedule {
		if w == (Window{}) {
			return s, fmt.Errorf("a window of the schedule is empty")
		}
	}
	if err := checkNetworks(s.Networks); err != nil {
		return s, err
	}
	var err error
	if s.Deny, err = normalSites(s.Deny); err != nil {
		return s, fmt.Errorf("deny list: %w", err)
	}
	if s.Allow, err = normalSites(s.Allow); err != nil {
		return s, fmt.Errorf("allow list: %w", err)
	}
	s.Categories, err = normalCategories(s.Categories)
	return s, err
}

func (c Caps) check() error {
	switch {
	case c.MaxTunnels < 1 || c.MaxTunnels > maxTunnels:
		return fmt.Errorf("max tunnels is %d, want 1 to %d", c.MaxTunnels, maxTunnels)
	case c.ResetDay < 1 || c.ResetDay > maxResetDay:
		return fmt.Errorf("reset day is %d, want 1 to %d", c.ResetDay, maxResetDay)
	case c.MbitPerSecond != 0 && !(c.MbitPerSecond >= minMbit && c.MbitPerSecond <= maxMbit): // also not a number
		return fmt.Errorf("speed is %g Mbit/s, want %d to %d, or 0 for no cap", c.MbitPerSecond, minMbit, maxMbit)
	}
	return nil
}

func checkNetworks(networks []Network) error {
	if len(networks) > maxNetworks {
		return fmt.Errorf("%d networks, at most %d", len(networks), maxNetworks)
	}
	for _, n := range networks {
		if n.ID == "" || len(n.ID) > maxNetworkText || len(n.Name) > maxNetworkText {
			return fmt.Errorf("network %.40q: want an id, and id and name of at most %d bytes", n.ID, maxNetworkText)
		}
	}
	return nil
}

// normalSites accepts what people type: upper case, "*.example.com",
// ".example.com", "example.com.".
func normalSites(sites []string) ([]string, error) {
	if len(sites) > maxSites {
		return nil, fmt.Errorf("%d entries, at most %d", len(sites), maxSites)
	}
	var out []string
	for _, site := range sites {
		site, err := NormalSite(site)
		if err != nil {
			return nil, err
		}
		out = append(out, site)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// NormalSite is the one spelling of a site that a user typed.
func NormalSite(site string) (string, error) {
	site = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(site)), ".")
	site = strings.TrimPrefix(strings.TrimPrefix(site, "*"), ".")
	return site, wire.CheckHost(site)
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
	s.Categories, s.Schedule = slices.Clone(s.Categories), slices.Clone(s.Schedule)
	s.Networks = slices.Clone(s.Networks)
	return s
}
