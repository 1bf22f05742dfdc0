package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/multiformats/go-multiaddr"
	"github.com/spf13/pflag"
	"golang.org/x/mod/semver"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/settle/memo"
)

// config is everything that serve is told: the router's own configuration and
// how to log.
type config struct {
	router.Config
	points    int64 // pool per epoch, in whole points
	siteCap   int64 // bytes
	scarcity  string
	logFormat string
	logLevel  string
	words     settleWords
}

// settleWords are settings of the settlement as they are written.
type settleWords struct{ mode, mint, rate string }

// defaultAPI is where a router's API listens unless it is told otherwise.
var defaultAPI = router.DefaultConfig().API

func newConfigDefaults(lab bool) *config {
	base := router.DefaultConfig
	if lab {
		base = router.LabConfig
	}
	c := &config{Config: base(), logFormat: "text", logLevel: "info"}
	c.points, c.siteCap = int64(c.Pool/ledger.Point), int64(c.Points.SiteCap)
	c.words = settleWords{mode: string(c.Settle.Mode), rate: c.Settle.Rate.String()}
	return c
}

// settings are the keys of the configuration, in the order of the file, each
// bound to its place in c. The names are those of the file; FALLOW_ and the
// name in capitals, with _ for the dot, is the variable.
func (c *config) settings() *pflag.FlagSet {
	set := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	set.SortFlags = false
	set.StringVar(&c.Dir, "data", c.Dir, "data directory: identity, database, crawl state, datasets; created if missing, one router at a time")
	set.StringVar(&c.Contact, "contact", c.Contact, "where site owners reach you, a URL or mailto: address; it goes into the user agent, and without it only lab mode starts")
	set.StringArrayVar(&c.Listen, "listen", c.Listen, "multiaddrs to answer nodes on: /tcp/PORT, /udp/PORT/quic-v1, and for networks that let only the web through /tcp/443/ws or, with a certificate, /tcp/443/tls/ws")
	set.StringVar(&c.ListenCert, "listen_cert", c.ListenCert, "PEM file with the certificate for /tls/ws; read again when it is renewed")
	set.StringVar(&c.ListenKey, "listen_key", c.ListenKey, "PEM file with its key")
	set.StringVar(&c.API, "api", c.API, "HOST:PORT of the HTTP API; this machine only until it has keys")
	set.StringVar(&c.Public, "public", c.Public, "HOST:PORT on which everybody may see the page for owners of sites (/crawler), and nothing else; empty: with the API alone")
	set.StringVar(&c.Flight, "flight", c.Flight, "HOST:PORT to serve datasets on over Arrow Flight; this machine only until there are keys; empty: not served")
	set.BoolVar(&c.Lab, "lab", c.Lab, "closed lab: only sites on this machine may be crawled, and politeness is off; useless against the real web")
	set.StringVar(&c.LabCA, "ca", c.LabCA, "PEM file of further certificate authorities for sites; lab mode only")

	set.DurationVar(&c.Polite, "polite", c.Polite, "lab mode only: keep the politeness floors of the real web, scaled to so long between two requests to a site; 0s: none")

	set.StringVar(&c.GeoIP, "geoip", c.GeoIP, "FILE that tells the countries of addresses: a MaxMind database (.mmdb), or a text with a network and a country a line; without it no job can wish for a country")

	set.DurationVar(&c.EpochEvery, "epoch.every", c.EpochEvery, "an epoch is closed after so long; 0s: only by hand, with fallow-router epoch close")
	set.Int64Var(&c.points, "epoch.pool_points", c.points, "points shared out per epoch, from the next epoch on")
	set.IntVar(&c.Points.Window, "epoch.challenge_hours", c.Points.Window, "hours in which a closed epoch can be challenged, before any of it is paid")
	set.Int64Var(&c.siteCap, "epoch.site_cap", c.siteCap, "bytes that one node is paid for from one site in an epoch; 0: all")
	set.StringVar(&c.scarcity, "epoch.scarcity", c.scarcity, "JSON file with the weights of countries: {\"version\":1,\"permille\":{\"BR\":1500}}; the version grows with every change")
	set.IntVar(&c.Points.Fee, "epoch.fee_permille", c.Points.Fee, "of each sale, what you keep; the rest is the nodes' royalties")
	set.DurationVar(&c.SignGrace, "epoch.sign_grace", c.SignGrace, "how long nodes may countersign once an epoch is closing")

	set.StringVar(&c.words.mode, "settle.mode", c.words.mode, "what goes on Solana for a closed epoch: off, commit (a memo with root, totals, file hash) or pay (the memo, and payouts)")
	set.StringArrayVar(&c.Settle.RPC, "settle.rpc", c.Settle.RPC, "URLs of Solana RPC endpoints; pay needs two of different operators, and believes only what they agree on")
	set.StringVar(&c.Settle.Key, "settle.key", c.Settle.Key, "the treasury's key file, as of solana-keygen; empty: treasury.json in the data directory")
	set.StringVar(&c.words.mint, "settle.mint", c.words.mint, "address of the classic SPL token that is paid in")
	set.StringVar(&c.words.rate, "settle.rate", c.words.rate, "what points are worth, BASE_UNITS/MICRO_POINTS; 1/1000 with 6 decimals: 1,000 points are one token")
	set.Int64Var((*int64)(&c.Settle.Threshold), "settle.threshold", int64(c.Settle.Threshold), "base units; less is not paid out to a node yet, and stays owed")
	set.Int64Var((*int64)(&c.Settle.AccountThreshold), "settle.account_threshold", int64(c.Settle.AccountThreshold), "base units; less is not paid to a node that has no account for the token, which costs about 0.002 SOL to open")
	set.Int64Var(&c.Settle.AccountBudget, "settle.account_budget", c.Settle.AccountBudget, "lamports one epoch may spend on opening accounts; 0: none are opened")
	set.Int64Var((*int64)(&c.Settle.SpendingCap), "settle.spending_cap", int64(c.Settle.SpendingCap), "base units one epoch may pay out at most; pay needs one")
	set.Uint64Var(&c.Settle.Priority, "settle.priority", c.Settle.Priority, "offered per compute unit beyond the base fee, in millionths of a lamport")
	set.IntVar(&c.Settle.MaxPayouts, "settle.max_payouts", c.Settle.MaxPayouts, "payouts per transaction at most; 0: as many as fit")
	set.DurationVar(&c.Settle.Patience, "settle.patience", c.Settle.Patience, "how long one transaction is waited for before it is left as unknown, to be looked at by the next run")

	set.IntVar(&c.Crawl.Workers, "crawl.workers", c.Crawl.Workers, "fetches at once, over all jobs")
	set.StringVar(&c.Collectors, "crawl.collectors", c.Collectors, "folder with collectors of your own, beside the built-in ones; see fallow-router collector")
	set.IntVar(&c.Crawl.ShardRows, "crawl.shard_rows", c.Crawl.ShardRows, "records that close a shard")
	set.Int64Var(&c.Crawl.ShardBytes, "crawl.shard_bytes", c.Crawl.ShardBytes, "bytes of text that close a shard; memory is a small multiple of it")
	set.DurationVar(&c.Crawl.ShardAge, "crawl.shard_age", c.Crawl.ShardAge, "age that closes a shard: how much work a crash can cost")

	set.IntVar(&c.Fleet.MaxNodes, "fleet.max_nodes", c.Fleet.MaxNodes, "nodes connected at once")
	set.DurationVar(&c.Fleet.ProposeEvery, "fleet.propose_every", c.Fleet.ProposeEvery, "receipts are proposed to nodes at least so often")

	set.StringVar(&c.Fleet.NewestAgent, "agent.newest_version", c.Fleet.NewestAgent, "newest release of fallow-node you know of; users of older ones are told, and nothing is installed by itself")
	set.StringVar(&c.Fleet.NewestInfo, "agent.newest_info", c.Fleet.NewestInfo, "https address where they read about it")

	set.StringVar(&c.logFormat, "log.format", c.logFormat, "text or json; logs go to standard error")
	set.StringVar(&c.logLevel, "log.level", c.logLevel, "debug, info, warn or error")
	return set
}

