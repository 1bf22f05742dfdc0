package fetch

// Kind classifies a Failure. The words are counted, stored and shown; they are
// never renamed.
type Kind string

// The kinds of failure.
const (
	KindInvalidURL          Kind = "invalid_url"           // not an http or https URL with a host
	KindDNS                 Kind = "dns"                   // the name did not resolve
	KindRefused             Kind = "refused"               // the site refused the connection
	KindUnreachable         Kind = "unreachable"           // no route to the site
	KindTLSExpired          Kind = "tls_expired"           // certificate expired or not yet valid
	KindTLSHostname         Kind = "tls_hostname"          // certificate for another name
	KindTLSUnknownAuthority Kind = "tls_unknown_authority" // certificate of an unknown issuer, or not verified at all
	KindTLSOther            Kind = "tls_other"             // any other fault of TLS
	KindReset               Kind = "reset"                 // connection or stream broken before the header was complete, or reset
	KindTruncated           Kind = "truncated"             // body cut, of the wrong length, or delimited only by the close
	KindTooLarge            Kind = "too_large"             // body over BodyBytes or WireBytes
	KindBomb                Kind = "bomb"                  // body over Ratio
	KindTimeout             Kind = "timeout"               // Total, FirstByte or Idle ran out
	KindHeaderTooLarge      Kind = "header_too_large"      // header over HeaderBytes
	KindContentType         Kind = "content_type"          // media type not in ContentTypes
	KindEncoding            Kind = "encoding"              // unknown, too many or corrupt content codings
	KindProtocol            Kind = "protocol"              // not HTTP as it should be
	KindTunnel              Kind = "tunnel"                // the node or the way to it failed
	KindCancelled           Kind = "cancelled"             // the caller's context was cancelled
)

// Kinds lists every kind, for counters that show zeroes.
func Kinds() []Kind {
	return []Kind{
		KindInvalidURL, KindDNS, KindRefused, KindUnreachable,
		KindTLSExpired, KindTLSHostname, KindTLSUnknownAuthority, KindTLSOther,
		KindReset, KindTruncated, KindTooLarge, KindBomb, KindTimeout, KindHeaderTooLarge,
		KindContentType, KindEncoding, KindProtocol, KindTunnel, KindCancelled,
	}
}

// Failure is the error of Fetch: always this type, always classified.
type Failure struct {
	// Kind is the class of failure.
	Kind Kind
	// Err is the cause. Its text may name hosts and addresses.
	Err error
}

// Error is the kind and the cause.
func (f *Failure) Error() string { return string(f.Kind) + ": " + f.Err.Error() }

// Unwrap is the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Elsewhere reports whether the same fetch through another node might succeed:
// the failure may be the node's doing or its network's, not the site's answer.
// KindProtocol is among them because a header cut within a line looks malformed.
func (f *Failure) Elsewhere() bool {
	switch f.Kind {
	case KindDNS, KindRefused, KindUnreachable, KindReset, KindTruncated, KindTimeout, KindTunnel, KindProtocol,
		KindTLSExpired, KindTLSHostname, KindTLSUnknownAuthority, KindTLSOther:
		return true
	default:
		return false
	}
}

// TunnelError is implemented by errors of the RoundTripper's dialler that know
// what went wrong at the node. The reasons "dns", "refused", "timeout" and
// "unreachable" speak of the site and become the kind of that name; every
// other reason becomes KindTunnel.
type TunnelError interface {
	error
	TunnelReason() string
}
