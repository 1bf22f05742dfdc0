package page

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
)

// prescanBytes is where WHATWG looks for a <meta> that names the encoding.
const prescanBytes = 1024

// decode converts a body to valid UTF-8 and names the encoding it was in, by
// the WHATWG rules: byte order mark, header, <meta>, then detection. The
// result may share memory with body.
func decode(body []byte, contentType string) ([]byte, string) {
	enc, name, certain := charset.DetermineEncoding(body, contentType)
	if name == "windows-1252" && !certain && !declares(body) {
		// That was the rules' default, not anybody's word.
		name = detect(body)
		enc, _ = charset.Lookup(name)
	}
	if name == "utf-8" || enc == nil || enc == encoding.Nop {
		body = bytes.TrimPrefix(body, []byte("\ufeff"))
		if utf8.Valid(body) {
			return body, "utf-8"
		}
		return bytes.ToValidUTF8(body, []byte("\ufffd")), "utf-8"
	}
	decoded, err := enc.NewDecoder().Bytes(body)
	if err != nil { // decoders replace what they cannot read
		return bytes.ToValidUTF8(body, []byte("\ufffd")), "utf-8"
	}
	return bytes.TrimPrefix(decoded, []byte("\ufeff")), name
}

// UTF8 is the body of a document as valid UTF-8, decoded as Parse decodes it and
// otherwise untouched.
func UTF8(in Input) string {
	text, _ := decode(in.Body, in.ContentType)
	return string(text)
}

// declares reports whether the part where an encoding would be named speaks of
// one at all.
func declares(body []byte) bool {
	return bytes.Contains(bytes.ToLower(body[:min(len(body), prescanBytes)]), []byte("charset"))
}
