package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// chainDomain separates these hashes from all others in Fallow.
const chainDomain = "fallow-journal-v1\n"

// maxLine bounds one entry on disk, in bytes, its line end included. Eight
// announced addresses of 1 KiB fit, escaped.
const maxLine = 64 << 10

// Kind says what an entry is about.
type Kind string

// The kinds of entries.
const (
	Opened    Kind = "opened"    // a site was reached under a lease; the lease is in it
	Closed    Kind = "closed"    // the same tunnel ended: bytes and outcome
	Refused   Kind = "refused"   // a lease was turned down, or its site not reached
	Pages     Kind = "pages"     // the router says which addresses it read under a lease
	Disputed  Kind = "disputed"  // a receipt the node did not sign, and its own counts
	Halted    Kind = "halted"    // the router changed what it stops; its signed word is in it
	Omitted   Kind = "omitted"   // written by the journal itself: what was too much to write
	Recovered Kind = "recovered" // written by the journal itself after a torn end
)

// Entry is one line of the journal. The journal sets Seq and Prev, and Time if
// it is zero; everything else is the caller's, as far as the kind has it.
type Entry struct {
	Seq  uint64    `json:"seq"` // from 1
	Prev Hash      `json:"prev"`
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`

	Serial  wire.Serial    `json:"serial,omitzero"`
	Router  wire.Key       `json:"router,omitzero"`
	Host    string         `json:"host,omitempty"`
	Port    uint16         `json:"port,omitempty"`
	Address netip.AddrPort `json:"address,omitzero"` // dialled
	Job     string         `json:"job,omitempty"`
	Purpose string         `json:"purpose,omitempty"`
	Dataset string         `json:"dataset,omitempty"`

	// Lease is the encoding the router signed, LeaseSig its signature.
	Lease    []byte `json:"lease,omitempty"`
	LeaseSig []byte `json:"lease_sig,omitempty"`

	// Receipt is the encoding of a disputed receipt, ReceiptSig the router's
	// signature.
	Receipt    []byte `json:"receipt,omitempty"`
	ReceiptSig []byte `json:"receipt_sig,omitempty"`

	// Halt is the encoding of a halt, HaltSig the router's signature.
	Halt    []byte `json:"halt,omitempty"`
	HaltSig []byte `json:"halt_sig,omitempty"`

	BytesUp   uint64      `json:"bytes_up,omitempty"`
	BytesDown uint64      `json:"bytes_down,omitempty"`
	Reason    wire.Reason `json:"reason,omitzero"`
	URLs      []string    `json:"urls,omitempty"`
	Note      string      `json:"note,omitempty"` // cut to 512 bytes
}

// Hash links an entry to the one before it.
type Hash [sha256.Size]byte

// String is lower-case hex, 64 characters.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote, and no other spelling of it.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("journal hash has %d characters, want %d", len(text), 2*len(h))
	}
	if bytes.ContainsAny(text, "ABCDEF") {
		return errors.New("journal hash is not in lower case")
	}
	_, err := hex.Decode(h[:], text)
	return err
}

var errLine = errors.New("not a whole entry")

// encode is the line of e: the hash of the JSON that follows it.
func encode(e Entry) ([]byte, Hash, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, Hash{}, fmt.Errorf("encode journal entry: %w", err)
	}
	h := hashOf(body)
	line := make([]byte, 0, 2*len(h)+len(body)+2)
	line = append(hex.AppendEncode(line, h[:]), ' ')
	line = append(append(line, body...), '\n')
	if len(line) > maxLine {
		return nil, Hash{}, fmt.Errorf("journal entry of %d bytes, at most %d", len(line), maxLine)
	}
	return line, h, nil
}

// decode reads a line without its line end and checks its hash. The error wraps
// errLine.
func decode(line []byte) (Entry, Hash, error) {
	var e Entry
	var h Hash
	sum, body, ok := bytes.Cut(line, []byte(" "))
	if !ok || h.UnmarshalText(sum) != nil {
		return e, h, fmt.Errorf("%w: no hash", errLine)
	}
	if hashOf(body) != h {
		return e, h, fmt.Errorf("%w: its bytes are not what its hash says", errLine)
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return e, h, fmt.Errorf("%w: %w", errLine, err)
	}
	return e, h, nil
}

func hashOf(body []byte) Hash {
	h := sha256.New()
	h.Write([]byte(chainDomain))
	h.Write(body)
	return Hash(h.Sum(nil))
}
