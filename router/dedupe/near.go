package dedupe

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"lukechampine.com/blake3"

	"github.com/fallow-network/fallow/router/dedupe/alike"
)

// Rows of near duplicates. They are written when a document is checked, unsynced
// and ahead of its commit, and by themselves mean nothing: a candidate counts only
// if its digest row is committed or staged. So a crash takes them back with the
// digest, the memory for staged documents is that of their digests alone, and
// what a crash leaves behind (at most what was staged) is dead weight.
//
//	db<band key, 8><ref, 8>           nothing; the dataset is mixed into the band key
//	ds<dataset, 16><ref, 8>           rest of the digest (8), site (8), sketch
//
// A ref is the first half of a digest.
const (
	prefixBand   = "db"
	prefixSketch = "ds"
)

type ref [8]byte

// near is the part of an Index that finds similar documents. The Index's lock
// guards all but full.
type near struct {
	db     *pebble.DB
	cfg    Config
	filter *filter
	full   atomic.Bool // filter holds every band on disk: its no is to be believed

	mu     sync.Mutex // guards filter
	stop   chan struct{}
	ended  sync.Once
	filled sync.WaitGroup
	seen   map[ref]int // of one look-up, kept to be used again
}

// openNear starts to fill the filter from disk. Until it is full every band is
// looked up, which is right and slow.
func openNear(db *pebble.DB, cfg Config) (*near, error) {
	n := &near{db: db, cfg: cfg, filter: newFilter(cfg.FilterBytes), stop: make(chan struct{}), seen: map[ref]int{}}
	iter, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte(prefixBand), UpperBound: []byte("dc")})
	if err != nil {
		return nil, fmt.Errorf("read the bands of texts: %w", err)
	}
	if !iter.First() {
		n.full.Store(true)
		return n, iter.Close()
	}
	n.filled.Go(func() { n.fill(iter) })
	return n, nil
}

func (n *near) close() {
	n.ended.Do(func() { close(n.stop) })
	n.filled.Wait()
}

// fillStep is how many rows are read between two looks at whether to stop.
const fillStep = 4096

// fill takes the rows that were there when iter was made; add takes later ones.
func (n *near) fill(iter *pebble.Iterator) {
	defer func() { _ = iter.Close() }()
	keys := make([]uint64, 0, fillStep)
	for more := true; more; {
		for keys = keys[:0]; more && len(keys) < fillStep; more = iter.Next() {
			keys = append(keys, binary.BigEndian.Uint64(iter.Key()[len(prefixBand):]))
		}
		n.mu.Lock()
		for _, key := range keys {
			n.filter.add(key)
		}
		n.mu.Unlock()
		select {
		case <-n.stop:
			return
		default:
		}
	}
	n.full.Store(iter.Error() == nil) // else never full, and slow for it
}

// bandKeys are the band keys of a document within its dataset.
func bandKeys(key entryKey, s *alike.Shape) (keys [alike.Bands]uint64) {
	dataset := binary.BigEndian.Uint64(key[len(prefixDigest):])
	for i, band := range s.Bands {
		keys[i] = (band ^ dataset) * 0x9e3779b97f4a7c15
		keys[i] ^= keys[i] >> 32
	}
	return keys
}

func refOf(key entryKey) ref { return ref(key[len(prefixDigest)+16:]) }

// sketchKey leads to the sketch of the document r in the dataset of key.
func sketchKey(key entryKey, r ref) []byte {
	row := make([]byte, 0, len(prefixSketch)+24)
	row = append(row, prefixSketch...)
	row = append(row, key[len(prefixDigest):len(prefixDigest)+16]...)
	return append(row, r[:]...)
}

// siteOfDocument is 0 only by chance or where no site is given.
func siteOfDocument(site string) uint64 {
	if site == "" {
		return 0
	}
	sum := blake3.Sum256([]byte(site))
	return binary.BigEndian.Uint64(sum[:])
}

// add makes doc a candidate for later documents.
func (n *near) add(key entryKey, doc Document) error {
	b := n.db.NewBatch()
	defer func() { _ = b.Close() }()
	r := refOf(key)
	keys := bandKeys(key, doc.Shape)
	n.mu.Lock()
	for _, band := range keys {
		n.filter.add(band)
	}
	n.mu.Unlock()
	for _, band := range keys {
		set := b.SetDeferred(len(prefixBand)+16, 0)
		copy(set.Key, prefixBand)
		binary.BigEndian.PutUint64(set.Key[len(prefixBand):], band)
		copy(set.Key[len(prefixBand)+8:], r[:])
		if err := set.Finish(); err != nil {
			return fmt.Errorf("note a text's bands: %w", err)
		}
	}
	value := append([]byte(nil), key[len(key)-8:]...)
	value = binary.BigEndian.AppendUint64(value, siteOfDocument(doc.Site))
	err := b.Set(sketchKey(key, r), doc.Shape.Sketch.Append(value), nil)
	if err := errors.Join(err, b.Commit(pebble.NoSync)); err != nil {
		return fmt.Errorf("note a text's bands: %w", err)
	}
	return nil
}

