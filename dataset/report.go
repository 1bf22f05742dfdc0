package dataset

import (
	"fmt"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// The kinds of a Problem. They are stable: programs may branch on them.
const (
	ProblemManifest   = "manifest"   // manifest.json is missing something or is not one
	ProblemSignature  = "signature"  // the router did not sign these bytes
	ProblemKey        = "key"        // another router signed than the one insisted on
	ProblemMissing    = "missing"    // a file of the manifest is not there
	ProblemUnexpected = "unexpected" // a file is there that the manifest does not know
	ProblemDigest     = "digest"     // size or SHA-256 of a file differ
	ProblemFormat     = "format"     // a file is not a readable Fallow Parquet file
	ProblemUnreadable = "unreadable" // a part of a column cannot be decoded
	ProblemRow        = "row"        // a row is not what its leaf says
	ProblemRoot       = "root"       // a Merkle root differs: rows were exchanged, added, removed or moved
	ProblemChain      = "chain"      // a transaction that should commit the version does not
	ProblemFigure     = "figure"     // a number in the manifest is not what the files say
)

// Problem is one thing that is not as it was signed.
type Problem struct {
	Kind string `json:"kind"`
	File string `json:"file"` // slash-separated, relative to the version
	// Row is the first row concerned and LastRow the last, both counted from 0
	// in the file; nil where no row can be named.
	Row     *int64 `json:"row,omitempty"`
	LastRow *int64 `json:"last_row,omitempty"`
	// Field names what differs: a column, several joined by " or " where it is
	// one of them, or a field of the manifest.
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
}

// String is the problem on one line.
func (p Problem) String() string {
	where := p.File
	if p.Row != nil {
		where += fmt.Sprintf(", row %d", *p.Row)
		if p.LastRow != nil && *p.LastRow != *p.Row {
			where += fmt.Sprintf(" to %d", *p.LastRow)
		}
	}
	if p.Field != "" {
		where += ", field " + p.Field
	}
	return where + ": " + p.Detail
}

// The kinds of path that can be verified.
const (
	KindVersion = "version"
	KindShard   = "shard"
	KindProof   = "proof" // of one row
)

// Report is the outcome of Verify. Rows are counted from 0.
type Report struct {
	Path     string      `json:"path"`
	Kind     string      `json:"kind"`
	Valid    bool        `json:"valid"`
	Dataset  string      `json:"dataset,omitempty"`
	Version  int         `json:"version,omitempty"`
	Router   string      `json:"router,omitempty"` // key that signed, base58; empty if nothing is signed
	Root     merkle.Hash `json:"root"`             // recomputed
	Shards   int         `json:"shards"`
	Rows     int64       `json:"rows"`  // read and checked
	Bytes    int64       `json:"bytes"` // of all files read
	Problems []Problem   `json:"problems"`
	Omitted  int64       `json:"omitted"` // problems beyond the limit, only counted
	Notes    []string    `json:"notes"`   // what the reader should know, no fault

	// Manifest is the one that was judged, nil if there was none to read.
	Manifest *Manifest `json:"-"`

	limit int
}

// Reject adds a problem that was found elsewhere; the report is not valid then.
func (r *Report) Reject(p Problem) {
	r.Valid = false
	r.add(p)
}

func (r *Report) add(p Problem) {
	if len(r.Problems) >= r.limit {
		r.Omitted++
		return
	}
	r.Problems = append(r.Problems, p)
}

func (r *Report) addf(kind, file, format string, args ...any) {
	r.add(Problem{Kind: kind, File: file, Detail: fmt.Sprintf(format, args...)})
}
