package router

import (
	"time"

	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/fleet"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/tunnel"
)

// Config is everything a router is told. Start from DefaultConfig or
// LabConfig and set Dir.
type Config struct {
	Dir    string   // data directory, created if missing; one router at a time
	Listen []string // multiaddrs to answer nodes on
	// ListenCert and ListenKey are PEM files for addresses with /tls/ws. Default "".
	ListenCert, ListenKey string

	API     string // host:port of the HTTP API, loopback only until it has keys
	Public  string // host:port of the page for owners of sites, for everybody; "": on API alone
	Flight  string // host:port of Arrow Flight, loopback only; empty: not served
	Version string // of the program

	Collectors string // folder of collectors beside the built-in ones; "": none

	Lab   bool   // only loopback and private sites, no politeness floors
	LabCA string // PEM file of extra roots; lab mode only
	// Polite keeps the politeness floors of the real web in a lab, scaled: so long
	// between two starts on a site. Lab mode only; 0 lets the floors fall away.
	Polite time.Duration
	// GeoIP is a file that tells the countries of addresses, see package geo; empty:
	// no node's country is known, and jobs cannot wish for one.
	GeoIP   string
	Contact string // where site owners can reach the operator; required outside lab mode

	EpochEvery time.Duration      // an epoch closes after so long; 0: only by hand
	SignGrace  time.Duration      // how long nodes may countersign once an epoch is closing
	Pool       ledger.MicroPoints // shared out per epoch
	Points     ledger.Params      // the rest of what epochs are computed with, from the next one on
	MinFree    uint64             // bytes of disk below which no router starts

	Settle SettleConfig

	Crawl  crawl.Config
	Fleet  fleet.Config
	Tunnel tunnel.Config
}

// DefaultConfig is for the real web.
func DefaultConfig() Config {
	return Config{
		Listen:  []string{"/ip4/0.0.0.0/tcp/4100", "/ip4/0.0.0.0/udp/4100/quic-v1"},
		API:     "127.0.0.1:4180",
		Version: "dev", EpochEvery: 24 * time.Hour, SignGrace: 10 * time.Second,
		Pool: ledger.DefaultParams().Pool, Points: ledger.DefaultParams(), MinFree: 256 << 20,
		Settle: SettleConfig{Config: settle.DefaultConfig(), Priority: 1000},
		Crawl:  crawl.DefaultConfig(), Fleet: fleet.DefaultConfig(), Tunnel: tunnel.DefaultConfig(),
	}
}

// LabConfig is for a closed lab on this machine: loopback ports chosen by the
// system, no politeness floors, and short intervals so that things can be seen
// to happen.
func LabConfig() Config {
	cfg := DefaultConfig()
	cfg.Lab = true
	cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
	cfg.API = "127.0.0.1:0"
	cfg.EpochEvery, cfg.SignGrace = 0, 3*time.Second
	cfg.Points.Window = 0 // nobody waits three days in a lab
	cfg.Crawl = crawl.LabConfig()
	cfg.Fleet.PingEvery, cfg.Fleet.SilentAfter, cfg.Fleet.ProposeEvery = 2*time.Second, 10*time.Second, time.Second
	cfg.Fleet.SiteCooldown = time.Second
	return cfg
}

// settle makes the parts agree with the whole.
func (c *Config) settle() {
	c.Fleet.Lab, c.Crawl.Lab = c.Lab, c.Lab
	c.Fleet.Version, c.Crawl.Version = c.Version, c.Version
	c.Fleet.Formula = ledger.Formula
	c.Crawl.Contact = c.Contact
	if c.Lab && c.Polite > 0 {
		c.Crawl.Polite(c.Polite)
	}
}
