// Package lab is a closed internet on one machine: a throw-away certificate
// authority, a DNS server, HTTPS sites with an access log that can be asked
// whether a crawler behaved, and two sites to crawl. GoDocs renders the Go
// toolchain's own documentation at run time, hundreds of pages of real prose;
// Small generates any number of pages whose truth (texts, duplicates, what is
// forbidden) is known.
//
// `fallow-router demo` and tests use it, in lab mode only. It listens on
// loopback addresses and nothing in it relaxes a rule of the real network.
// cmd folders, router/routertest and tests may import it; no other package.
package lab