// candidate is a document that shares bands.
type candidate struct {
	ref   ref
	bands int
}

// firstBands are looked at, and firstVerify of those found in them compared,
// before all others: a real copy shares most bands and is found there.
const (
	firstBands  = 3
	firstVerify = 2
)

// findNear returns a kept document that is similar enough and its similarity, ""
// if there is none. It is called under the Index's lock.
func (x *Index) findNear(doc Document, key entryKey) (keptID string, similarity float64, err error) {
	n := x.near
	bands := n.known(bandKeys(key, doc.Shape))
	if len(bands) == 0 {
		return "", 0, nil
	}
	iter, err := n.db.NewIter(&pebble.IterOptions{LowerBound: []byte(prefixBand), UpperBound: []byte("dc")})
	if err != nil {
		return "", 0, fmt.Errorf("look for similar texts: %w", err)
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	clear(n.seen)
	first := min(firstBands, len(bands))
	n.read(iter, bands[:first])
	keptID, similarity, err = x.verify(doc, key, n.candidates(firstVerify))
	if err != nil || keptID != "" || first == len(bands) {
		return keptID, similarity, err
	}
	n.read(iter, bands[first:])
	return x.verify(doc, key, n.candidates(n.cfg.MaxVerify))
}

// known are the bands that documents before had, and perhaps others, ascending.
func (n *near) known(keys [alike.Bands]uint64) []uint64 {
	full := n.full.Load() // before the filter is asked
	n.mu.Lock()
	defer n.mu.Unlock()
	var known []uint64
	for _, band := range keys {
		if !full || n.filter.has(band) {
			known = append(known, band)
		}
	}
	slices.Sort(known) // an iterator goes forward more cheaply than anywhere
	return known
}

// read counts in seen how many of the bands each document has. What is wrong
// with iter shows when it is closed.
func (n *near) read(iter *pebble.Iterator, bands []uint64) {
	for _, band := range bands {
		start := binary.BigEndian.AppendUint64([]byte(prefixBand), band)
		more := iter.SeekGE(start)
		for range n.cfg.MaxBand {
			if !more || len(iter.Key()) != len(start)+len(ref{}) || !bytes.HasPrefix(iter.Key(), start) {
				break
			}
			n.seen[ref(iter.Key()[len(start):])]++
			more = iter.Next()
		}
	}
}

// candidates are the documents in seen with most bands, at most limit of them.
func (n *near) candidates(limit int) []candidate {
	list := make([]candidate, 0, len(n.seen))
	for r, bands := range n.seen {
		list = append(list, candidate{r, bands})
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.bands, a.bands), bytes.Compare(a.ref[:], b.ref[:]))
	})
	return list[:min(len(list), limit)]
}

// verify returns the most similar of the candidates, "" if none is similar enough.
func (x *Index) verify(doc Document, key entryKey, list []candidate) (keptID string, similarity float64, err error) {
	site := siteOfDocument(doc.Site)
	for _, c := range list {
		kept, sketch, theirs, err := x.near.sketch(key, c.ref)
		if err != nil {
			return "", 0, err
		}
		s := alike.Similarity(doc.Shape.Sketch, sketch)
		if s < doc.Near || s <= similarity {
			continue
		}
		if site != 0 && site == theirs && doc.Shape.SharesTemplate(sketch) {
			continue
		}
		id, err := x.find(doc.Dataset, kept)
		if err != nil {
			return "", 0, err
		}
		if id != "" { // else it was rolled back, or a crash came before its commit
			keptID, similarity = id, s
		}
	}
	return keptID, similarity, nil
}

// sketch reads a candidate; an empty sketch is similar to nothing.
func (n *near) sketch(key entryKey, r ref) (kept entryKey, s alike.Sketch, site uint64, err error) {
	val, closer, err := n.db.Get(sketchKey(key, r))
	if errors.Is(err, pebble.ErrNotFound) { // another dataset's, by a chance of 1 in 2^64
		return kept, s, 0, nil
	}
	if err != nil {
		return kept, s, 0, fmt.Errorf("read a sketch: %w", err)
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	if len(val) < 16 {
		return kept, s, 0, fmt.Errorf("read a sketch: %w", alike.ErrSketch)
	}
	kept = key
	copy(kept[len(kept)-16:], r[:])
	copy(kept[len(kept)-8:], val[:8])
	if s, err = alike.ParseSketch(val[16:]); err != nil {
		return kept, s, 0, fmt.Errorf("read a sketch: %w", err)
	}
	return kept, s, binary.BigEndian.Uint64(val[8:]), nil
}
