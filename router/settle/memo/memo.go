// Package memo is what settlement writes on the chain for everybody to read: the
// memo of each payment, and the arithmetic from points to amounts. The router
// writes with it, and fallow-data checks with it, so it is a leaf and holds
// nothing else.
package memo

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/fallow-network/fallow/relay/wire"
)

// Memos are words separated by one
// space:
//
//	fallow1 commit EPOCH SEQ root=HEX file=HEX nodes=N points=P royalties=R points_ever=P royalties_ever=R [mint=KEY rate=UNITS/MICROPOINTS]
//	fallow1 pay EPOCH SEQ UNITS/MICROPOINTS [I=TAG ...]
//	fallow1 refund SEQ ORDER
//
// A transfer without a tag pays the node whose key the paid account belongs to.
// I=TAG says that transfer I, from 0, pays the node whose id starts with TAG.
const domain = "fallow1"

// maxMemo bounds the memo that is read, in bytes: a transaction has 1232.
const maxMemo = 1232

// MinTag is how many characters of a node's id a tag has at least.
const MinTag = 6

// Kind says what a payment is for.
type Kind string

// Kinds of payments.
const (
	Commit Kind = "commit" // publishes an epoch's root, totals and file hash
	Pay    Kind = "pay"    // pays nodes
	Refund Kind = "refund" // pays a buyer back
)

// Commitment is what goes on the chain about an epoch: enough to hold its file,
// and through the file every amount, against the chain.
type Commitment struct {
	Root, File               [32]byte // Merkle root of the balances; the file's hash
	Nodes                    uint64
	Points, PointsEver       MicroPoints // earned in the epoch; up to its end
	Royalties, RoyaltiesEver Units
}

// Memo is a memo's content.
type Memo struct {
	Kind  Kind
	Epoch uint64 // zero in a refund
	Seq   uint64

	Commitment          // of a commit
	Mint       wire.Key // zero where nothing is paid

	Rate Rate           // of a payment, and of a commit with a mint
	Tags map[int]string // of a payment: transfer -> start of the node's id

	Order string // of a refund
}

// String is the memo as it goes on the chain.
func (m Memo) String() string {
	var b strings.Builder
	switch m.Kind {
	case Commit:
		fmt.Fprintf(&b, "%s commit %d %d root=%x file=%x nodes=%d points=%d royalties=%d points_ever=%d royalties_ever=%d", domain, m.Epoch, m.Seq,
			m.Root, m.File, m.Nodes, m.Points, m.Royalties, m.PointsEver, m.RoyaltiesEver)
		if !m.Mint.IsZero() {
			fmt.Fprintf(&b, " mint=%s rate=%s", m.Mint, m.Rate)
		}
	case Refund:
		fmt.Fprintf(&b, "%s refund %d %s", domain, m.Seq, m.Order)
	case Pay:
		fmt.Fprintf(&b, "%s pay %d %d %s", domain, m.Epoch, m.Seq, m.Rate)
		for i := range maxMemo {
			if len(m.Tags) == 0 || i > MaxTransfers {
				break
			}
			if tag, ok := m.Tags[i]; ok {
				fmt.Fprintf(&b, " %d=%s", i, tag)
			}
		}
	}
	return b.String()
}

// MaxTransfers is more than fit into any transaction.
const MaxTransfers = 255

// Parse reads a memo. What String would not write is refused.
func Parse(text string) (Memo, error) {
	if len(text) > maxMemo {
		return Memo{}, fmt.Errorf("memo of %d bytes", len(text))
	}
	w := strings.Split(text, " ")
	if len(w) < 4 || w[0] != domain {
		return Memo{}, fmt.Errorf("memo %.40q is not ours", text)
	}
	m, err := Memo{}, error(nil)
	switch m.Kind = Kind(w[1]); m.Kind {
	case Refund:
		m.Seq, err = strconv.ParseUint(w[2], 10, 63)
		m.Order = w[3]
	case Commit, Pay:
		if m.Epoch, err = strconv.ParseUint(w[2], 10, 63); err == nil {
			m.Seq, err = strconv.ParseUint(w[3], 10, 63)
		}
		if err == nil && m.Kind == Commit {
			err = m.parseCommit(w[4:])
		} else if err == nil {
			err = m.parsePay(w[4:])
		}
	default:
		err = fmt.Errorf("kind %.20q", w[1])
	}
	if err == nil && m.String() != text {
		err = fmt.Errorf("not in the form this program writes")
	}
	if err != nil {
		return Memo{}, fmt.Errorf("memo %.60q: %w", text, err)
	}
	return m, nil
}

func (m *Memo) parseCommit(words []string) (err error) {
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "root":
			err = parseHash(value, &m.Root)
		case "file":
			err = parseHash(value, &m.File)
		case "nodes":
			m.Nodes, err = strconv.ParseUint(value, 10, 63)
		case "points":
			err = parseAmount(value, &m.Points)
		case "royalties":
			err = parseAmount(value, &m.Royalties)
		case "points_ever":
			err = parseAmount(value, &m.PointsEver)
		case "royalties_ever":
			err = parseAmount(value, &m.RoyaltiesEver)
		case "mint":
			m.Mint, err = wire.ParseKey(value)
		case "rate":
			m.Rate, err = ParseRate(value)
		default:
			err = fmt.Errorf("unknown word %.20q", word)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func parseAmount[T ~int64](text string, into *T) error {
	v, err := strconv.ParseInt(text, 10, 64)
	*into = T(v)
	return err
}

func parseHash(text string, into *[32]byte) error {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(into) {
		return fmt.Errorf("%.70q is no hash", text)
	}
	copy(into[:], raw)
	return nil
}

func (m *Memo) parsePay(words []string) (err error) {
	if len(words) == 0 {
		return fmt.Errorf("no rate")
	}
	if m.Rate, err = ParseRate(words[0]); err != nil {
		return err
	}
	for _, word := range words[1:] {
		place, tag, _ := strings.Cut(word, "=")
		i, err := strconv.Atoi(place)
		if err != nil || i < 0 || i > MaxTransfers || len(tag) < MinTag {
			return fmt.Errorf("tag %.20q", word)
		}
		if m.Tags == nil {
			m.Tags = make(map[int]string)
		}
		m.Tags[i] = tag
	}
	return nil
}

// Tagged says whether tag stands for the node of that id.
func Tagged(id, tag string) bool { return len(tag) >= MinTag && strings.HasPrefix(id, tag) }
