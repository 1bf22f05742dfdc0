// Package geo tells the country of an address from a file the operator gives: a
// MaxMind database (GeoLite2-Country, DB-IP and their like, .mmdb), or a text table
// of networks, which is what labs use. It asks nobody over the network, and it is
// the only importer of the database's reader. router/fleet is told countries through
// its Config; the router's commands open the file.
package geo

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Bounds of a table.
const (
	maxLines = 1_000_000
	maxLine  = 256 // bytes
)

// Countries tells the country of an address. It is safe for concurrent use.
type Countries struct {
	db    *maxminddb.Reader
	table []network // longest prefix first
}

type network struct {
	prefix  netip.Prefix
	country string
}

// Open reads the file at path: a database if its name ends in .mmdb, else a table
// with a network and a country on each line, such as "192.0.2.0/24 DE"; of several
// networks that hold an address the smallest counts.
func Open(path string) (*Countries, error) {
	if strings.HasSuffix(path, ".mmdb") {
		db, err := maxminddb.Open(path)
		if err != nil {
			return nil, fmt.Errorf("open GeoIP database %s: %w", path, err)
		}
		return &Countries{db: db}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open table of countries: %w", err)
	}
	defer func() { _ = f.Close() }()
	c, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("read table of countries %s: %w", path, err)
	}
	return c, nil
}

// Read reads a table.
func Read(in io.Reader) (*Countries, error) {
	c := new(Countries)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(strings.SplitN(lines.Text(), "#", 2)[0])
		if len(fields) == 0 {
			continue
		}
		if n > maxLines {
			return nil, fmt.Errorf("more than %d lines", maxLines)
		}
		if len(fields) != 2 || !isCountry(fields[1]) {
			return nil, fmt.Errorf("line %d is not a network and a country such as 192.0.2.0/24 DE", n)
		}
		prefix, err := netip.ParsePrefix(fields[0])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		c.table = append(c.table, network{prefix.Masked(), fields[1]})
	}
	slices.SortStableFunc(c.table, func(a, b network) int { return cmp.Compare(b.prefix.Bits(), a.prefix.Bits()) })
	return c, lines.Err()
}

// Of is the ISO 3166-1 alpha-2 country of an address, empty while it is not known.
func (c *Countries) Of(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if c.db == nil {
		for _, n := range c.table {
			if n.prefix.Contains(addr) {
				return n.country
			}
		}
		return ""
	}
	for _, where := range []string{"country", "registered_country"} {
		var code string
		if err := c.db.Lookup(addr).DecodePath(&code, where, "iso_code"); err == nil && isCountry(code) {
			return code
		}
	}
	return ""
}

// Close lets go of the file. Of must not be called afterwards.
func (c *Countries) Close() error {
	if c.db == nil {
		return nil
	}
	return errors.Join(c.db.Close())
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}
