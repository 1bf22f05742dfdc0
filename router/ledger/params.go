package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Formula is the number of the formula this package computes. A change that
// could alter one amount gets a new number.
const Formula = 1

// Bounds on parameters and inputs. Within them no sum overflows: a node's
// weight stays below 2^89 and all weights of an epoch together below 2^128.
const (
	permille    = 1000
	maxScarcity = 10 * permille // ten times the weight
	maxPool     = 1_000_000_000 * Point
	maxNodes    = 16 << 20 // nodes with a line in one epoch
	maxReasons  = 16       // reason codes behind one standing
	maxClump    = 128      // bytes of a clump's keyed hash
)

// ErrParams is wrapped by every error about parameters.
var ErrParams = errors.New("invalid epoch parameters")

// Params are the numbers an epoch is computed with. They are fixed when the
// epoch opens and published in its file.
type Params struct {
	Formula int            `json:"formula"`                     // which formula; only 1 exists
	Pool    MicroPoints    `json:"pool,string"`                 // shared out per epoch; default 1,000,000 points
	Carried int            `json:"carriage_permille"`           // part of the pool for bytes carried, the rest is for being online; default 800
	NodeCap int            `json:"node_cap_permille"`           // most of the carriage part one node can get; default 1000, no cap
	Scarce  map[string]int `json:"scarcity_permille,omitempty"` // weight of a country (ISO 3166-1 alpha-2); one not listed has 1000
}

// DefaultParams are the parameters of a router that is not told otherwise.
func DefaultParams() Params {
	return Params{Formula: Formula, Pool: 1_000_000 * Point, Carried: 800, NodeCap: permille}
}

// Validate names the first parameter out of bounds; the error wraps ErrParams.
func (p Params) Validate() error {
	switch {
	case p.Formula != Formula:
		return fmt.Errorf("%w: formula %d is not known here, only %d is", ErrParams, p.Formula, Formula)
	case p.Pool < 0 || p.Pool > maxPool:
		return fmt.Errorf("%w: pool of %s points, may be 0 to %s", ErrParams, p.Pool, maxPool)
	case p.Carried < 0 || p.Carried > permille:
		return fmt.Errorf("%w: carriage of %d permille, may be 0 to %d", ErrParams, p.Carried, permille)
	case p.NodeCap < 1 || p.NodeCap > permille:
		return fmt.Errorf("%w: node cap of %d permille, may be 1 to %d", ErrParams, p.NodeCap, permille)
	}
	for _, country := range slices.Sorted(maps.Keys(p.Scarce)) {
		if w := p.Scarce[country]; !isCountry(country) || w < 1 || w > maxScarcity {
			return fmt.Errorf("%w: scarcity of %.8q is %d permille, may be 1 to %d for a two-letter code", ErrParams, country, w, maxScarcity)
		}
	}
	return nil
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// scarcity is the weight of a country in permille; "" is a country not known.
func (p Params) scarcity(country string) int {
	if w, ok := p.Scarce[country]; ok {
		return w
	}
	return permille
}

// split is the pool's two parts; their sum is the pool.
func (p Params) split() (carriage, availability MicroPoints) {
	carriage = partOf(p.Pool, p.Carried)
	return carriage, p.Pool - carriage
}

// partOf is the whole part of pool*permilles/1000. maxPool keeps the product
// far below 2^63.
func partOf(pool MicroPoints, permilles int) MicroPoints {
	return pool * MicroPoints(permilles) / permille
}
