package dataset

// Limits bounds everything this package writes, accepts or allocates. Writers
// refuse what is above them; readers call it damage.
type Limits struct {
	// TextBytes is the longest Text of a record. Default 16 MiB.
	TextBytes int
	// BodyBytes is the longest Body of an answer. Default 32 MiB.
	BodyBytes int
	// FieldBytes is the longest value of any other text field. Default 64 KiB.
	FieldBytes int
	// Signals is the most opt-out signals one record may carry. Default 64.
	Signals int
	// ShardRows is the most rows of one shard. Default 16 Mi.
	ShardRows int64
	// RowGroupBytes closes a row group once its values are this large,
	// uncompressed. Default 128 MiB.
	RowGroupBytes int64
	// RowGroupRows is the most rows of a row group. Default 1 Mi.
	RowGroupRows int64
	// PageBytes is the size at which a page is closed, uncompressed. Default
	// 4 MiB; one long text may make a page larger, small files have smaller ones.
	PageBytes int64
	// MaxPageBytes is the largest page a reader allocates for, and the most
	// values it expects in one. Default 64 MiB.
	MaxPageBytes int64
	// FooterBytes is the largest Parquet footer a reader parses. Default 64 MiB.
	FooterBytes int64
	// ManifestBytes is the largest manifest.json a reader parses. Default 256 MiB.
	ManifestBytes int64
	// Shards is the most shards of a version. Default 100,000 minus one, what
	// five digits can name.
	Shards int
	// Duplicates is the most dropped pages listed in a version. Default 16 Mi.
	Duplicates int
	// Problems is the most problems a report lists in full; the rest is
	// counted. Default 100.
	Problems int
}

// DefaultLimits are the bounds that published datasets keep.
func DefaultLimits() Limits {
	return Limits{
		TextBytes:     16 << 20,
		BodyBytes:     32 << 20,
		FieldBytes:    64 << 10,
		Signals:       64,
		ShardRows:     16 << 20,
		RowGroupBytes: 128 << 20,
		RowGroupRows:  1 << 20,
		PageBytes:     4 << 20,
		MaxPageBytes:  64 << 20,
		FooterBytes:   64 << 20,
		ManifestBytes: 256 << 20,
		Shards:        99_999,
		Duplicates:    16 << 20,
		Problems:      100,
	}
}
