package router

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// AddressesFile is the name of the file in the data directory by which other
// commands find a running router.
const AddressesFile = "addresses.json"

// Addresses is what DIR/addresses.json holds while a router runs.
type Addresses struct {
	Node []string `json:"node"` // multiaddrs with the router's peer id, for fallow-node run --router
	API  string   `json:"api"`  // base URL

	Flight string `json:"flight,omitempty"` // host:port of Arrow Flight, where it is served
}

// prepareDir makes the data directory and refuses a disk that is as good as
// full: a router that cannot write loses its work to crashes.
func prepareDir(dir string, minFree uint64) error {
	if dir == "" {
		return errors.New("no data directory: name one with --data")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	free, ok := freeSpace(dir)
	if ok && free < minFree {
		return fmt.Errorf("the disk of %s has %d MiB free, at least %d are needed: free some space or choose another --data",
			dir, free>>20, minFree>>20)
	}
	return nil
}

// NodeAddresses are the multiaddrs nodes are given, each with the router's
// peer id, which pins its key. TCP comes first.
func (r *Router) NodeAddresses() []string {
	var tcp, rest []string
	for _, a := range r.host.Addrs() {
		full := fmt.Sprintf("%s/p2p/%s", a, r.host.ID())
		if strings.Contains(full, "/tcp/") {
			tcp = append(tcp, full)
		} else {
			rest = append(rest, full)
		}
	}
	return append(tcp, rest...)
}

// ListenAddresses are the multiaddrs the router answers nodes on.
func (r *Router) ListenAddresses() []string {
	var list []string
	for _, a := range r.host.Addrs() {
		list = append(list, a.String())
	}
	return list
}

// FlightAddress is host:port of Arrow Flight, or "" if it is not served.
func (r *Router) FlightAddress() string {
	if r.flight == nil {
		return ""
	}
	return r.flight.Addr().String()
}

// APIAddress is the base URL of the HTTP API.
func (r *Router) APIAddress() string { return "http://" + r.api.Addr() }

// PublicAddress is where everybody may see the page for owners of sites; "" if
// only the API serves it.
func (r *Router) PublicAddress() string {
	if addr := r.api.PublicAddr(); addr != "" {
		return "http://" + addr + "/crawler"
	}
	return ""
}

func (r *Router) writeAddresses() error {
	raw, err := json.MarshalIndent(Addresses{Node: r.NodeAddresses(), API: r.APIAddress(), Flight: r.FlightAddress()}, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(r.cfg.Dir, AddressesFile)
	if err := os.WriteFile(path+".tmp", append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	return nil
}

func (r *Router) removeAddresses() error {
	err := os.Remove(filepath.Join(r.cfg.Dir, AddressesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
