package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

func failuref(kind Kind, format string, args ...any) *Failure {
	return &Failure{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// phase says how an error is read where it came.
type phase struct {
	broken  Kind // the stream ended too early
	unknown Kind // nothing below recognises the error
}

var (
	beforeHeader = phase{broken: KindReset, unknown: KindUnreachable}
	inBody       = phase{broken: KindTruncated, unknown: KindTruncated}
)

// classify turns an error of the transport into a Failure.
func classify(ctx context.Context, err error, at phase) *Failure {
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure
	}
	// Our own deadlines and the caller's cancellation come back from the
	// transport in many forms; the context knows which it was.
	if ctx.Err() != nil {
		return ended(context.Cause(ctx))
	}
	kind := at.unknown
	switch found := firstKind(err, tunnelKind, tlsKind, networkKind); {
	case found != "":
		kind = found
	case brokenOff(err):
		kind = at.broken
	default:
		if found = httpKind(err); found != "" {
			kind = found
		}
	}
	return &Failure{Kind: kind, Err: err}
}

func firstKind(err error, kindsOf ...func(error) Kind) Kind {
	for _, kindOf := range kindsOf {
		if kind := kindOf(err); kind != "" {
			return kind
		}
	}
	return ""
}

// brokenOff reports a stream that ended too early. net/http passes some of
// these on as text only.
func brokenOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "unexpected EOF")
}

func ended(cause error) *Failure {
	if failure, ok := errors.AsType[*Failure](cause); ok {
		return failure
	}
	if errors.Is(cause, context.Canceled) {
		return &Failure{Kind: KindCancelled, Err: cause}
	}
	return &Failure{Kind: KindTimeout, Err: cause}
}

func tunnelKind(err error) Kind {
	var tunnel TunnelError
	if !errors.As(err, &tunnel) {
		return ""
	}
	switch kind := Kind(tunnel.TunnelReason()); kind {
	case KindDNS, KindRefused, KindTimeout, KindUnreachable:
		return kind
	default:
		return KindTunnel
	}
}

func tlsKind(err error) Kind {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return KindTLSHostname
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return KindTLSUnknownAuthority
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return KindTLSExpired
		}
		return KindTLSOther
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return KindTLSOther
	}
	// Alerts and handshake faults have no exported type.
	if strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "x509: ") {
		return KindTLSOther
	}
	return ""
}

func networkKind(err error) Kind {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return KindDNS
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return KindTimeout
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return KindRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return KindUnreachable
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return KindReset
	}
	return ""
}

// httpWords are texts of net/http errors that have no exported type, and what
// they mean; the first that occurs counts. The tests with misbehaving sites
// meet them on real connections and go red when a release of Go rewords them.
var httpWords = []struct {
	text string
	kind Kind
}{
	{"gave HTTP response to HTTPS client", KindTLSOther},
	{"server response headers exceeded", KindHeaderTooLarge},
	{"header list larger than", KindHeaderTooLarge},
	{"server closed idle connection", KindReset},
	{"client connection lost", KindReset},
	{"stream error: ", KindReset},
	{"connection error: ", KindProtocol},
	{"GOAWAY", KindReset},
	{"malformed", KindProtocol},
	{"chunk", KindProtocol},
	{"http2: ", KindProtocol},
	{"http: ", KindProtocol},
	{"header line too long", KindProtocol},
	{"bad Content-Length", KindProtocol},
	{"unsupported transfer encoding", KindProtocol},
	{"protocol error", KindProtocol},
}

func httpKind(err error) Kind {
	text := err.Error()
	for _, w := range httpWords {
		if strings.Contains(text, w.text) {
			return w.kind
		}
	}
	return ""
}
