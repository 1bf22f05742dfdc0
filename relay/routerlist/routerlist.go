// Package routerlist keeps the routers a user has chosen in one file of the data
// directory: home first, the others failover, each address with the key pinned
// behind /p2p/.
//
// It dials nothing and does not decide who is tried when; package relay does.
package routerlist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/fallow-network/fallow/relay/durable"
	"github.com/fallow-network/fallow/relay/uplink"
)

// FileName is the name of the file within a data directory.
const FileName = "routers.json"

// maxFile bounds what is read, in bytes: 8 routers with 16 addresses each.
const maxFile = 64 << 10

const version = 1

// Errors of this package; Add's may also wrap uplink.ErrAddress.
var (
	ErrFile    = errors.New("list of routers cannot be used")
	ErrKnown   = errors.New("address is on the list already")
	ErrUnknown = errors.New("no such router on the list")
)

type file struct {
	Version int      `json:"version"`
	Routers []string `json:"routers"` // addresses, in the order they are to be tried
}

// Load gives the addresses in dir, none if there is no file. The error wraps
// ErrFile when the file is not as Save wrote it; it is never touched then.
func Load(dir string) ([]string, error) {
	path := filepath.Join(dir, FileName)
	text, err := durable.ReadFile(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil && !errors.Is(err, durable.ErrLarge) {
		return nil, fmt.Errorf("read routers: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w; move it away and add the routers again", ErrFile, err)
	}
	addresses, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; mend it, or move it away and add the routers again", path, err)
	}
	return addresses, nil
}

func parse(text []byte) ([]string, error) {
	var f file
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if f.Version != version {
		return nil, fmt.Errorf("%w: version %d, want %d", ErrFile, f.Version, version)
	}
	if _, err := uplink.ParseRouters(f.Routers); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return f.Routers, nil
}

// Save replaces the list in dir, which is made with mode 0700 if needed. Not for
// concurrent use; of two programs the last wins, and the file is always whole.
func Save(dir string, addresses []string) error {
	if _, err := uplink.ParseRouters(addresses); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	text, err := json.MarshalIndent(file{version, append([]string{}, addresses...)}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode routers: %w", err)
	}
	return durable.WriteFile(filepath.Join(dir, FileName), append(text, '\n'))
}

// Add is addresses with one more, at the end or, for a new home, at the beginning
// together with all others of that router. Errors wrap ErrKnown or
// uplink.ErrAddress.
func Add(addresses []string, address string, home bool) ([]string, error) {
	added, err := uplink.ParseRouters([]string{address})
	if err != nil {
		return nil, err
	}
	if slices.Contains(addresses, address) && !home {
		return nil, fmt.Errorf("%w: %s", ErrKnown, address)
	}
	out := slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return a == address })
	if home {
		same := func(a string) bool { return has(a, added[0].Key.String()) }
		rest := slices.DeleteFunc(slices.Clone(out), same)
		mine := slices.DeleteFunc(out, func(a string) bool { return !same(a) })
		out = slices.Concat([]string{address}, mine, rest)
	} else {
		out = append(out, address)
	}
	if _, err := uplink.ParseRouters(out); err != nil {
		return nil, err
	}
	return out, nil
}

// Remove is addresses without which: one address, or a router's key in either
// spelling, which takes all addresses of it. The error wraps ErrUnknown.
func Remove(addresses []string, which string) ([]string, error) {
	out := slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return a == which || has(a, which) })
	if len(out) == len(addresses) {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, which)
	}
	return out, nil
}

// has reports whether address is of the router with the given key.
func has(address, key string) bool {
	r, err := uplink.ParseRouters([]string{address})
	return err == nil && (r[0].Key.String() == key || r[0].Key.PeerID().String() == key)
}
