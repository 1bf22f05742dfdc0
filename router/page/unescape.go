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
		if text, ok := unescapeQuery(value, amp); ok {
			return text
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

// unescapeQuery is a value whose ampersands stand between the parameters of a
// query, escaped or not, as nearly all do: amp is the first. A name before "=" is
// no reference in an attribute. It reports false for all other values.
func unescapeQuery(value []byte, amp int) (string, bool) {
	out := make([]byte, 0, len(value))
	for at := amp; at >= 0; at = bytes.IndexByte(value, '&') {
		out = append(out, value[:at+1]...)
		value = value[at+1:]
		if bytes.HasPrefix(value, []byte("amp;")) {
			value = value[len("amp;"):]
			continue
		}
		end := 0
		for end < len(value) && (letter(value[end]) || '0' <= value[end] && value[end] <= '9') {
			end++
		}
		if end == 0 || end == len(value) || value[end] != '=' {
			return "", false
		}
	}
	return string(append(out, value...)), true
}
