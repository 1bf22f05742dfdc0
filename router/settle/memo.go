package settle

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/fallow-network/fallow/relay/wire"
)

// Memos are what a stranger reads on the chain. They are words separated by one
// space:
//
//	fallow1 commit EPOCH SEQ root=HEX file=HEX nodes=N points=P royalties=R points_ever=P royalties_ever=R [mint=KEY rate=UNITS/MICROPOINTS]
//	fallow1 pay EPOCH SEQ UNITS/MICROPOINTS [I=TAG ...]
//	fallow1 refund SEQ ORDER
//
// A transfer without a tag pays the node whose key the paid account belongs to.
// I=TAG says that transfer I, from 0, pays the node whose id starts with TAG.
const memoDomain = "fallow1"

// maxMemo bounds the memo that is read, in bytes: a transaction has 1232.
const maxMemo = 1232

// minTag is how many characters of a node's id a tag has at least.
const minTag = 6

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
	case KindCommit:
		fmt.Fprintf(&b, "%s commit %d %d root=%x file=%x nodes=%d points=%d royalties=%d points_ever=%d royalties_ever=%d", memoDomain, m.Epoch, m.Seq,
			m.Root, m.File, m.Nodes, m.Points, m.Royalties, m.PointsEver, m.RoyaltiesEver)
		if !m.Mint.IsZero() {
			fmt.Fprintf(&b, " mint=%s rate=%s", m.Mint, m.Rate)
		}
	case KindRefund:
		fmt.Fprintf(&b, "%s refund %d %s", memoDomain, m.Seq, m.Order)
	case KindPay:
		fmt.Fprintf(&b, "%s pay %d %d %s", memoDomain, m.Epoch, m.Seq, m.Rate)
		for i := range maxMemo {
			if len(m.Tags) == 0 || i > maxTransfers {
				break
			}
			if tag, ok := m.Tags[i]; ok {
				fmt.Fprintf(&b, " %d=%s", i, tag)
			}
		}
	}
	return b.String()
}

// maxTransfers is more than fit into any transaction.
const maxTransfers = 255

// ParseMemo reads a memo. What String would not write is refused.
func ParseMemo(text string) (Memo, error) {
	if len(text) > maxMemo {
		return Memo{}, fmt.Errorf("memo of %d bytes", len(text))
	}
	w := strings.Split(text, " ")
	if len(w) < 4 || w[0] != memoDomain {
		return Memo{}, fmt.Errorf("memo %.40q is not ours", text)
	}
	m, err := Memo{}, error(nil)
	switch m.Kind = Kind(w[1]); m.Kind {
	case KindRefund:
		m.Seq, err = strconv.ParseUint(w[2], 10, 63)
		m.Order = w[3]
	case KindCommit, KindPay:
		if m.Epoch, err = strconv.ParseUint(w[2], 10, 63); err == nil {
			m.Seq, err = strconv.ParseUint(w[3], 10, 63)
		}
		if err == nil && m.Kind == KindCommit {
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
		if err != nil || i < 0 || i > maxTransfers || len(tag) < minTag {
			return fmt.Errorf("tag %.20q", word)
		}
		if m.Tags == nil {
			m.Tags = make(map[int]string)
		}
		m.Tags[i] = tag
	}
	return nil
}
