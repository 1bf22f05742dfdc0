package dataset

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Notice tells whoever has an earlier version that rows of it were taken down,
// why, and since which version they are gone. What was taken down is in
// removed.parquet, as hashes.
type Notice struct {
	Number  int       `json:"number"`  // counts the orders of a dataset from 1
	Version int       `json:"version"` // the first version without the rows
	Scope   Scope     `json:"scope"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`   // of the order
	Rows    int64     `json:"rows"` // that the version before had; 0 if the order only keeps pages out
}

// notices is the content of notices.json.
type notices struct {
	Notices []Notice `json:"notices"`
}

func encodeNotices(list []Notice) ([]byte, error) {
	if list == nil {
		list = []Notice{}
	}
	raw, err := json.MarshalIndent(notices{list}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode notices: %w", err)
	}
	return append(raw, '\n'), nil
}

// ParseNotices reads notices.json.
func ParseNotices(raw []byte) ([]Notice, error) {
	var n notices
	if err := json.Unmarshal(raw, &n); err != nil {
		return nil, fmt.Errorf("read %s: %w", NoticesFile, err)
	}
	return n.Notices, nil
}

// Since are the notices that concern somebody who has version had: those of
// later versions.
func Since(list []Notice, had int) []Notice {
	return slices.DeleteFunc(slices.Clone(list), func(n Notice) bool { return n.Version <= had })
}

// Notices are all orders carried out up to this version.
func (v *Version) Notices() ([]Notice, error) {
	if _, ok := v.Manifest.file(NoticesFile); !ok {
		return nil, nil // made before there were any
	}
	raw, err := readBounded(v.Path(NoticesFile), DefaultLimits().ManifestBytes)
	if err != nil {
		return nil, err
	}
	return ParseNotices(raw)
}
