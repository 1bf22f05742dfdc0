package egress

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/fallow-network/fallow/relay/wire"
)

// maxHead is the most a request head may have, in bytes, its empty line
// included.
const maxHead = 16 << 10

// CheckHead judges one HTTP/1.1 request head, the empty line at its end
// included, that is to go to host and port. Every error is a *Refusal. It takes
// one reading of the bytes only, so that no server can take another: GET or
// HEAD in origin form, one Host, no body, no upgrade, no folding, no bare CR or
// LF, no space around names.
func CheckHead(head []byte, host string, port uint16) error {
	lines := strings.Split(string(head), "\r\n")
	if n := len(lines); n < 3 || lines[n-1] != "" || lines[n-2] != "" {
		return refuse(wire.HTTPMalformed, "the head does not end in an empty line")
	}
	if err := checkRequestLine(lines[0]); err != nil {
		return err
	}
	hosts := 0
	for _, line := range lines[1 : len(lines)-2] {
		name, value, err := field(line)
		if err != nil {
			return err
		}
		if name == "host" {
			hosts++
		}
		if err := checkField(name, value, host, port); err != nil {
			return err
		}
	}
	if hosts != 1 {
		return refuse(wire.HTTPHost, "%d Host fields, want 1", hosts)
	}
	return nil
}

func checkRequestLine(line string) error {
	method, rest, _ := strings.Cut(line, " ")
	target, version, ok := strings.Cut(rest, " ")
	switch {
	case !ok || !isToken(method):
		return refuse(wire.HTTPMalformed, "the request line is not a method, a target and a version")
	case method != "GET" && method != "HEAD":
		return refuse(wire.HTTPMethod, "method %s, only GET and HEAD", method)
	case version != "HTTP/1.1":
		return refuse(wire.HTTPMalformed, "version %q, only HTTP/1.1", version)
	case !strings.HasPrefix(target, "/"):
		return refuse(wire.HTTPMalformed, "the target is not a path")
	}
	for _, c := range []byte(target) {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return refuse(wire.HTTPMalformed, "byte %#x in the target", c)
		}
	}
	return nil
}

// field splits a header line; the name comes back in lower case.
func field(line string) (name, value string, err error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !isToken(name) {
		return "", "", refuse(wire.HTTPMalformed, "a header line without a plain name")
	}
	for _, c := range []byte(value) {
		if (c < ' ' && c != '\t') || c == 0x7f {
			return "", "", refuse(wire.HTTPMalformed, "byte %#x in the value of %s", c, name)
		}
	}
	return strings.ToLower(name), strings.Trim(value, " \t"), nil
}

func checkField(name, value, host string, port uint16) error {
	switch name {
	case "host":
		bare, own := strings.CutSuffix(value, ":"+strconv.Itoa(int(port)))
		if !equalHost(bare, host) {
			return refuse(wire.HTTPHost, "Host is %q, the lease is for %s port %d", value, host, port)
		}
		if !own && port != 80 {
			return refuse(wire.HTTPHost, "Host %q leaves out port %d", value, port)
		}
	case "content-length":
		if value != "0" {
			return refuse(wire.HTTPMalformed, "a request with a body of %q bytes", value)
		}
	case "transfer-encoding", "trailer", "expect":
		return refuse(wire.HTTPMalformed, "%s announces a body", name)
	case "upgrade", "http2-settings":
		return refuse(wire.HTTPMalformed, "%s would change the protocol", name)
	}
	return nil
}

// isToken is RFC 9110 §5.6.2.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
