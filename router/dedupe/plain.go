package dedupe

import (
	"strconv"
	"strings"
)

// plain recognises a URL that is canonical as it stands, so that it need not be
// parsed, and splits it. Most links of a crawl are, and parsing costs ten times as
// much as all else here. It says no whenever in doubt: then the parser decides.
func plain(raw string) (scheme, host, port, rest string, ok bool) {
	scheme, after, ok := strings.Cut(raw, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return "", "", "", "", false
	}
	slash := strings.IndexByte(after, '/')
	if slash < 0 {
		return "", "", "", "", false
	}
	host, rest = after[:slash], after[slash:]
	host, port, hasPort := strings.Cut(host, ":")
	path, query, hasQuery := strings.Cut(rest, "?")
	switch {
	case !plainHost(host), hasPort && !plainPort(scheme, port), !only(path, pathByte), strings.Contains(path, "/."):
		return "", "", "", "", false
	case hasQuery && (query == "" || !only(query, queryByte) || dropParams(query) != query):
		return "", "", "", "", false
	}
	return scheme, host, port, rest, true
}

// plainHost leaves to the parser what might be an address or an encoded name.
func plainHost(host string) bool {
	if !only(host, hostByte) || strings.Contains(host, "--") || !validName(host) {
		return false
	}
	top := host[strings.LastIndexByte(host, '.')+1:]
	return only(top, func(c byte) bool { return 'a' <= c && c <= 'z' }) &&
		!strings.HasPrefix(host, "-") && !strings.Contains(host, "-.") && !strings.Contains(host, ".-")
}

// plainPort leaves the default, which is dropped, and odd spellings to the parser.
func plainPort(scheme, port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && port[0] >= '1' && port[0] <= '9' &&
		(scheme != "http" || n != 80) && (scheme != "https" || n != 443)
}

func only(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

func hostByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.'
}

func pathByte(c byte) bool {
	return unreserved(c) || strings.IndexByte("/!$&'()*+,=:@", c) >= 0
}

func queryByte(c byte) bool {
	return unreserved(c) || strings.IndexByte("/?!$&()*+,;=:@", c) >= 0
}
