package wire

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fallow-network/fallow/relay/wire/pb"
)

// Reason is a stable code for why something was refused, ended or counted
// against a node. Its text is the same everywhere: API, logs, journal, UI.
type Reason pb.Reason

// The reasons. PROTOCOL.md has a line on each.
const (
	OK = Reason(pb.Reason_OK)

	LeaseMalformed = Reason(pb.Reason_LEASE_MALFORMED)
	LeaseSignature = Reason(pb.Reason_LEASE_SIGNATURE)
	LeaseRouter    = Reason(pb.Reason_LEASE_ROUTER)
	LeaseExpired   = Reason(pb.Reason_LEASE_EXPIRED)
	LeaseEarly     = Reason(pb.Reason_LEASE_EARLY)
	LeaseReplayed  = Reason(pb.Reason_LEASE_REPLAYED)
	LeaseNode      = Reason(pb.Reason_LEASE_NODE)
	LeaseCaps      = Reason(pb.Reason_LEASE_CAPS)
	HostForbidden  = Reason(pb.Reason_HOST_FORBIDDEN)
	PortForbidden  = Reason(pb.Reason_PORT_FORBIDDEN)

	NoConsent   = Reason(pb.Reason_NO_CONSENT)
	Paused      = Reason(pb.Reason_PAUSED)
	SiteDenied  = Reason(pb.Reason_SITE_DENIED)
	CapReached  = Reason(pb.Reason_CAP_REACHED)
	Busy        = Reason(pb.Reason_BUSY)
	Stopping    = Reason(pb.Reason_STOPPING)
	RateLimited = Reason(pb.Reason_RATE_LIMITED)
	Halted      = Reason(pb.Reason_HALTED)

	DNSFailed          = Reason(pb.Reason_DNS_FAILED)
	DNSNotFound        = Reason(pb.Reason_DNS_NOT_FOUND)
	AddressForbidden   = Reason(pb.Reason_ADDRESS_FORBIDDEN)
	ConnectRefused     = Reason(pb.Reason_CONNECT_REFUSED)
	ConnectTimeout     = Reason(pb.Reason_CONNECT_TIMEOUT)
	ConnectUnreachable = Reason(pb.Reason_CONNECT_UNREACHABLE)

	TLSNotTLS         = Reason(pb.Reason_TLS_NOT_TLS)
	TLSSNIMissing     = Reason(pb.Reason_TLS_SNI_MISSING)
	TLSSNIMismatch    = Reason(pb.Reason_TLS_SNI_MISMATCH)
	TLSECH            = Reason(pb.Reason_TLS_ECH)
	TLSHelloTooLarge  = Reason(pb.Reason_TLS_HELLO_TOO_LARGE)
	TLSHelloMalformed = Reason(pb.Reason_TLS_HELLO_MALFORMED)
	HTTPMethod        = Reason(pb.Reason_HTTP_METHOD)
	HTTPHost          = Reason(pb.Reason_HTTP_HOST)
	HTTPMalformed     = Reason(pb.Reason_HTTP_MALFORMED)

	MaxUp        = Reason(pb.Reason_MAX_UP)
	MaxDown      = Reason(pb.Reason_MAX_DOWN)
	Idle         = Reason(pb.Reason_IDLE)
	TotalTime    = Reason(pb.Reason_TOTAL_TIME)
	SiteReset    = Reason(pb.Reason_SITE_RESET)
	RouterReset  = Reason(pb.Reason_ROUTER_RESET)
	TunnelBroken = Reason(pb.Reason_TUNNEL_BROKEN)

	TLSForged         = Reason(pb.Reason_TLS_FORGED)
	BytesCorrupted    = Reason(pb.Reason_BYTES_CORRUPTED)
	BytesTruncated    = Reason(pb.Reason_BYTES_TRUNCATED)
	Stalled           = Reason(pb.Reason_STALLED)
	ReceiptDisputed   = Reason(pb.Reason_RECEIPT_DISPUTED)
	ReceiptSignature  = Reason(pb.Reason_RECEIPT_SIGNATURE)
	ReceiptUnanswered = Reason(pb.Reason_RECEIPT_UNANSWERED)
	OperatorDecision  = Reason(pb.Reason_OPERATOR_DECISION)

	HelloMalformed  = Reason(pb.Reason_HELLO_MALFORMED)
	AgentTooOld     = Reason(pb.Reason_AGENT_TOO_OLD)
	RouterFull      = Reason(pb.Reason_ROUTER_FULL)
	SessionReplaced = Reason(pb.Reason_SESSION_REPLACED)
	LabMismatch     = Reason(pb.Reason_LAB_MISMATCH)
	RouterStopping  = Reason(pb.Reason_ROUTER_STOPPING)
	PayoutProof     = Reason(pb.Reason_PAYOUT_PROOF)

	EpochUnknown  = Reason(pb.Reason_EPOCH_UNKNOWN)
	EpochOpen     = Reason(pb.Reason_EPOCH_OPEN)
	StatementNone = Reason(pb.Reason_STATEMENT_NONE)
)

// Known reports whether r is a reason of this version. A number that is not came
// from a later version, or from a peer that makes numbers up.
func (r Reason) Known() bool {
	_, named := pb.Reason_name[int32(r)]
	return named && r != Reason(pb.Reason_REASON_UNSPECIFIED)
}

// String is the snake_case name, or "reason_<number>" for a number this
// version does not know.
func (r Reason) String() string {
	name, ok := pb.Reason_name[int32(r)]
	if !ok {
		return fmt.Sprintf("reason_%d", int32(r))
	}
	return strings.ToLower(name)
}

// MarshalText is String.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a name that String gave, also "reason_<number>".
func (r *Reason) UnmarshalText(text []byte) error {
	name := string(text)
	if number, ok := pb.Reason_value[strings.ToUpper(name)]; ok {
		*r = Reason(number)
		return nil
	}
	var number int32
	if _, err := fmt.Sscanf(name, "reason_%d", &number); err != nil {
		return fmt.Errorf("unknown reason %q", name)
	}
	*r = Reason(number)
	return nil
}

// ReasonOf is the code with which a node refuses a lease for err, and OK for
// nil.
func ReasonOf(err error) Reason {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ErrLeaseSignature):
		return LeaseSignature
	case errors.Is(err, ErrLeaseExpired):
		return LeaseExpired
	case errors.Is(err, ErrLeaseEarly):
		return LeaseEarly
	case errors.Is(err, ErrHostForbidden):
		return HostForbidden
	default:
		return LeaseMalformed
	}
}
