package fetch

import (
	"net/http"
	"time"
)

// Result is an answer of a site. Unless Cut, nothing in it was cut short.
type Result struct {
	// URL is the address fetched, as the request carried it.
	URL string
	// Status is the HTTP status code, 200 to 599.
	Status int
	// Header is the response header, at most Limits.HeaderBytes. Content-Encoding
	// and Content-Length describe the wire, not Body.
	Header http.Header
	// Body is the decoded body, owned by the caller. It is nil unless Status is
	// 2xx: what a site says beside a redirect or an error is not a page.
	Body []byte
	// Cut is set when Body is only the beginning; never without Limits.Cut.
	Cut bool
	// ContentType is the Content-Type header as sent or, where it was missing,
	// the type sniffed from the body, without parameters.
	ContentType string
	// Sniffed is set when ContentType was not sent.
	Sniffed bool
	// Location is the absolute target of a redirect, empty for other answers
	// and for a target that is not an http or https URL.
	Location string

	// ContentLength is the Content-Length header, -1 without one.
	ContentLength int64
	// WireBytes is the size of the body as it was read, before decoding.
	WireBytes int64
	// Proto is "HTTP/1.1" or "HTTP/2.0".
	Proto string
	// TLSVersion is "TLS 1.3" or "TLS 1.2"; empty over plain HTTP.
	TLSVersion string
	// TLSCert is the SHA-256 of the site's certificate (DER); zero over plain HTTP.
	TLSCert [32]byte

	// FetchedAt is when the request was made.
	FetchedAt time.Time
	// Elapsed is how long the whole fetch took.
	Elapsed time.Duration
}