// maxPoints keeps the pool within what the ledger computes with.
const maxPoints = 1_000_000_000

// settle checks c and brings it into the form the router takes. Errors name
// the setting and what to do.
func (c *config) settle() error {
	c.API = strings.TrimSuffix(strings.TrimPrefix(c.API, "http://"), "/")
	if err := c.check(); err != nil {
		return usageError{err}
	}
	c.Version = version
	c.Pool = ledger.MicroPoints(c.points) * ledger.Point
	c.Points.SiteCap = uint64(c.siteCap)
	if err := c.readScarcity(); err != nil {
		return usageError{err}
	}
	if err := c.Points.Validate(); err != nil {
		return usageError{fmt.Errorf("epoch settings: %w", err)}
	}
	return c.settleSettings()
}

// settleSettings reads the settings of the settlement that are not plain values.
func (c *config) settleSettings() (err error) {
	c.Settle.Mode = settle.Mode(c.words.mode)
	if c.Settle.Rate, err = memo.ParseRate(c.words.rate); err != nil {
		return usageError{fmt.Errorf("settle.rate: %w", err)}
	}
	if c.words.mint != "" {
		if c.Settle.Mint, err = wire.ParseKey(c.words.mint); err != nil {
			return usageError{fmt.Errorf("settle.mint is %.60q, must be the address of a token: %w", c.words.mint, err)}
		}
	}
	if err := c.Settle.Validate(); err != nil {
		return usageError{err}
	}
	return nil
}

