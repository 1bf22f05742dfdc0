package dedupe

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"lukechampine.com/blake3"

	"github.com/fallow-network/fallow/router/dedupe/alike"
)

var (
	// ErrFull is returned by Check when Config.MaxStaged entries wait for their
	// commit: seal and commit the open shard first.
	ErrFull = errors.New("dedupe: too many entries staged")
	// ErrID is returned by Check for an id that is empty or longer than
	// Config.MaxID.
	ErrID = errors.New("dedupe: document id is empty or too long")
)

// Kind says in which way a document duplicates another.
type Kind uint8

// The kinds of duplicates.
const (
	None  Kind = iota // the first of its kind: keep it
	Exact             // its normalised text equals the kept document's
	Near              // its text resembles the kept document's
)

// String is "none", "exact" or "near".
func (k Kind) String() string {
	switch k {
	case None:
		return "none"
	case Exact:
		return "exact"
	case Near:
		return "near"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Document is what an index compares.
type Document struct {
	Dataset string // only documents of one dataset are compared
	ID      string // names the document to later duplicates; at most Config.MaxID bytes
	Text    string // main text; normalised here
	// Digest is Digest(Text) if the caller knows it already; zero otherwise.
	Digest [16]byte
	// Near is the similarity, above 0 and up to 1, from which another text counts
	// as the same. 0 looks for exact duplicates only; such a document is not found
	// by later ones that look for near duplicates either.
	Near float64
	// Site is the registrable domain the document comes from. Of two similar
	// documents of one site their own passages must be similar too, lest pages on
	// one template swallow each other.
	Site string
	// Shape is alike.New(Text) if the caller has it already, which spares others
	// the wait for it; it is made here if nil and Near is set.
	Shape *alike.Shape
}

// Verdict is the answer of an index.
type Verdict struct {
	Kind       Kind
	KeptID     string   // the document that is kept instead; "" if Kind is None
	Similarity float64  // 1 for Exact, Jaccard similarity for Near, 0 for None
	Digest     [16]byte // Digest of the document's text, whatever the kind
}

// Config holds the bounds of an Index. Start from DefaultConfig: Open refuses
// bounds of zero.
type Config struct {
	MaxStaged int // entries not yet committed, over all datasets. Default 1,000,000
	MaxID     int // bytes of a document id. Default 256

	// FilterBytes is the memory of the filter that spares reads for texts unlike
	// all others. It serves 130,000 documents a MiB at its best; with more, checks
	// get slower and nothing else. Default 32 MiB.
	FilterBytes int
	// MaxBand is how many documents of one band are looked at: pages on one
	// template share some of their bands. Default 16.
	MaxBand int
	// MaxVerify is how many candidates are compared with a document, those with
	// most bands in common first. Default 24.
	MaxVerify int
}

// DefaultConfig returns the defaults named in Config.
func DefaultConfig() Config {
	return Config{MaxStaged: 1_000_000, MaxID: 256, FilterBytes: 32 << 20, MaxBand: 16, MaxVerify: 24}
}

// Index finds exact duplicates, however short the text (one word equals one
// word), and near ones among texts of at least alike.MinShingles shingles. Its
// methods may be called concurrently; of two equal documents checked at once
// exactly one is the first.
//
// The index moves in step with the dataset. Check remembers a new document in
// memory, beside the open shard. When that shard is closed, Seal takes these
// entries out as Staged; they go to disk in the batch that commits the shard.
// All the while Check sees them. A process that dies loses the staged entries
// together with the records they stand for.
type Index struct {
	db   *pebble.DB
	cfg  Config
	near *near

	mu     sync.Mutex         // held over a look-up, so that check and stage are one step
	open   map[string]*Staged // by dataset
	sealed []*Staged          // until committed or rolled back
	staged int                // entries in open and sealed
}

// prefixDigest begins the rows of the index: "dx", 16 bytes of the BLAKE3 of the
// dataset's name, the digest; the value is the kept id.
const prefixDigest = "dx"

type entryKey [len(prefixDigest) + 32]byte

// Open returns the index in db, whose keys begin with 'd'. db stays the caller's,
// to be closed after Close; open it with a bloom filter on every level, for most
// digests are new.
func Open(db *pebble.DB, cfg Config) (*Index, error) {
	if cfg.MaxStaged < 1 || cfg.MaxID < 1 || cfg.FilterBytes < 1 || cfg.MaxBand < 1 || cfg.MaxVerify < 1 {
		return nil, fmt.Errorf("dedupe config: %+v, want at least 1 of each", cfg)
	}
	near, err := openNear(db, cfg)
	if err != nil {
		return nil, err
	}
	return &Index{db: db, cfg: cfg, near: near, open: map[string]*Staged{}}, nil
}

// Close ends what the index does in the background. No call may follow but those
// on Staged.
func (x *Index) Close() { x.near.close() }

// Check says whether doc duplicates a committed or staged document of its
// dataset. If not, doc is staged as the first of its kind.
func (x *Index) Check(doc Document) (Verdict, error) {
	if doc.ID == "" || len(doc.ID) > x.cfg.MaxID {
		return Verdict{}, fmt.Errorf("check document with id of %d bytes: %w", len(doc.ID), ErrID)
	}
	v := Verdict{Digest: doc.Digest}
	if v.Digest == [16]byte{} {
		v.Digest = Digest(doc.Text)
	}
	key := keyOf(doc.Dataset, v.Digest)
	if doc.Near > 0 && doc.Shape == nil {
		doc.Shape = alike.New(doc.Text)
	}

	x.mu.Lock()
	defer x.mu.Unlock()
	kept, err := x.find(doc.Dataset, key)
	if err != nil {
		return Verdict{}, err
	}
	if kept != "" {
		v.Kind, v.KeptID, v.Similarity = Exact, kept, 1
		return v, nil
	}
	if doc.Near > 0 && doc.Shape != nil {
		v.KeptID, v.Similarity, err = x.findNear(doc, key)
		if err != nil || v.KeptID != "" {
			v.Kind = Near
			return v, err
		}
	}
	if x.staged >= x.cfg.MaxStaged {
		return Verdict{}, fmt.Errorf("check document after %d others: %w", x.staged, ErrFull)
	}
	s := x.open[doc.Dataset]
	if s == nil {
		s = &Staged{x: x, ids: map[entryKey]string{}}
		x.open[doc.Dataset] = s
	}
	if doc.Near > 0 && doc.Shape != nil {
		if err := x.near.add(key, doc); err != nil {
			return Verdict{}, err
		}
	}
	s.ids[key] = doc.ID
	x.staged++
	return v, nil
}

// find returns the id kept under key, "" if there is none.
func (x *Index) find(dataset string, key entryKey) (string, error) {
	if s := x.open[dataset]; s != nil && s.ids[key] != "" {
		return s.ids[key], nil
	}
	for _, s := range x.sealed {
		if id := s.ids[key]; id != "" {
			return id, nil
		}
	}
	val, closer, err := x.db.Get(key[:])
	if errors.Is(err, pebble.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look up digest: %w", err)
	}
	id := string(val)
	if err := closer.Close(); err != nil {
		return "", fmt.Errorf("look up digest: %w", err)
	}
	return id, nil
}

func keyOf(dataset string, digest [16]byte) entryKey {
	var key entryKey
	name := blake3.Sum256([]byte(dataset))
	n := copy(key[:], prefixDigest)
	n += copy(key[n:], name[:16])
	copy(key[n:], digest[:])
	return key
}

// Seal closes the staged entries of dataset: those of Checks up to now belong to
// the returned Staged, those after it to the next. Call it when the open shard
// is closed, with no Check of a record for that shard still to come.
func (x *Index) Seal(dataset string) *Staged {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.open[dataset]
	if s == nil {
		s = &Staged{x: x}
	}
	delete(x.open, dataset)
	x.sealed = append(x.sealed, s)
	return s
}

// Staged are the entries of one closed shard. Call Committed or Rollback when the
// fate of the shard is known; calls after the first do nothing.
type Staged struct {
	x   *Index
	ids map[entryKey]string // fixed once sealed
}

// CommitTo writes the entries into the batch that commits the shard.
func (s *Staged) CommitTo(b *pebble.Batch) error {
	for key, id := range s.ids {
		if err := b.Set(key[:], []byte(id), nil); err != nil {
			return fmt.Errorf("stage digests: %w", err)
		}
	}
	return nil
}

// Committed tells the index that the batch committed.
func (s *Staged) Committed() { s.leave() }

// Rollback forgets the entries, since the shard will never commit. A document
// that was found to duplicate one of them meanwhile stays dropped; the kept one's
// URL is back in the frontier and brings the text again.
func (s *Staged) Rollback() { s.leave() }

func (s *Staged) leave() {
	x := s.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if i := slices.Index(x.sealed, s); i >= 0 {
		x.sealed = slices.Delete(x.sealed, i, i+1)
		x.staged -= len(s.ids)
	}
}
