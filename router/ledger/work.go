package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Standing is a node's multiplier and why it has it.
type Standing struct {
	Permille int           `json:"permille"`          // 0 to 1000
	Reasons  []wire.Reason `json:"reasons,omitempty"` // never empty below 1000
}

// GoodStanding is that of a node nothing is held against.
func GoodStanding() Standing { return Standing{Permille: permille} }

// Work is what one node did for one job in one epoch; the entry without a job
// is the time it was online.
type Work struct {
	Job string `json:"job"`
	// Counted is the router's latest receipt, and what is paid. It carries the
	// node's signature too if the node agreed to exactly these numbers.
	Counted Entry `json:"counted"`
	// Agreed is the latest receipt both signed, where that is an earlier one.
	Agreed *Entry `json:"agreed,omitempty"`
	// Disputes are the node's objections, oldest first.
	Disputes []Dispute `json:"disputes,omitempty"`
}

// Counts are the numbers of a receipt.
type Counts struct {
	BytesDown     uint64 `json:"bytes_down,string"`
	BytesUp       uint64 `json:"bytes_up,string"`
	Tunnels       uint64 `json:"tunnels,string"`
	Failures      uint64 `json:"failures,string"`
	OnlineSeconds uint64 `json:"online_seconds,string"`
}

// Entry is a receipt without what its place in the epoch already says: router,
// node, epoch and job.
type Entry struct {
	Sequence uint64 `json:"sequence,string"`
	Counts
	RouterSig Signature `json:"router_sig"`
	NodeSig   Signature `json:"node_sig,omitempty"`
}

// Dispute is a node's refusal to countersign a receipt.
type Dispute struct {
	Sequence     uint64      `json:"sequence,string"` // of the receipt refused
	RouterCounts Counts      `json:"router_counts"`
	NodeCounts   Counts      `json:"node_counts"` // what the node says it counted
	Reason       wire.Reason `json:"reason"`
	At           time.Time   `json:"at"` // when the router heard of it, UTC
}

// Signature is an Ed25519 signature; in JSON it is hex.
type Signature []byte

// MarshalText is the lower-case hex.
func (s Signature) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s), nil }

// UnmarshalText reads hex of 64 bytes.
func (s *Signature) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != 64 {
		return errors.New("signature is not the hex of 64 bytes")
	}
	*s = raw
	return nil
}

// EntryOf keeps of a receipt what an Entry has.
func EntryOf(r *wire.Receipt) Entry {
	return Entry{
		Sequence: r.Sequence,
		Counts: Counts{
			BytesDown: r.BytesDown, BytesUp: r.BytesUp, Tunnels: r.Tunnels,
			Failures: r.Failures, OnlineSeconds: r.OnlineSeconds,
		},
		RouterSig: r.RouterSig,
		NodeSig:   r.NodeSig,
	}
}

// Receipt is the receipt e was made of.
func (e Entry) Receipt(router, node wire.Key, epoch uint64, job string) *wire.Receipt {
	return &wire.Receipt{
		Router: router, Node: node, Epoch: epoch, Job: job, Sequence: e.Sequence,
		BytesDown: e.BytesDown, BytesUp: e.BytesUp, Tunnels: e.Tunnels,
		Failures: e.Failures, OnlineSeconds: e.OnlineSeconds,
		RouterSig: e.RouterSig, NodeSig: e.NodeSig,
	}
}

func (e Entry) countersigned() bool { return len(e.NodeSig) > 0 }

// Within says whether no number of c is above its counterpart in later.
func (c Counts) Within(later Counts) bool {
	return c.BytesDown <= later.BytesDown && c.BytesUp <= later.BytesUp &&
		c.Tunnels <= later.Tunnels && c.Failures <= later.Failures &&
		c.OnlineSeconds <= later.OnlineSeconds
}

// bytes cannot overflow: wire bounds each direction below 2^62.
func (c Counts) bytes() uint64 { return c.BytesDown + c.BytesUp }

// carried splits the counted bytes by what stands behind them.
func (w Work) carried() (signed, unsigned, disputed uint64) {
	agreed := w.lastAgreed()
	signed = agreed.bytes()
	tail := w.Counted.bytes() - signed
	for _, d := range w.Disputes {
		if d.Sequence > agreed.Sequence {
			return signed, 0, tail
		}
	}
	return signed, tail, 0
}

// lastAgreed is the latest entry both signed, or the zero Entry.
func (w Work) lastAgreed() Entry {
	switch {
	case w.Counted.countersigned():
		return w.Counted
	case w.Agreed != nil:
		return *w.Agreed
	}
	return Entry{}
}

var errWork = errors.New("receipts do not add up")

// checkForm says whether w could be the work of anybody, signatures aside. The
// formula relies on it.
func (w Work) checkForm(node wire.Key, epoch uint64) error {
	if !isPlain(w.Job, wire.MaxJob) {
		return fmt.Errorf("%w: job id is not up to %d printable ASCII characters", errWork, wire.MaxJob)
	}
	if err := checkEntry(w.Counted, node, epoch, w.Job); err != nil {
		return err
	}
	if w.Agreed == nil {
		return nil
	}
	if err := checkEntry(*w.Agreed, node, epoch, w.Job); err != nil {
		return err
	}
	switch {
	case w.Counted.countersigned():
		return fmt.Errorf("%w: an earlier agreed receipt beside one that is agreed itself", errWork)
	case w.Agreed.Sequence >= w.Counted.Sequence:
		return fmt.Errorf("%w: agreed receipt %d is not before %d", errWork, w.Agreed.Sequence, w.Counted.Sequence)
	case !w.Agreed.Within(w.Counted.Counts):
		return fmt.Errorf("%w: receipt %d counts less than %d before it", errWork, w.Counted.Sequence, w.Agreed.Sequence)
	}
	return nil
}

func checkEntry(e Entry, node wire.Key, epoch uint64, job string) error {
	_, err := wire.DecodeReceipt(e.Receipt(wire.Key{}, node, epoch, job).Encode())
	return err
}

// checkSignatures verifies every signature of w.
func (w Work) checkSignatures(router, node wire.Key, epoch uint64) error {
	counted := w.Counted.Receipt(router, node, epoch, w.Job)
	if err := counted.VerifyRouter(); err != nil {
		return err
	}
	if w.Counted.countersigned() {
		return counted.VerifyNode()
	}
	if w.Agreed == nil {
		return nil
	}
	agreed := w.Agreed.Receipt(router, node, epoch, w.Job)
	if err := agreed.VerifyRouter(); err != nil {
		return err
	}
	return agreed.VerifyNode()
}
