package wire

import (
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"
)

// The protocols. A change that an old party would misread gets a new
// number; both ends then speak both for a while.
const (
	// SessionProtocol is opened by the node and lives as long as the connection.
	SessionProtocol protocol.ID = "/fallow/session/1"
	// RetiredSession is what agents before the first release spoke. A router opens
	// such a stream only to say agent_too_old on it.
	RetiredSession protocol.ID = "/fallow/session/0"
	// TunnelProtocol is opened by the router, one stream a tunnel.
	TunnelProtocol protocol.ID = "/fallow/tunnel/1"
	// StatementProtocol is opened by the node, one stream a question.
	StatementProtocol protocol.ID = "/fallow/statement/1"
)

// Bounds on everything that crosses the wire. A peer that exceeds one is in
// breach of the protocol: the stream is reset.
const (
	MaxSessionMessage = 16 << 10 // bytes of one session frame
	MaxTunnelOpen     = 2 << 10  // bytes of the frame that opens a tunnel
	MaxTunnelStatus   = 256      // bytes of the node's answer to it
	MaxStatementAsk   = 64       // bytes of a question for a statement
	MaxStatement      = 8 << 10  // bytes of the answer to it
	MaxReceipt        = 256      // bytes of a receipt's encoding, more than any can have

	MaxHost    = 253 // bytes of a host name (RFC 1035)
	MaxJob     = 64  // bytes of a job id
	MaxPurpose = 256 // bytes of a purpose
	MaxDataset = 64  // bytes of a dataset name

	MaxMerklePath = 64 // hashes of a way from leaf to root, more than any tree has

	MaxActivityURLs = 8       // addresses in one Activity message
	MaxActivityURL  = 1 << 10 // bytes of one address in it; longer ones are cut

	// MaxLeaseUp and MaxLeaseDown are the most any lease may allow, in bytes.
	// A tunnel is reused for many pages of a site, so the ceiling on what
	// goes up is that of a long connection, not of one request.
	MaxLeaseUp   = 4 << 20
	MaxLeaseDown = 1 << 30

	// DefaultLeaseUp and DefaultLeaseDown are what a router asks for unless
	// told otherwise, in bytes.
	DefaultLeaseUp   = 64 << 10
	DefaultLeaseDown = 64 << 20

	// LeaseWindow is how long after signing a lease may still start a tunnel.
	LeaseWindow = 60 * time.Second
	// ClockGrace is how far apart the two clocks may be, either way.
	ClockGrace = 30 * time.Second
)
