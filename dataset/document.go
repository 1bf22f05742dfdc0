package dataset

import (
	"bytes"
	"fmt"
	"strings"
)

// SchemaDocument is the text of SCHEMA.md, made from the tables of this
// package.
func SchemaDocument() []byte {
	var out bytes.Buffer
	out.WriteString(strings.ReplaceAll(documentIntro, "{{version}}", SchemaVersion))
	documentTable(&out, recordsTable(), "## Shards: `data/**/*.parquet`", "sorted by `surt`, then `id`")
	documentTable(&out, rawTable(), "## Answers: `raw/**/*.parquet`", "sorted by `id`; a job keeps them only if it is asked to")
	documentTable(&out, duplicatesTable(), "## Dropped pages: `duplicates.parquet`", "in the order in which they were dropped")
	documentTable(&out, removedTable(), "## Rows taken down: `removed.parquet`", "in the order in which they were taken down")
	out.WriteString(documentProof)
	documentVector(&out)
	return out.Bytes()
}

const documentIntro = `# Schema {{version}} of Fallow datasets

Generated from the code by ` + "`go generate ./dataset`" + `; do not edit.

A version of a dataset is a folder:

| file | holds |
|---|---|
| ` + "`manifest.json`" + ` | what the version is, its figures, digest and size of every other file, roots; signed by the router |
| ` + "`data/train-NNNNN-of-MMMMM.parquet`" + ` | the records |
| ` + "`raw/train-NNNNN-of-MMMMM.parquet`" + ` | the answers these were made of, where the job kept them; joined by ` + "`id`" + ` |
| ` + "`duplicates.parquet`" + ` | pages that were dropped, and what is kept instead |
| ` + "`removed.parquet`" + ` | hashes of rows that were taken down, and why |
| ` + "`notices.json`" + ` | the orders these were taken down by, for whoever has an earlier version |
| ` + "`sample/train-00000-of-00001.parquet`" + ` | up to 100 records, spread evenly |
| ` + "`sites.json`" + ` | records by site |
| ` + "`croissant.json`" + ` | description after MLCommons Croissant 1.1, with provenance (PROV-O) and terms (ODRL) |
| ` + "`provenance.json`" + ` | where each shard comes from, what the gate refused, what was taken down |
| ` + "`eu-summary.json`, `eu-summary.md`" + ` | what the version contributes to the public summary of training content (EU) |
| ` + "`README.md`" + ` | the card, with the header that the Hugging Face hub reads |
| ` + "`SHA256SUMS`" + ` | digests of the files above but the manifest, for ` + "`sha256sum -c`" + ` |

No column may be null. Parquet stores texts as DELTA_LENGTH_BYTE_ARRAY, numbers and times as DELTA_BINARY_PACKED,
columns with few distinct values with a dictionary; pages are zstd, except digests, which nothing makes smaller. The
footer carries the Arrow schema with description and unit of each field, ` + "`fallow.schema`" + `, ` + "`fallow.root`" + ` (Merkle root of the
rows) and ` + "`fallow.columns`" + ` (xxHash64 of each column's values, to locate damage; it proves nothing).

The schema is a number that grows when columns are added. None is removed or given another meaning. Added columns are flat
and of the types text, binary, int64, int32, float64 or time, and may stand anywhere but last, so a program that knows an
older schema reads a newer file: it takes each column it does not know into the row's leaf, under the name and at the place
that the file gives it, and otherwise passes over it. A version may hold shards of several schemas, as it keeps the shards
of the versions before it.

**Versions.** A version never changes. The next one keeps the shards of the one before as they are, byte for byte, and adds
new ones, so what is new is what has another SHA-256. The exception are takedowns: a shard that has rows to leave out is
written anew without them, all other rows as they were, and its entry in the manifest has ` + "`origin`" + `: the SHA-256 of the shard
as the crawl committed it. Shards with equal ` + "`origin`" + ` (or, without one, SHA-256) bring the same rows, less what was taken
down; those of which nothing is left are listed in ` + "`emptied`" + `.

`

