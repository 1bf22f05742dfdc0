package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Formula is the number of the formula this package computes. A change that
// could alter one amount gets a new number.
const Formula = 1

// Bounds on parameters and inputs. Within them no sum overflows: a node's
// weight stays below 2^89 and all weights of an epoch together below 2^128.
const (
	permille             = 1000
	maxScarcity          = 10 * permille // ten times the weight
	maxPool              = 1_000_000_000 * Point
	MaxSalesSum          = 1 << 60              // base units sold in one epoch
	maxChallenge         = 90 * 24              // hours
	MaxPrice             = 1 << 50              // base units of one order
	maxSiteCap           = 1 << 62              // bytes
	maxNodes             = 16 << 20             // nodes with a statement in one epoch
	maxLineBytes         = 1 << 62              // bytes one node is paid for in one epoch
	maxReasons           = 16                   // reason codes behind one standing
	MaxPresence          = 32                   // clumps one node is listed under in one epoch
	MaxSites             = 4096                 // sites above their cap listed for one node
	MaxSales             = 4096                 // dataset versions sold in one epoch
	MaxCorrectionsListed = 10_000               // in one epoch
	MaxDecisions         = 10_000               // published in one epoch
	MaxNotes             = 10_000               // published in one epoch
	correctionShare      = permille / 2         // most of a pool that corrections take
	maxSlack             = 10 * time.Minute     // by which the running time may exceed the wall clock without a note
	maxHead              = 64 << 20             // bytes of a file's head
	maxStatement         = 1 << 20              // bytes of a statement
	MaxFileBytes         = int64(maxNodes) << 9 // bytes of an epoch file: 8 GiB, 512 for each of the most statements
)

// ErrParams is wrapped by every error about parameters.
var ErrParams = errors.New("invalid epoch parameters")

// Params are the numbers an epoch is computed with. They are fixed when the
// epoch opens and published in its file.
type Params struct {
	Formula int         `json:"formula"`                // which formula; only 1 exists
	Pool    MicroPoints `json:"pool,string"`            // shared out per epoch; default 1,000,000 points
	Carried int         `json:"carriage_permille"`      // part of the pool for bytes carried, the rest is for being online; default 800
	NodeCap int         `json:"node_cap_permille"`      // most of the carriage part one node can get; default 1000, no cap
	SiteCap uint64      `json:"site_cap_bytes,string"`  // of one node's bytes from one site, so many are paid; 0: all; default 1 GiB
	Scarce  Scarcity    `json:"scarcity"`               // weight of a country
	Window  int         `json:"challenge_hours"`        // from an epoch's end to its settlement; default 72
	Fee     int         `json:"fee_permille"`           // of each sale, what the operator keeps; default 200
	Token   wire.Key    `json:"royalty_token,omitzero"` // the SPL mint of all money in the books; zero while nothing is sold
}

// Scarcity is the table of weights of countries. Each table has a number of its
// own, which grows with every change, so that two epochs can be told to have
// had the same one.
type Scarcity struct {
	Version  int            `json:"version"`            // 0: the empty table
	Permille map[string]int `json:"permille,omitempty"` // by ISO 3166-1 alpha-2; one not listed has 1000
}

// DefaultParams are the parameters of a router that is not told otherwise.
func DefaultParams() Params {
	return Params{
		Formula: Formula, Pool: 1_000_000 * Point, Carried: 800, NodeCap: permille, SiteCap: 1 << 30,
		Window: 72, Fee: 200,
	}
}

// Validate names the first parameter out of bounds; the error wraps ErrParams.
func (p Params) Validate() error {
	between := func(name string, v, low, high int) error {
		if v < low || v > high {
			return fmt.Errorf("%w: %s is %d, may be %d to %d", ErrParams, name, v, low, high)
		}
		return nil
	}
	switch {
	case p.Formula != Formula:
		return fmt.Errorf("%w: formula %d is not known here, only %d is", ErrParams, p.Formula, Formula)
	case p.Pool < 0 || p.Pool > maxPool:
		return fmt.Errorf("%w: pool of %s points, may be 0 to %s", ErrParams, p.Pool, maxPool)
	case p.SiteCap > maxSiteCap:
		return fmt.Errorf("%w: site cap of %d bytes, may be 0 to %d", ErrParams, p.SiteCap, uint64(maxSiteCap))
	}
	return errors.Join(
		between("carriage permille", p.Carried, 0, permille), between("node cap permille", p.NodeCap, 1, permille),
		between("challenge window in hours", p.Window, 0, maxChallenge), between("fee permille", p.Fee, 0, permille),
		p.Scarce.validate())
}

func (s Scarcity) validate() error {
	if s.Version < 0 || s.Version == 0 && len(s.Permille) > 0 {
		return fmt.Errorf("%w: a scarcity table needs a version from 1 on, it has %d", ErrParams, s.Version)
	}
	for _, country := range slices.Sorted(maps.Keys(s.Permille)) {
		if w := s.Permille[country]; !isCountry(country) || w < 1 || w > maxScarcity {
			return fmt.Errorf("%w: scarcity of %.8q is %d permille, may be 1 to %d for a two-letter code", ErrParams, country, w, maxScarcity)
		}
	}
	return nil
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// Scarcity is the weight of a country in permille; "" is a country not known.
func (p Params) Scarcity(country string) int {
	if w, ok := p.Scarce.Permille[country]; ok {
		return w
	}
	return permille
}

// split is the pool's two parts, once corrections are taken out; the three
// together are the pool.
func (p Params) split(corrections MicroPoints) (carriage, availability MicroPoints) {
	rest := p.Pool - corrections
	carriage = partOf(rest, p.Carried)
	return carriage, rest - carriage
}

// partOf is the whole part of pool*permilles/1000. maxPool keeps the product
// far below 2^63.
func partOf(pool MicroPoints, permilles int) MicroPoints {
	return pool * MicroPoints(permilles) / permille
}

// MaxCorrections is the most of an epoch's pool that corrections of earlier
// epochs can take.
func (p Params) MaxCorrections() MicroPoints { return partOf(p.Pool, correctionShare) }