// maxScarcityFile bounds the table of weights, in bytes.
const maxScarcityFile = 64 << 10

func (c *config) readScarcity() error {
	if c.scarcity == "" {
		return nil
	}
	raw, err := os.ReadFile(c.scarcity)
	if err != nil {
		return fmt.Errorf("epoch.scarcity: %w", err)
	}
	if len(raw) > maxScarcityFile {
		return fmt.Errorf("epoch.scarcity: %s has more than %d bytes", c.scarcity, maxScarcityFile)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c.Points.Scarce); err != nil {
		return fmt.Errorf("epoch.scarcity: %s: %w", c.scarcity, err)
	}
	return nil
}

func (c *config) check() error {
	switch {
	case c.Dir == "":
		return fmt.Errorf("no data directory: name one with --data DIR, FALLOW_DATA or data in the config file")
	case c.Contact == "" && !c.Lab:
		return fmt.Errorf("no contact: site owners must be able to reach whoever crawls them; " +
			"give --contact URL (or mailto:ADDRESS), or --lab to try things out on this machine")
	case c.LabCA != "" && !c.Lab:
		return fmt.Errorf("--ca is for lab mode only: add --lab or leave it out")
	case c.Polite != 0 && !c.Lab:
		return fmt.Errorf("--polite scales politeness down for lab mode: add --lab or leave it out; the real web has its floors always")
	case c.Polite < 0:
		return fmt.Errorf("polite cannot be negative")
	case c.points < 0 || c.points > maxPoints:
		return fmt.Errorf("epoch.pool_points is %d, may be 0 to %d", c.points, int64(maxPoints))
	case c.siteCap < 0:
		return fmt.Errorf("epoch.site_cap cannot be negative; 0 is no cap")
	case c.EpochEvery < 0 || c.SignGrace < 0:
		return fmt.Errorf("epoch.every and epoch.sign_grace cannot be negative")
	case c.EpochEvery > 0 && c.EpochEvery < time.Second:
		return fmt.Errorf("epoch.every is %s, must be 0 or at least 1s", c.EpochEvery)
	case c.Crawl.Workers < 1 || c.Crawl.ShardRows < 1 || c.Crawl.ShardBytes < 1 || c.Crawl.ShardAge <= 0:
		return fmt.Errorf("crawl.workers, shard_rows, shard_bytes and shard_age must be above 0")
	case c.Fleet.MaxNodes < 1 || c.Fleet.ProposeEvery <= 0:
		return fmt.Errorf("fleet.max_nodes and fleet.propose_every must be above 0")
	case c.Fleet.NewestAgent != "" && !semver.IsValid("v"+strings.TrimPrefix(c.Fleet.NewestAgent, "v")):
		return fmt.Errorf("agent.newest_version is %q, must be a release such as 0.4.1", c.Fleet.NewestAgent)
	case c.Fleet.NewestInfo != "" && !strings.HasPrefix(c.Fleet.NewestInfo, "https://"):
		return fmt.Errorf("agent.newest_info is %q, must be an https address", c.Fleet.NewestInfo)
	case c.logFormat != "text" && c.logFormat != "json":
		return fmt.Errorf("log.format is %q, must be text or json", c.logFormat)
	}
	if _, err := c.level(); err != nil {
		return err
	}
	return c.checkAddresses()
}

func (c *config) checkAddresses() error {
	if (c.ListenCert == "") != (c.ListenKey == "") {
		return fmt.Errorf("listen_cert and listen_key belong together: give both, or neither")
	}
	if len(c.Listen) == 0 {
		return fmt.Errorf("no address to answer nodes on: give --listen, such as /ip4/0.0.0.0/tcp/4100")
	}
	for _, a := range c.Listen {
		if _, err := multiaddr.NewMultiaddr(a); err != nil {
			return fmt.Errorf("listen: %q is not a multiaddr such as /ip4/0.0.0.0/tcp/4100: %w", a, err)
		}
		if strings.Contains(a+"/", "/tls/") && c.ListenCert == "" {
			return fmt.Errorf("listen: %s needs a certificate: give listen_cert and listen_key, or /ws behind a proxy that has one", a)
		}
	}
	if c.LabCA != "" {
		if _, err := os.ReadFile(c.LabCA); err != nil {
			return fmt.Errorf("--ca cannot be read: %w: give the PEM file of the lab's certificate authority", err)
		}
	}
	if c.Flight != "" {
		if err := api.CheckListen(c.Flight); err != nil {
			return fmt.Errorf("flight: %w", err)
		}
	}
	return api.CheckListen(c.API)
}

func (c *config) level() (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.logLevel)); err != nil {
		return 0, fmt.Errorf("log.level is %q, must be debug, info, warn or error", c.logLevel)
	}
	return level, nil
}