func documentTable[T any](out *bytes.Buffer, t *table[T], title, order string) {
	fmt.Fprintf(out, "%s\n\nRows are %s.\n\n| # | column | Arrow type | unit | from | since | meaning |\n|---|---|---|---|---|---|---|\n", title, order)
	for i, c := range t.columns {
		name := c.arrow().String()
		if c.kind == kindBinary {
			name = fmt.Sprintf("binary, %d bytes", c.width)
		}
		fmt.Fprintf(out, "| %d | `%s` | %s | %s | %s | %d | %s |\n", i+1, c.name, name, c.unit, c.source, max(c.since, 1), c.about)
	}
	out.WriteString("\n")
}

const documentProof = `## Proof

**Row encoding.** The canonical bytes of a row are, one after the other: the domain (` + "`" + rowDomain + "`" + ` for records,
` + "`" + rawDomain + "`" + ` for answers, ` + "`" + duplicateDomain + "`" + ` for dropped pages; ASCII, no terminator); the number of columns without ` + "`leaf`" + ` (32 bits); then for each
of these columns in the file's order: length of its name (32 bits), its name, length of its value (64 bits), its value. All numbers
are unsigned and big-endian. Values: texts as UTF-8; binaries as they are; int64, int32 and times (microseconds) in two's
complement, big-endian, 8, 4 and 8 bytes; float64 as its IEEE 754 bits, big-endian; signals as their number (32 bits), then
for each: length of the source (32 bits), the source, length of the text (32 bits), the text.

**Row leaf.** SHA-256 over the byte 0x00 and the row encoding. It stands in the column ` + "`leaf`" + `.

**Shard root.** Root of the RFC 9162 Merkle tree (SHA-256, inner nodes under the byte 0x01) over the row leaves in file order.

**Total root.** Root of the same kind of tree over the shards in the manifest's order. The leaf of a shard is SHA-256 over
0x00, ` + "`" + shardDomain + "`" + `, its number of rows (64 bits, big-endian) and its root (32 bytes).

**Signature.** ` + "`manifest.json`" + ` ends with its field ` + "`signature`" + `: 128 lower-case hex digits, then a quote, a line feed, a closing
brace and a line feed. It is an Ed25519 signature, by the key in the field ` + "`router`" + ` (base58), over ` + "`" + manifestFormat + "`" + `, a line
feed and every byte of the file before the first hex digit.

**Proof of a row.** ` + "`fallow-data prove`" + ` writes JSON with ` + "`encoding`" + ` (the row encoding, base64), ` + "`file`" + ` and ` + "`row`" + ` (the shard and the
row's number in it, from 0), ` + "`path`" + ` (the sibling hashes from the leaf upwards, RFC 9162, 2.1.3), ` + "`manifest`" + ` (manifest.json as it
is) and ` + "`record`" + ` (the row for people). It is right if the leaf of the encoding leads by the path to the ` + "`root`" + ` of that shard in the
manifest, with its ` + "`rows`" + ` as the size of the tree, and if the manifest's signature fits. There is one form of it, two spaces a
level: verify takes no other.

**On a chain.** A version is committed by the memo ` + "`fallow-dataset-v1 NAME VERSION ROOT`" + ` (root in lower-case hex) in a Solana
transaction.

## Test vector

`

// documentVector shows one encoded row, so that another implementation can
// check itself.
func documentVector(out *bytes.Buffer) {
	d := &Duplicate{DroppedID: "a", DroppedURL: "https://example.org/a", KeptID: "b", Kind: ExactDuplicate, Similarity: 1}
	e := newRowEncoder(duplicatesTable())
	fmt.Fprintf(out, "The dropped page %q at %q, kept %q, kind %q, similarity 1, has the row encoding\n\n```\n", d.DroppedID, d.DroppedURL, d.KeptID, d.Kind)
	raw := fmt.Sprintf("%x", e.bytes(d))
	for len(raw) > 0 {
		n := min(len(raw), 96)
		fmt.Fprintln(out, raw[:n])
		raw = raw[n:]
	}
	fmt.Fprintf(out, "```\n\nand the leaf `%s`.\n", e.leaf(d))
}
