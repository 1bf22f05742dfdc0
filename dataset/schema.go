package dataset

import (
	"slices"
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// SchemaVersion names the columns of this build, a number that grows by one
// when columns are added; none is ever removed or given another meaning. It is
// written into every footer and manifest. layout.go reads other versions.
const SchemaVersion = "2"

// rowDomain and duplicateDomain start the canonical bytes of a row, so that a
// leaf of one tree is never a leaf of another.
const (
	rowDomain       = "fallow-row-v1"
	duplicateDomain = "fallow-duplicate-v1"
	rawDomain       = "fallow-raw-v1"
)

func recordsTable() *table[Record] {
	return &table[Record]{
		name: "record", domain: rowDomain,
		columns: slices.Concat(finewebColumns(), originColumns(), trustColumns(), rightsColumns(), []column[Record]{
			{name: leafColumn, about: leafAbout, source: "router", unit: "SHA-256", kind: kindBinary, width: 32, plain: true, binary: func(r *Record) []byte { return r.Leaf[:] }},
		}),
		leaf: func(r *Record) *merkle.Hash { return &r.Leaf },
	}
}

// finewebColumns are those of FineWeb-2, in its order, so that what reads one
// reads the other.
func finewebColumns() []column[Record] {
	return []column[Record]{
		{name: "text", about: "main text of the page, NFC, without control characters", source: "extractor", unit: "UTF-8", text: func(r *Record) *string { return &r.Text }},
		{name: "id", about: "identifier of the record, unique in the dataset", source: "router", text: func(r *Record) *string { return &r.ID }},
		{name: "dump", about: "crawl the record belongs to: dataset and job", source: "job", dictionary: true, text: func(r *Record) *string { return &r.Dump }},
		{name: "url", about: "canonical address of the page", source: "router", unit: "URL", text: func(r *Record) *string { return &r.URL }},
		{name: "date", about: "when the page was fetched", source: "router", unit: "RFC 3339, UTC", text: func(r *Record) *string { return &r.Date }},
		{name: "file_path", about: "where the bytes came from: a locator inside the router, for its operator", source: "router", dictionary: true, text: func(r *Record) *string { return &r.FilePath }},
		{name: "language", about: "detected language", source: "language detector", unit: "ISO 639-3", dictionary: true, text: func(r *Record) *string { return &r.Language }},
		{name: "language_script", about: "script of the text", source: "language detector", unit: "ISO 15924", dictionary: true, text: func(r *Record) *string { return &r.LanguageScript }},
		{name: "language_score", about: "confidence of the language detection", source: "language detector", unit: "0 to 1", kind: kindFloat, real: func(r *Record) *float64 { return &r.LanguageScore }},
		{name: "token_count", about: "estimated tokens of text", source: "extractor", unit: "tokens", kind: kindInt64, long: func(r *Record) *int64 { return &r.TokenCount }},
		{name: "minhash_cluster_size", about: "pages in the near-duplicate cluster this record was kept from, itself included", source: "deduplication", unit: "pages", kind: kindInt64, long: func(r *Record) *int64 { return &r.MinhashClusterSize }},
	}
}

// originColumns say where and when the page was found and how it was answered.
func originColumns() []column[Record] {
	return []column[Record]{
		{name: "host", about: "host name of url", source: "router", dictionary: true, text: func(r *Record) *string { return &r.Host }},
		{name: "site", about: "registrable domain of host", source: "public suffix list", dictionary: true, text: func(r *Record) *string { return &r.Site }},
		{name: "surt", about: "sort-friendly form of url; shards are sorted by it", source: "router", unit: "SURT", text: func(r *Record) *string { return &r.SURT }},
		{name: "title", about: "title of the page", source: "page", unit: "UTF-8", text: func(r *Record) *string { return &r.Title }},
		{name: "fetched_at", about: "when the answer was complete at the router", source: "router", unit: "microseconds since 1970-01-01 UTC", kind: kindTime, when: func(r *Record) *time.Time { return &r.FetchedAt }},
		{name: "status", about: "HTTP status of the answer", source: "HTTP answer", unit: "HTTP status", dictionary: true, kind: kindInt32, short: func(r *Record) *int32 { return &r.Status }},
		{name: "mime", about: "media type of the answer, without parameters", source: "HTTP answer and page", dictionary: true, text: func(r *Record) *string { return &r.MIME }},
		{name: "charset", about: "character set the body was decoded from", source: "HTTP answer and page", unit: "WHATWG label", dictionary: true, text: func(r *Record) *string { return &r.Charset }},
		{name: "text_digest", about: "digest of the normalised text that exact duplicates share", source: "router", unit: "BLAKE3, 128 bits", kind: kindBinary, width: 16, plain: true, binary: func(r *Record) []byte { return r.TextDigest[:] }},
		{name: "node_country", about: "country of the node the page came through; empty if unknown, never an address", source: "router", unit: "ISO 3166-1 alpha-2", dictionary: true, text: func(r *Record) *string { return &r.NodeCountry }},
		{name: "job", about: "job that asked for the page", source: "job", dictionary: true, text: func(r *Record) *string { return &r.Job }},
		{name: "lease", about: "serial of the lease under which the bytes were carried: the reference into receipts", source: "router", unit: "128 bits", kind: kindBinary, width: 16, binary: func(r *Record) []byte { return r.Lease[:] }},
	}
}

// trustColumns say what the page may be used for and what vouches for it.
func trustColumns() []column[Record] {
	return []column[Record]{
		{name: "robots", about: "decision of the gate on this fetch", source: "gate", unit: "reason code", dictionary: true, text: func(r *Record) *string { return &r.Robots }},
		{name: "robots_rule", about: "rule of robots.txt that decided, verbatim; empty if none matched", source: "robots.txt", dictionary: true, text: func(r *Record) *string { return &r.RobotsRule }},
		{name: "ai_train", about: "what the site says about training AI on the page: y, n, or empty if it says nothing", source: "gate", dictionary: true, text: func(r *Record) *string { return &r.AITrain }},
		{name: "signals", about: "opt-out and usage signals as found, each with its source", source: "robots.txt, HTTP answer, page, well-known files", kind: kindSignals, signals: func(r *Record) *[]Signal { return &r.Signals }},
		{name: "extractor", about: "what made text out of the page", source: "extractor", dictionary: true, text: func(r *Record) *string { return &r.Extractor }},
		{name: "extractor_version", about: "its version", source: "extractor", dictionary: true, text: func(r *Record) *string { return &r.ExtractorVersion }},
		{name: "transport", about: "https, or http: then a node could have altered the page", source: "router", dictionary: true, text: func(r *Record) *string { return &r.Transport }},
		{name: "tls_version", about: "TLS version spoken with the site", source: "TLS handshake", dictionary: true, text: func(r *Record) *string { return &r.TLSVersion }},
		{name: "tls_cert_sha256", about: "digest of the site's certificate (DER); zeros without TLS", source: "TLS handshake", unit: "SHA-256", kind: kindBinary, width: 32, dictionary: true, binary: func(r *Record) []byte { return r.TLSCertSHA256[:] }},
	}
}

// leafColumn is the name of the last column of every table.
const (
	leafColumn = "leaf"
	leafAbout  = "Merkle leaf over all other columns of the row"
)

// rightsColumns came with schema 2: what may be done with the page, what it
// holds that is personal, and where to look further.
func rightsColumns() []column[Record] {
	return []column[Record]{
		{name: "duplicate_cluster", since: 2, about: "identifier shared by the near duplicates this record was kept from; empty if it is alone", source: "deduplication", text: func(r *Record) *string { return &r.DuplicateCluster }},
		{name: "license", since: 2, about: "licence the page names for itself: a hint, not a grant; empty if it names none", unit: "SPDX identifier or URL", source: "page", dictionary: true, text: func(r *Record) *string { return &r.License }},
		{name: "license_source", since: 2, about: "where the hint stood: link, meta, json-ld, text, header, robots", source: "page", dictionary: true, text: func(r *Record) *string { return &r.LicenseSource }},
		{name: "pii_email", since: 2, about: "e-mail addresses found in text", unit: "occurrences", source: "extractor", kind: kindInt32, short: func(r *Record) *int32 { return &r.PIIEmail }},
		{name: "pii_phone", since: 2, about: "telephone numbers found in text", unit: "occurrences", source: "extractor", kind: kindInt32, short: func(r *Record) *int32 { return &r.PIIPhone }},
		{name: "pii_iban", since: 2, about: "bank account numbers found in text", unit: "occurrences", source: "extractor", kind: kindInt32, short: func(r *Record) *int32 { return &r.PIIIBAN }},
		{name: "pii_national_id", since: 2, about: "national identity numbers found in text", unit: "occurrences", source: "extractor", kind: kindInt32, short: func(r *Record) *int32 { return &r.PIINationalID }},
		{name: "collector", since: 2, about: "collector that read fields, with its version; empty if none applied", source: "collector", dictionary: true, text: func(r *Record) *string { return &r.Collector }},
		{name: "fields", since: 2, about: "what the collector read, one JSON object; empty if none applied", unit: "JSON", source: "collector", text: func(r *Record) *string { return &r.Fields }},
		{name: "body_sha256", since: 2, about: "digest of the body with content coding undone; what the raw files hold", unit: "SHA-256", source: "HTTP answer", kind: kindBinary, width: 32, plain: true, binary: func(r *Record) []byte { return r.BodySHA256[:] }},
		{name: "body_bytes", since: 2, about: "length of that body", unit: "bytes", source: "HTTP answer", kind: kindInt64, long: func(r *Record) *int64 { return &r.BodyBytes }},
		{name: "epoch", since: 2, about: "epoch in which the bytes were carried: with job and lease it names the receipt; 0 if not known", unit: "epoch number", source: "router", kind: kindInt64, long: func(r *Record) *int64 { return &r.Epoch }},
	}
}

func duplicatesTable() *table[Duplicate] {
	return &table[Duplicate]{
		name: "duplicate", domain: duplicateDomain,
		columns: []column[Duplicate]{
			{name: "dropped_id", about: "identifier the dropped page would have had", source: "router", text: func(d *Duplicate) *string { return &d.DroppedID }},
			{name: "dropped_url", about: "canonical address of the dropped page", source: "router", unit: "URL", text: func(d *Duplicate) *string { return &d.DroppedURL }},
			{name: "kept_id", about: "id of the record that was kept instead", source: "deduplication", text: func(d *Duplicate) *string { return &d.KeptID }},
			{name: "kind", about: "exact or near", source: "deduplication", dictionary: true, text: func(d *Duplicate) *string { return &d.Kind }},
			{name: "similarity", about: "Jaccard similarity of word shingles; 1 for exact", source: "deduplication", unit: "0 to 1", kind: kindFloat, real: func(d *Duplicate) *float64 { return &d.Similarity }},
			{name: leafColumn, about: leafAbout, source: "router", unit: "SHA-256", kind: kindBinary, width: 32, plain: true, binary: func(d *Duplicate) []byte { return d.Leaf[:] }},
		},
		leaf: func(d *Duplicate) *merkle.Hash { return &d.Leaf },
	}
}

func rawTable() *table[Raw] {
	return &table[Raw]{
		name: "raw", domain: rawDomain,
		columns: []column[Raw]{
			{name: "id", about: "id of the record made of this answer", source: "router", text: func(r *Raw) *string { return &r.ID }},
			{name: "url", about: "address the answer came from", unit: "URL", source: "router", text: func(r *Raw) *string { return &r.URL }},
			{name: "fetched_at", about: "when the answer was complete at the router", unit: "microseconds since 1970-01-01 UTC", source: "router", kind: kindTime, when: func(r *Raw) *time.Time { return &r.FetchedAt }},
			{name: "status", about: "HTTP status of the answer", unit: "HTTP status", source: "HTTP answer", dictionary: true, kind: kindInt32, short: func(r *Raw) *int32 { return &r.Status }},
			{name: "protocol", about: "protocol of the answer", source: "HTTP answer", dictionary: true, text: func(r *Raw) *string { return &r.Protocol }},
			{name: "mime", about: "media type of the answer, without parameters", source: "HTTP answer and page", dictionary: true, text: func(r *Raw) *string { return &r.MIME }},
			{name: "header", about: "header of the answer, sorted by name, without cookies and without the content coding undone in body", unit: "lines with CRLF", source: "HTTP answer", text: func(r *Raw) *string { return &r.Header }},
			{name: "body_sha256", about: "digest of body; the record has the same", unit: "SHA-256", source: "router", kind: kindBinary, width: 32, plain: true, binary: func(r *Raw) []byte { return r.BodySHA256[:] }},
			{name: "body", about: "body of the answer, content coding undone, otherwise as the site sent it", source: "HTTP answer", kind: kindBytes, bytes: func(r *Raw) *[]byte { return &r.Body }},
			{name: leafColumn, about: leafAbout, source: "router", unit: "SHA-256", kind: kindBinary, width: 32, plain: true, binary: func(r *Raw) []byte { return r.Leaf[:] }},
		},
		leaf: func(r *Raw) *merkle.Hash { return &r.Leaf },
	}
}
