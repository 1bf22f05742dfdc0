package egress

import (
	"context"
	"net"
	"net/netip"

	"golang.org/x/time/rate"
)

// Connect dials an address without the checks before it, to test the last one.
func (e *Egress) Connect(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	return e.connect(ctx, a)
}

// LabAddress, Embedded, Embedded6052, TranslatorsOf and CheckName are parts
// whose every case is a table of its own.
var (
	LabAddress    = labAddress
	Embedded      = embedded
	Embedded6052  = embedded6052
	TranslatorsOf = translatorsOf
	CheckName     = checkName
)

// Resolve asks the given DNS server also outside the lab.
func (e *Egress) Resolve(ctx context.Context, server netip.AddrPort, host string) ([]netip.Addr, error) {
	e.resolver = newResolver(server)
	return e.resolve(ctx, host, e.keepTranslators(ctx))
}

// Paces are what SetRate sets.
func (e *Egress) Paces() (up, down *rate.Limiter) { return e.up, e.down }
