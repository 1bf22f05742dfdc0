package fetch

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("scheme is neither http nor https")
	case u.Hostname() == "":
		return errors.New("no host")
	case u.User != nil:
		return errors.New("user information in the URL")
	}
	return nil
}

// readHead takes over everything but the body and refuses what is not an
// answer we can use.
func (x *exchange) readHead(u *url.URL, resp *http.Response) *Failure {
	x.result.Status = resp.StatusCode
	x.result.Header = resp.Header
	x.result.Proto = resp.Proto
	x.result.ContentLength = resp.ContentLength
	x.result.ContentType = resp.Header.Get("Content-Type")

	if resp.StatusCode < 200 || resp.StatusCode > 599 {
		return failuref(KindProtocol, "status %d as a final response", resp.StatusCode)
	}
	if size := headerBytes(resp.Header); size > x.limits.HeaderBytes {
		return failuref(KindHeaderTooLarge, "header of %d bytes", size)
	}
	if u.Scheme == "https" {
		if failure := x.readTLS(resp.TLS); failure != nil {
			return failure
		}
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		x.result.Location = target(u, resp.Header.Get("Location"))
	}
	return nil
}

// readTLS records who answered. That the chain was verified is checked here
// once more, because a record's worth rests on it and a transport with
// InsecureSkipVerify would otherwise pass unnoticed.
func (x *exchange) readTLS(state *tls.ConnectionState) *Failure {
	if state == nil || len(state.PeerCertificates) == 0 {
		return failuref(KindTLSOther, "https response without TLS")
	}
	if len(state.VerifiedChains) == 0 {
		return failuref(KindTLSUnknownAuthority, "certificate was not verified")
	}
	x.result.TLSVersion = tls.VersionName(state.Version)
	x.result.TLSCert = sha256.Sum256(state.PeerCertificates[0].Raw)
	return nil
}

// headerBytes is the size of h in HTTP/1.1 form.
func headerBytes(h http.Header) int64 {
	const separators = len(": \r\n")
	var size int
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(value) + separators
		}
	}
	return int64(size)
}

// target resolves a Location header; empty when it leads nowhere we could go.
func target(base *url.URL, location string) string {
	if location == "" {
		return ""
	}
	u, err := base.Parse(location)
	if err != nil || checkURL(u) != nil {
		return ""
	}
	return u.String()
}

// closeDelimited reports a body whose end is only the end of the connection.
// crypto/tls takes a bare TCP close at a record boundary for a clean end, so a
// node could cut such a body unnoticed.
func closeDelimited(resp *http.Response) bool {
	return resp.ProtoMajor < 2 && resp.ContentLength < 0 && !slices.Contains(resp.TransferEncoding, "chunked")
}

// mediaType is the type of a Content-Type header in lower case without parameters.
func mediaType(header string) string {
	value, _, _ := strings.Cut(header, ";")
	return strings.ToLower(strings.TrimSpace(value))
}

func (l *Limits) accepts(contentType string) bool {
	return l.AnyContentType || slices.Contains(l.ContentTypes, mediaType(contentType))
}
