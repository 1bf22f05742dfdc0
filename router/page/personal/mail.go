package personal

import "strings"

// Bounds of RFC 5321 on the parts of a mail address.
const (
	maxLocal  = 64
	maxDomain = 253
)

// mail is the mail address around the "@" at; to is 0 if there is none. Names of
// files and hosts in version numbers ("icon@2x.png", "lib@1.2.3") are none.
func mail(text string, done, at int) (from, to int) {
	from = at
	for from > done && at-from <= maxLocal && localByte(text[from-1]) {
		from--
	}
	for from < at && text[from] == '.' {
		from++
	}
	if from == at || at-from > maxLocal || text[at-1] == '.' {
		return 0, 0
	}
	to = at + 1
	for to < len(text) && to-at <= maxDomain+1 && (alnum(text[to]) || text[to] == '-' || text[to] == '.') {
		to++
	}
	for to > at+1 && (text[to-1] == '.' || text[to-1] == '-') {
		to--
	}
	domain := text[at+1 : to]
	dot := strings.LastIndexByte(domain, '.')
	if dot < 1 || len(domain) > maxDomain || strings.Contains(domain, "..") || domain[0] == '-' || domain[0] == '.' {
		return 0, 0
	}
	top := domain[dot+1:]
	if len(top) < 2 || fileEndings[strings.ToLower(top)] {
		return 0, 0
	}
	for i := range len(top) {
		if digit(top[i]) || top[i] == '-' {
			return 0, 0
		}
	}
	return from, to
}

// fileEndings are what names of pictures and scripts end in where a domain would.
var fileEndings = map[string]bool{
	"png": true, "jpg": true, "jpeg": true, "gif": true, "webp": true, "svg": true, "js": true, "mjs": true, "css": true, "ts": true,
}

func localByte(c byte) bool {
	return alnum(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-'
}
