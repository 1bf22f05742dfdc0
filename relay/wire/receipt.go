package wire

import (
	"crypto/ed25519"
	"errors"
	"fmt"
)

const receiptDomain = "fallow-receipt-v1\n"

// Receipt says what a node has carried for one job in one epoch, from its
// start up to now. Counts are cumulative, so a later receipt replaces an
// earlier one and a lost receipt loses nothing.
//
// The receipt with an empty Job is the session's own: it carries OnlineSeconds
// and no bytes. Every other receipt carries bytes and no OnlineSeconds.
type Receipt struct {
	Router        Key    `json:"router"`
	Node          Key    `json:"node"`
	Epoch         uint64 `json:"epoch"`
	Job           string `json:"job"`
	Sequence      uint64 `json:"sequence"`       // grows by at least one with every proposal
	BytesDown     uint64 `json:"bytes_down"`     // site to router
	BytesUp       uint64 `json:"bytes_up"`       // router to site
	Tunnels       uint64 `json:"tunnels"`        // tunnels that reached their site
	Failures      uint64 `json:"failures"`       // tunnels that did not
	OnlineSeconds uint64 `json:"online_seconds"` // whole seconds with a session open and sharing

	RouterSig []byte `json:"router_sig,omitempty"` // 64 bytes; always present once proposed
	NodeSig   []byte `json:"node_sig,omitempty"`   // 64 bytes; absent until countersigned
}

// Errors of OpenReceipt and the Verify methods.
var (
	ErrReceiptMalformed = errors.New("receipt is malformed")
	ErrReceiptSignature = errors.New("receipt signature does not verify")
)

// Encode is the fixed encoding that both signatures cover.
func (r *Receipt) Encode() []byte {
	e := newEncoder(receiptDomain)
	e.fixed(r.Router[:])
	e.fixed(r.Node[:])
	e.uint64(r.Epoch)
	e.text(r.Job)
	for _, v := range []uint64{r.Sequence, r.BytesDown, r.BytesUp, r.Tunnels, r.Failures, r.OnlineSeconds} {
		e.uint64(v)
	}
	return e.buf
}

// DecodeReceipt reads the fixed encoding, without signatures. The error wraps
// ErrReceiptMalformed.
func DecodeReceipt(encoded []byte) (*Receipt, error) {
	d := newDecoder(receiptDomain, encoded)
	r := new(Receipt)
	d.fixed(r.Router[:])
	d.fixed(r.Node[:])
	r.Epoch = d.uint64()
	r.Job = d.text(MaxJob)
	for _, into := range []*uint64{&r.Sequence, &r.BytesDown, &r.BytesUp, &r.Tunnels, &r.Failures, &r.OnlineSeconds} {
		*into = d.uint64()
	}
	if err := d.done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReceiptMalformed, err)
	}
	if err := r.checkForm(); err != nil {
		return nil, err
	}
	return r, nil
}

// SignRouter sets the router's signature.
func (r *Receipt) SignRouter(private ed25519.PrivateKey) {
	r.RouterSig = ed25519.Sign(private, r.Encode())
}

// SignNode sets the node's countersignature.
func (r *Receipt) SignNode(private ed25519.PrivateKey) { r.NodeSig = ed25519.Sign(private, r.Encode()) }

// VerifyRouter checks the router's signature; the error is ErrReceiptSignature.
func (r *Receipt) VerifyRouter() error {
	if !r.Router.verify(r.Encode(), r.RouterSig) {
		return fmt.Errorf("%w: router's", ErrReceiptSignature)
	}
	return nil
}

// VerifyNode checks the node's countersignature; the error is
// ErrReceiptSignature, also when there is none.
func (r *Receipt) VerifyNode() error {
	if !r.Node.verify(r.Encode(), r.NodeSig) {
		return fmt.Errorf("%w: node's", ErrReceiptSignature)
	}
	return nil
}

// Bytes is what was carried in both directions.
func (r *Receipt) Bytes() uint64 { return r.BytesDown + r.BytesUp }

// maxCount keeps every sum of two counts within int64, which SQL and Parquet
// can hold; at 10 Gb/s it lasts a hundred years.
const maxCount = 1 << 62

func (r *Receipt) checkForm() error {
	if !plainJob(r.Job) {
		return fmt.Errorf("%w: job %q is not printable ASCII", ErrReceiptMalformed, r.Job)
	}
	if r.Job == "" && r.BytesDown+r.BytesUp+r.Tunnels+r.Failures != 0 {
		return fmt.Errorf("%w: bytes without a job", ErrReceiptMalformed)
	}
	if r.Job != "" && r.OnlineSeconds != 0 {
		return fmt.Errorf("%w: online time under a job", ErrReceiptMalformed)
	}
	for _, v := range []uint64{r.Epoch, r.Sequence, r.BytesDown, r.BytesUp, r.Tunnels, r.Failures, r.OnlineSeconds} {
		if v >= maxCount {
			return fmt.Errorf("%w: a count of %d", ErrReceiptMalformed, v)
		}
	}
	return nil
}
