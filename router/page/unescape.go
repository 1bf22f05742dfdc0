package page

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// unescapeText is a text token as characters. The result may share memory with
// the document.
func unescapeText(text []byte, verbatim, escaped, lineEnds bool) []byte {
	if lineEnds && bytes.IndexByte(text, '\r') >= 0 {
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	}
	if verbatim && bytes.IndexByte(text, 0) >= 0 {
		text = bytes.ReplaceAll(text, []byte{0}, []byte("\ufffd"))
	}
	if escaped && bytes.IndexByte(text, '&') >= 0 {
		text = []byte(html.UnescapeString(string(text)))
	}
	return text
}

// unescapeValue is an attribute's value as characters.
func unescapeValue(value []byte) string {
	amp := bytes.IndexByte(value, '&')
	if bytes.IndexByte(value, 0) < 0 && bytes.IndexByte(value, '\r') < 0 {
		if amp < 0 {
			return string(value)
		}
		// Nearly all are of this kind, in queries of addresses.
		if bytes.Count(value, []byte("&amp;")) == bytes.Count(value, []byte{'&'}) {
			return strings.ReplaceAll(string(value), "&amp;", "&")
		}
	}
	// References in attributes have rules of their own, which the tokenizer knows.
	quoted := bytes.ReplaceAll(value, []byte{'"'}, []byte("&#34;"))
	z := html.NewTokenizer(strings.NewReader(`<a v="` + string(quoted) + `">`))
	z.Next()
	z.TagName()
	_, v, _ := z.TagAttr()
	return string(v)
}
