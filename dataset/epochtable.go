package dataset

import (
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// EpochRow is one statement in the Parquet form of an epoch file. Its meaning is
// the ledger's; router/ledger/FORMULA.md has it. Lists are in the JSON that the
// other form of the file has for them, "" where they are empty.
type EpochRow struct {
	Node, Payout, Country string // base58; Payout "" = Node
	Standing              int32
	Reasons               string

	BytesSigned, BytesUnsigned, BytesDisputed, BytesLate int64
	OnlineSeconds                                        int64

	Presence, CappedSites, RoyaltyShares string

	Carriage, Availability, Correction, Amount, AmountEver int64
	Royalty, RoyaltyEver                                   int64

	Leaf merkle.Hash // over the other columns; set by the writer
}

// ReceiptRow is one receipt in the file that stands behind an epoch file, or one
// objection to a receipt.
type ReceiptRow struct {
	Node  string // base58
	Epoch int64
	Job   string
	Side  string // counted, agreed, late or dispute

	Sequence, BytesDown, BytesUp, Tunnels, Failures, OnlineSeconds int64

	RouterSig, NodeSig [64]byte // zeros where there is none
	About              string   // what else there is to say, in JSON

	Leaf merkle.Hash
}

const (
	epochDomain   = "fallow-epoch-row-v1"
	receiptDomain = "fallow-receipt-row-v1"
	// epochHeadKey is the footer key of what an epoch file says about no node
	// in particular.
	epochHeadKey = "fallow.epoch"
	// epochGroupRows is how many rows are gathered before they are written.
	epochGroupRows = 128 << 10
)

func text[T any](name, about string, dictionary bool, at func(*T) *string) column[T] {
	return column[T]{name: name, about: about, dictionary: dictionary, text: at}
}

func long[T any](name, about, unit string, at func(*T) *int64) column[T] {
	return column[T]{name: name, about: about, unit: unit, kind: kindInt64, long: at}
}

func leafOf[T any](at func(*T) []byte) column[T] {
	return column[T]{name: leafColumn, about: "Merkle leaf over all other columns of the row", unit: "SHA-256", kind: kindBinary, width: 32, plain: true, binary: at}
}

func epochTable() *table[EpochRow] {
	const bytes, points, money = "bytes", "micro-points", "base units of the token"
	return &table[EpochRow]{
		name: "epoch", domain: epochDomain,
		columns: []column[EpochRow]{
			text("node", "key of the node", false, func(r *EpochRow) *string { return &r.Node }),
			text("payout", "address to be paid, empty where it is the node's key", false, func(r *EpochRow) *string { return &r.Payout }),
			text("country", "country of the node, empty if unknown", true, func(r *EpochRow) *string { return &r.Country }),
			{name: "standing_permille", about: "multiplier of the node", kind: kindInt32, dictionary: true, short: func(r *EpochRow) *int32 { return &r.Standing }},
			text("reasons", "why the standing is below 1000, as JSON", true, func(r *EpochRow) *string { return &r.Reasons }),
			long("bytes_signed", "carried, agreed by both ends", bytes, func(r *EpochRow) *int64 { return &r.BytesSigned }),
			long("bytes_unsigned", "carried, by the router's count", bytes, func(r *EpochRow) *int64 { return &r.BytesUnsigned }),
			long("bytes_disputed", "carried, by the router's count, the node objected", bytes, func(r *EpochRow) *int64 { return &r.BytesDisputed }),
			long("bytes_late", "carried in earlier epochs, proven in this one", bytes, func(r *EpochRow) *int64 { return &r.BytesLate }),
			long("online_seconds", "online and sharing", "seconds", func(r *EpochRow) *int64 { return &r.OnlineSeconds }),
			text("presence", "online time by clump, as JSON", false, func(r *EpochRow) *string { return &r.Presence }),
			text("capped_sites", "sites that sent more than the cap, as JSON", true, func(r *EpochRow) *string { return &r.CappedSites }),
			text("royalty_shares", "records in the versions sold, as JSON", true, func(r *EpochRow) *string { return &r.RoyaltyShares }),
			long("carriage", "earned for bytes", points, func(r *EpochRow) *int64 { return &r.Carriage }),
			long("availability", "earned for being online", points, func(r *EpochRow) *int64 { return &r.Availability }),
			long("correction", "earned by a challenge of an earlier epoch", points, func(r *EpochRow) *int64 { return &r.Correction }),
			long("amount", "earned in the epoch", points, func(r *EpochRow) *int64 { return &r.Amount }),
			long("amount_ever", "earned in all epochs up to this one", points, func(r *EpochRow) *int64 { return &r.AmountEver }),
			long("royalty", "share of sales in the epoch", money, func(r *EpochRow) *int64 { return &r.Royalty }),
			long("royalty_ever", "share of sales in all epochs up to this one", money, func(r *EpochRow) *int64 { return &r.RoyaltyEver }),
			leafOf(func(r *EpochRow) []byte { return r.Leaf[:] }),
		},
		leaf: func(r *EpochRow) *merkle.Hash { return &r.Leaf },
	}
}

func receiptTable() *table[ReceiptRow] {
	return &table[ReceiptRow]{
		name: "receipt", domain: receiptDomain,
		columns: []column[ReceiptRow]{
			text("node", "key of the node", true, func(r *ReceiptRow) *string { return &r.Node }),
			long("epoch", "epoch the receipt belongs to", "", func(r *ReceiptRow) *int64 { return &r.Epoch }),
			text("job", "job the bytes were carried for, empty for online time", true, func(r *ReceiptRow) *string { return &r.Job }),
			text("side", "counted: the router's latest; agreed: the latest both signed; late; dispute", true, func(r *ReceiptRow) *string { return &r.Side }),
			long("sequence", "number of the receipt", "", func(r *ReceiptRow) *int64 { return &r.Sequence }),
			long("bytes_down", "from sites", "bytes", func(r *ReceiptRow) *int64 { return &r.BytesDown }),
			long("bytes_up", "to sites", "bytes", func(r *ReceiptRow) *int64 { return &r.BytesUp }),
			long("tunnels", "that reached their site", "", func(r *ReceiptRow) *int64 { return &r.Tunnels }),
			long("failures", "tunnels that did not", "", func(r *ReceiptRow) *int64 { return &r.Failures }),
			long("online_seconds", "online and sharing", "seconds", func(r *ReceiptRow) *int64 { return &r.OnlineSeconds }),
			{name: "router_sig", about: "the router's signature", unit: "Ed25519", kind: kindBinary, width: 64, plain: true, binary: func(r *ReceiptRow) []byte { return r.RouterSig[:] }},
			{name: "node_sig", about: "the node's signature, zeros if there is none", unit: "Ed25519", kind: kindBinary, width: 64, plain: true, binary: func(r *ReceiptRow) []byte { return r.NodeSig[:] }},
			text("about", "what else there is to say, as JSON", true, func(r *ReceiptRow) *string { return &r.About }),
			leafOf(func(r *ReceiptRow) []byte { return r.Leaf[:] }),
		},
		leaf: func(r *ReceiptRow) *merkle.Hash { return &r.Leaf },
	}
}

// WriteEpoch writes rows in their order as one Parquet file, with head in its
// footer. The file appears under path whole or not at all. Memory stays within
// one row group. The same rows make the same bytes.
func WriteEpoch(path, head string, rows iter.Seq2[*EpochRow, error]) error {
	return streamTable(path, epochTable(), head, rows)
}

// ReadEpoch calls yield for every row of an epoch file's Parquet form, in file
// order, after it has called begin with the head. Rows are reused between calls;
// their strings may be kept. Errors and bounds are those of ReadShard.
func ReadEpoch(path string, begin func(head string) error, yield func(row int64, r *EpochRow) error) error {
	return readHeaded(path, epochTable(), begin, yield)
}

// WriteReceipts is WriteEpoch for the receipts behind an epoch file.
func WriteReceipts(path, head string, rows iter.Seq2[*ReceiptRow, error]) error {
	return streamTable(path, receiptTable(), head, rows)
}

// ReadReceipts is ReadEpoch for the receipts behind an epoch file.
func ReadReceipts(path string, begin func(head string) error, yield func(row int64, r *ReceiptRow) error) error {
	return readHeaded(path, receiptTable(), begin, yield)
}

func readHeaded[T any](path string, t *table[T], begin func(string) error, yield func(int64, *T) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a regular file", ErrFormat, path)
	}
	limits := epochLimits()
	r, err := openTable(t, f, info.Size(), limits)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	head := r.key(epochHeadKey)
	r.close()
	if err := begin(head); err != nil {
		return err
	}
	if err := readTable(f, info.Size(), t, limits, yield); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// epochLimits allow for more rows than a shard has: a receipt file has one for
// each node and job.
func epochLimits() Limits {
	l := DefaultLimits()
	l.ShardRows = 256 << 20
	l.FooterBytes = 128 << 20 // the head alone may take 64 MiB
	return l
}

// streamTable writes rows as they come. Unlike writeTable it reads nothing
// back: the same content exists in a second form.
func streamTable[T any](path string, t *table[T], head string, rows iter.Seq2[*T, error]) error {
	tmp := path + tmpSuffix
	_, _, err := createFile(tmp, func(w io.Writer) error { return t.stream(w, head, rows) })
	if err == nil {
		err = moveInto(tmp, path)
	}
	if err != nil {
		_ = os.Remove(tmp) // of no use, and the next attempt overwrites it
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func (t *table[T]) stream(w io.Writer, head string, rows iter.Seq2[*T, error]) (err error) {
	defer func() { // Arrow's way to say that something is wrong
		if p := recover(); p != nil {
			err = fmt.Errorf("write Parquet: %v", p)
		}
	}()
	root, err := t.parquet()
	if err != nil {
		return err
	}
	f := &fileWriter[T]{table: t, limits: DefaultLimits(), crew: newCrew(nil), w: w}
	f.meta = metadata.NewFileMetadataBuilder(schema.NewSchema(root), t.properties(), nil)
	if err := f.put([]byte(parquetMagic)); err != nil {
		return err
	}
	tally := newTally(t)
	group := make([]*T, 0, 1024)
	for row, err := range rows {
		if err != nil {
			return err
		}
		kept := *row
		*t.leaf(&kept) = tally.add(&kept)
		if group = append(group, &kept); len(group) == epochGroupRows {
			if err := f.group(group); err != nil {
				return err
			}
			group = group[:0]
		}
	}
	if len(group) > 0 {
		if err := f.group(group); err != nil {
			return err
		}
	}
	keys, err := tally.footerKeys()
	if err != nil {
		return err
	}
	footer, err := t.footer(keys)
	if err != nil {
		return err
	}
	for i, key := range footer.Keys() {
		if err := f.meta.AppendKeyValueMetadata(key, footer.Values()[i]); err != nil {
			return fmt.Errorf("footer key %s: %w", key, err)
		}
	}
	if err := f.meta.AppendKeyValueMetadata(epochHeadKey, head); err != nil {
		return fmt.Errorf("footer key %s: %w", epochHeadKey, err)
	}
	return f.close()
}
