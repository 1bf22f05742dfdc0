package dataset

import (
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// SchemaVersion names the columns of this build; it changes when a column is
// added, removed or given another meaning. It is written into every footer
// and manifest.
const SchemaVersion = "1"

// rowDomain and duplicateDomain start the canonical bytes of a row, so that a
// leaf of one tree is never a leaf of another.
const (
	rowDomain       = "fallow-row-v1"
	duplicateDomain = "fallow-duplicate-v1"
)

func recordsTable() *table[Record] {
	return &table[Record]{
		name: "record", domain: rowDomain,
		columns: append(append(finewebColumns(), originColumns()...), trustColumns()...),
		leaf:    func(r *Record) *merkle.Hash { return &r.Leaf },
	}
}

// finewebColumns are those of FineWeb-2, in its order, so that what reads one
// reads the other.
func finewebColumns() []column[Record] {
	return []column[Record]{
		{name: "text", about: "main text of the page, NFC, without control characters", unit: "UTF-8", text: func(r *Record) *string { return &r.Text }},
		{name: "id", about: "identifier of the record, unique in the dataset", text: func(r *Record) *string { return &r.ID }},
		{name: "dump", about: "crawl the record belongs to: dataset and job", dictionary: true, text: func(r *Record) *string { return &r.Dump }},
		{name: "url", about: "canonical address of the page", unit: "URL", text: func(r *Record) *string { return &r.URL }},
		{name: "date", about: "when the page was fetched", unit: "RFC 3339, UTC", text: func(r *Record) *string { return &r.Date }},
		{name: "file_path", about: "where the bytes came from: a locator inside the router, for its operator", dictionary: true, text: func(r *Record) *string { return &r.FilePath }},
		{name: "language", about: "detected language", unit: "ISO 639-3", dictionary: true, text: func(r *Record) *string { return &r.Language }},
		{name: "language_script", about: "script of the text", unit: "ISO 15924", dictionary: true, text: func(r *Record) *string { return &r.LanguageScript }},
		{name: "language_score", about: "confidence of the language detection", unit: "0 to 1", kind: kindFloat, real: func(r *Record) *float64 { return &r.LanguageScore }},
		{name: "token_count", about: "estimated tokens of text", unit: "tokens", kind: kindInt64, long: func(r *Record) *int64 { return &r.TokenCount }},
		{name: "minhash_cluster_size", about: "pages in the near-duplicate cluster this record was kept from, itself included", unit: "pages", kind: kindInt64, long: func(r *Record) *int64 { return &r.MinhashClusterSize }},
	}
}

// originColumns say where and when the page was found and how it was answered.
func originColumns() []column[Record] {
	return []column[Record]{
		{name: "host", about: "host name of url", dictionary: true, text: func(r *Record) *string { return &r.Host }},
		{name: "site", about: "registrable domain of host", dictionary: true, text: func(r *Record) *string { return &r.Site }},
		{name: "surt", about: "sort-friendly form of url; shards are sorted by it", unit: "SURT", text: func(r *Record) *string { return &r.SURT }},
		{name: "title", about: "title of the page", unit: "UTF-8", text: func(r *Record) *string { return &r.Title }},
		{name: "fetched_at", about: "when the answer was complete at the router", unit: "microseconds since 1970-01-01 UTC", kind: kindTime, when: func(r *Record) *time.Time { return &r.FetchedAt }},
		{name: "status", about: "HTTP status of the answer", unit: "HTTP status", dictionary: true, kind: kindInt32, short: func(r *Record) *int32 { return &r.Status }},
		{name: "mime", about: "media type of the answer, without parameters", dictionary: true, text: func(r *Record) *string { return &r.MIME }},
		{name: "charset", about: "character set the body was decoded from", unit: "WHATWG label", dictionary: true, text: func(r *Record) *string { return &r.Charset }},
		{name: "text_digest", about: "digest of the normalised text that exact duplicates share", unit: "BLAKE3, 128 bits", kind: kindBinary, width: 16, plain: true, binary: func(r *Record) []byte { return r.TextDigest[:] }},
		{name: "node_country", about: "country of the node the page came through; empty if unknown, never an address", unit: "ISO 3166-1 alpha-2", dictionary: true, text: func(r *Record) *string { return &r.NodeCountry }},
		{name: "job", about: "job that asked for the page", dictionary: true, text: func(r *Record) *string { return &r.Job }},
		{name: "lease", about: "serial of the lease under which the bytes were carried: the reference into receipts", unit: "128 bits", kind: kindBinary, width: 16, binary: func(r *Record) []byte { return r.Lease[:] }},
	}
}

// trustColumns say what the page may be used for and what vouches for it.
func trustColumns() []column[Record] {
	return []column[Record]{
		{name: "robots", about: "decision of the gate on this fetch", unit: "reason code", dictionary: true, text: func(r *Record) *string { return &r.Robots }},
		{name: "robots_rule", about: "rule of robots.txt that decided, verbatim; empty if none matched", dictionary: true, text: func(r *Record) *string { return &r.RobotsRule }},
		{name: "ai_train", about: "what the site says about training AI on the page: y, n, or empty if it says nothing", dictionary: true, text: func(r *Record) *string { return &r.AITrain }},
		{name: "signals", about: "opt-out and usage signals as found, each with its source", kind: kindSignals, signals: func(r *Record) *[]Signal { return &r.Signals }},
		{name: "extractor", about: "what made text out of the page", dictionary: true, text: func(r *Record) *string { return &r.Extractor }},
		{name: "extractor_version", about: "its version", dictionary: true, text: func(r *Record) *string { return &r.ExtractorVersion }},
		{name: "transport", about: "https, or http: then a node could have altered the page", dictionary: true, text: func(r *Record) *string { return &r.Transport }},
		{name: "tls_version", about: "TLS version spoken with the site", dictionary: true, text: func(r *Record) *string { return &r.TLSVersion }},
		{name: "tls_cert_sha256", about: "digest of the site's certificate (DER); zeros without TLS", unit: "SHA-256", kind: kindBinary, width: 32, dictionary: true, binary: func(r *Record) []byte { return r.TLSCertSHA256[:] }},
		{name: leafColumn, about: "Merkle leaf over all other columns of the row", unit: "SHA-256", kind: kindBinary, width: 32, plain: true, binary: func(r *Record) []byte { return r.Leaf[:] }},
	}
}

// leafColumn is the name of the last column of every table.
const leafColumn = "leaf"

func duplicatesTable() *table[Duplicate] {
	return &table[Duplicate]{
		name: "duplicate", domain: duplicateDomain,
		columns: []column[Duplicate]{
			{name: "dropped_id", about: "identifier the dropped page would have had", text: func(d *Duplicate) *string { return &d.DroppedID }},
			{name: "dropped_url", about: "canonical address of the dropped page", unit: "URL", text: func(d *Duplicate) *string { return &d.DroppedURL }},
			{name: "kept_id", about: "id of the record that was kept instead", text: func(d *Duplicate) *string { return &d.KeptID }},
			{name: "kind", about: "exact or near", dictionary: true, text: func(d *Duplicate) *string { return &d.Kind }},
			{name: "similarity", about: "Jaccard similarity of word shingles; 1 for exact", unit: "0 to 1", kind: kindFloat, real: func(d *Duplicate) *float64 { return &d.Similarity }},
			{name: leafColumn, about: "Merkle leaf over all other columns of the row", unit: "SHA-256", kind: kindBinary, width: 32, plain: true, binary: func(d *Duplicate) []byte { return d.Leaf[:] }},
		},
		leaf: func(d *Duplicate) *merkle.Hash { return &d.Leaf },
	}
}
