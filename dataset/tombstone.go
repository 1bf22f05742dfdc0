package dataset

import (
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// Tombstone stands for a row that was taken down. It keeps no word of it, only
// hashes that whoever has the row can find it by.
type Tombstone struct {
	URLSHA256 [32]byte  // of the canonical address
	Record    [32]byte  // the row's Merkle leaf
	Scope     string    // of the order
	Reason    string    // of the order
	At        time.Time // of the order
	Version   int64     // the first version without the row
	Leaf      merkle.Hash
}

const tombstoneDomain = "fallow-tombstone-v1"

func removedTable() *table[Tombstone] {
	return &table[Tombstone]{
		name: "tombstone", domain: tombstoneDomain,
		columns: []column[Tombstone]{
			{name: "url_sha256", about: "digest of the canonical address of the page", unit: "SHA-256", source: "router", kind: kindBinary, width: 32, plain: true, binary: func(t *Tombstone) []byte { return t.URLSHA256[:] }},
			{name: "record", about: "Merkle leaf of the row: what its column leaf held", unit: "SHA-256", source: "router", kind: kindBinary, width: 32, plain: true, binary: func(t *Tombstone) []byte { return t.Record[:] }},
			{name: "scope", about: "what the order named: url, site or pattern", source: "operator", dictionary: true, text: func(t *Tombstone) *string { return &t.Scope }},
			{name: "reason", about: "why, as the operator put it", source: "operator", dictionary: true, text: func(t *Tombstone) *string { return &t.Reason }},
			{name: "removed_at", about: "when it was ordered", unit: "microseconds since 1970-01-01 UTC", source: "operator", kind: kindTime, when: func(t *Tombstone) *time.Time { return &t.At }},
			{name: "version", about: "first version without the row", source: "router", kind: kindInt64, long: func(t *Tombstone) *int64 { return &t.Version }},
			{name: leafColumn, about: leafAbout, source: "router", unit: "SHA-256", kind: kindBinary, width: 32, plain: true, binary: func(t *Tombstone) []byte { return t.Leaf[:] }},
		},
		leaf: func(t *Tombstone) *merkle.Hash { return &t.Leaf },
	}
}

// ReadRemoved is ReadShard for removed.parquet.
func ReadRemoved(path string, yield func(row int64, t *Tombstone) error) error {
	return readFile(path, removedTable(), yield)
}
