package ledger

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// Tag stands for a network or a site without naming it: a hash under a key that
// only the router has, the same for the same one in every epoch. Nobody else
// can tell which address or site it is, and everybody can tell whether two are
// the same. The zero Tag is none.
type Tag [16]byte

// ParseTag reads 32 hex characters, or "" for the zero Tag.
func ParseTag(s string) (Tag, error) {
	var t Tag
	if s == "" {
		return t, nil
	}
	if len(s) != 2*len(t) {
		return t, fmt.Errorf("tag has %d characters, want %d", len(s), 2*len(t))
	}
	if _, err := hex.Decode(t[:], []byte(s)); err != nil {
		return t, fmt.Errorf("tag: %w", err)
	}
	return t, nil
}

// String is the lower-case hex; "" for the zero Tag.
func (t Tag) String() string {
	if t == (Tag{}) {
		return ""
	}
	return hex.EncodeToString(t[:])
}

// MarshalText is String.
func (t Tag) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (t *Tag) UnmarshalText(text []byte) (err error) {
	*t, err = ParseTag(string(text))
	return err
}

func compareTags(a, b Tag) int { return bytes.Compare(a[:], b[:]) }
