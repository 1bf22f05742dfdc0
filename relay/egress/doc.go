// Package egress is the one place where a node talks to the web: it resolves a
// lease's host, decides whether an address may be dialled at all, dials exactly
// the address it checked, lets only a ClientHello or plain GET and HEAD requests
// for that host out, and carries bytes both ways within the lease.
//
// Everything here is default-deny, because what goes wrong here lets a stranger
// into somebody's home network. The order of checks for one tunnel is: bounds of
// the node and the site, name, port, every resolved address, the address again
// at the moment of connecting, then the shape of each byte the router sends up.
//
// It is not the place for leases, consent or the user's rules: the node checks
// those before it comes here. Only package relay, its commands and tests import
// it.
package egress
