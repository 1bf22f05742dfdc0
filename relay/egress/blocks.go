package egress

import "net/netip"

// Block is a range of addresses that a node never dials, with the document that
// says what it is for.
type Block struct {
	Prefix netip.Prefix
	Name   string
	Source string // an RFC, or who documents it when no RFC does
}

// Blocks are all special ranges, IPv4 first. The slice is the caller's own.
func Blocks() []Block {
	all := make([]Block, 0, len(blocks4)+len(blocks6))
	return append(append(all, blocks4...), blocks6...)
}

func block(prefix, name, source string) Block {
	return Block{netip.MustParsePrefix(prefix), name, source}
}

// blocks4 is the IANA IPv4 Special-Purpose Address Registry, entries that lie
// whole inside another left in where their name says more; then multicast, and
// the one cloud metadata address that is not in any special range. The most
// specific entry names a refusal. Everything outside the table is unicast space
// that IANA has handed out.
var blocks4 = []Block{
	block("0.0.0.0/8", "this network", "RFC 791"),
	block("0.0.0.0/32", "this host on this network", "RFC 1122"),
	block("10.0.0.0/8", "private use", "RFC 1918"),
	block("100.64.0.0/10", "shared address space", "RFC 6598"),
	block("100.100.100.200/32", "cloud metadata", "Alibaba Cloud"),
	block("127.0.0.0/8", "loopback", "RFC 1122"),
	block("169.254.0.0/16", "link local", "RFC 3927"),
	block("169.254.169.254/32", "cloud metadata", "AWS, Azure, Google Cloud and others"),
	block("172.16.0.0/12", "private use", "RFC 1918"),
	block("192.0.0.0/24", "IETF protocol assignments", "RFC 6890"),
	block("192.0.0.0/29", "IPv4 service continuity", "RFC 7335"),
	block("192.0.0.8/32", "IPv4 dummy address", "RFC 7600"),
	block("192.0.0.9/32", "port control protocol anycast", "RFC 7723"),
	block("192.0.0.10/32", "TURN anycast", "RFC 8155"),
	block("192.0.0.170/31", "NAT64/DNS64 discovery", "RFC 8880"),
	block("192.0.0.192/32", "cloud metadata", "Oracle Cloud"),
	block("192.0.2.0/24", "documentation (TEST-NET-1)", "RFC 5737"),
	block("192.31.196.0/24", "AS112-v4", "RFC 7535"),
	block("192.52.193.0/24", "automatic multicast tunnelling", "RFC 7450"),
	block("192.88.99.0/24", "deprecated 6to4 relay anycast", "RFC 7526"),
	block("192.168.0.0/16", "private use", "RFC 1918"),
	block("192.175.48.0/24", "direct delegation AS112", "RFC 7534"),
	block("198.18.0.0/15", "benchmarking", "RFC 2544"),
	block("198.51.100.0/24", "documentation (TEST-NET-2)", "RFC 5737"),
	block("203.0.113.0/24", "documentation (TEST-NET-3)", "RFC 5737"),
	block("240.0.0.0/4", "reserved", "RFC 1112"),
	block("255.255.255.255/32", "limited broadcast", "RFC 8190"),

	block("224.0.0.0/4", "multicast", "RFC 5771"),
	block("168.63.129.16/32", "cloud metadata", "Azure wire server"),
}

// globalUnicast6 is the only IPv6 space from which IANA delegates; everything
// else is refused whether or not a table names it.
var globalUnicast6 = netip.MustParsePrefix("2000::/3")

// blocks6 is the IANA IPv6 Special-Purpose Address Registry with the retired
// ranges that old software still routes. The entries outside 2000::/3 are here
// so that a refusal can name them.
var blocks6 = []Block{
	block("::/128", "unspecified", "RFC 4291"),
	block("::1/128", "loopback", "RFC 4291"),
	block("::/96", "deprecated IPv4-compatible", "RFC 4291"),
	block("::ffff:0:0/96", "IPv4-mapped", "RFC 4291"),
	block("::ffff:0:0:0/96", "IPv4-translated", "RFC 2765"),
	block("64:ff9b::/96", "NAT64", "RFC 6052"),
	block("64:ff9b:1::/48", "local-use NAT64", "RFC 8215"),
	block("100::/64", "discard only", "RFC 6666"),
	block("100:0:0:1::/64", "dummy prefix", "RFC 9780"),
	block("5f00::/16", "segment routing SIDs", "RFC 9602"),
	block("fc00::/7", "unique local", "RFC 4193"),
	block("fd00:ec2::254/128", "cloud metadata", "AWS"),
	block("fd20:ce::254/128", "cloud metadata", "Google Cloud"),
	block("fe80::/10", "link local", "RFC 4291"),
	block("fec0::/10", "deprecated site local", "RFC 3879"),
	block("ff00::/8", "multicast", "RFC 4291"),

	block("2001::/23", "IETF protocol assignments", "RFC 2928"),
	block("2001::/32", "Teredo", "RFC 4380"),
	block("2001:1::1/128", "port control protocol anycast", "RFC 7723"),
	block("2001:1::2/128", "TURN anycast", "RFC 8155"),
	block("2001:1::3/128", "DNS-SD registration anycast", "RFC 9665"),
	block("2001:2::/48", "benchmarking", "RFC 5180"),
	block("2001:3::/32", "automatic multicast tunnelling", "RFC 7450"),
	block("2001:4:112::/48", "AS112-v6", "RFC 7535"),
	block("2001:10::/28", "deprecated ORCHID", "RFC 4843"),
	block("2001:20::/28", "ORCHIDv2", "RFC 7343"),
	block("2001:30::/28", "drone remote identification", "RFC 9374"),
	block("2001:db8::/32", "documentation", "RFC 3849"),
	block("2002::/16", "6to4", "RFC 3056"),
	block("2620:4f:8000::/48", "direct delegation AS112", "RFC 7534"),
	block("3ffe::/16", "returned 6bone", "RFC 3701"),
	block("3fff::/20", "documentation", "RFC 9637"),
}

// labBlocks are the only ranges a node in lab mode may dial.
var labBlocks = []Block{
	block("127.0.0.0/8", "loopback", "RFC 1122"),
	block("10.0.0.0/8", "private use", "RFC 1918"),
	block("172.16.0.0/12", "private use", "RFC 1918"),
	block("192.168.0.0/16", "private use", "RFC 1918"),
	block("::1/128", "loopback", "RFC 4291"),
	block("fc00::/7", "unique local", "RFC 4193"),
}

// find is the most specific block of table that holds addr.
func find(table []Block, addr netip.Addr) (Block, bool) {
	var best Block
	found := false
	for _, b := range table {
		if b.Prefix.Contains(addr) && (!found || b.Prefix.Bits() > best.Prefix.Bits()) {
			best, found = b, true
		}
	}
	return best, found
}
