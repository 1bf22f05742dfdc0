package dataset

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// Summary is what can be counted from the rows alone.
type Summary struct {
	Rows         int64            `json:"rows"`
	TextBytes    int64            `json:"text_bytes"`    // UTF-8 bytes of all texts
	Tokens       int64            `json:"tokens"`        // sum of token_count
	FirstFetched time.Time        `json:"first_fetched"` // earliest fetched_at
	LastFetched  time.Time        `json:"last_fetched"`
	FirstSURT    string           `json:"first_surt"` // smallest sort key
	LastSURT     string           `json:"last_surt"`
	Languages    map[string]int64 `json:"languages"` // rows by language and script, "eng_Latn"
	Transports   map[string]int64 `json:"transports"`
	AITrain      map[string]int64 `json:"ai_train"` // rows by what the site says, "unstated" for nothing
}

// add counts one record.
func (s *Summary) add(r *Record) {
	if s.Rows == 0 {
		s.FirstFetched, s.LastFetched, s.FirstSURT, s.LastSURT = r.FetchedAt, r.FetchedAt, r.SURT, r.SURT
		s.Languages, s.Transports, s.AITrain = map[string]int64{}, map[string]int64{}, map[string]int64{}
	}
	s.Rows++
	s.TextBytes += int64(len(r.Text))
	s.Tokens += r.TokenCount
	s.widen(r.FetchedAt, r.FetchedAt, r.SURT, r.SURT)
	s.Languages[languageCode(r.Language, r.LanguageScript)]++
	s.Transports[r.Transport]++
	s.AITrain[orUnstated(r.AITrain)]++
}

func (s *Summary) widen(first, last time.Time, low, high string) {
	if first.Before(s.FirstFetched) {
		s.FirstFetched = first
	}
	if last.After(s.LastFetched) {
		s.LastFetched = last
	}
	s.FirstSURT, s.LastSURT = min(s.FirstSURT, low), max(s.LastSURT, high)
}

// merge adds the counts of other.
func (s *Summary) merge(other Summary) {
	if s.Rows == 0 {
		*s = other
		s.Languages, s.Transports, s.AITrain = maps.Clone(other.Languages), maps.Clone(other.Transports), maps.Clone(other.AITrain)
		return
	}
	s.Rows += other.Rows
	s.TextBytes += other.TextBytes
	s.Tokens += other.Tokens
	s.widen(other.FirstFetched, other.LastFetched, other.FirstSURT, other.LastSURT)
	addAll(s.Languages, other.Languages)
	addAll(s.Transports, other.Transports)
	addAll(s.AITrain, other.AITrain)
}

func addAll(to, from map[string]int64) {
	for key, n := range from {
		to[key] += n
	}
}

func languageCode(language, script string) string {
	if language == "" {
		language = "und"
	}
	if script == "" {
		return language
	}
	return language + "_" + script
}

func orUnstated(s string) string {
	if s == "" {
		return unstated
	}
	return s
}

// columnSums are quick checksums of whole columns, kept in the footer. They
// prove nothing; they tell a verifier in which column a row was damaged.
type columnSums[T any] struct {
	table  *table[T]
	hashes []*xxhash.Digest
}

func newColumnSums[T any](t *table[T]) *columnSums[T] {
	s := &columnSums[T]{table: t}
	for range t.data() {
		s.hashes = append(s.hashes, xxhash.New())
	}
	return s
}

// add takes in the row that e encoded last.
func (s *columnSums[T]) add(e *rowEncoder[T]) {
	e.values(func(i int, piece []byte) { _, _ = s.hashes[i].Write(piece) }) // never fails
}

// sumColumn is add for one data column of many rows.
func (s *columnSums[T]) sumColumn(i int, rows []*T, buf []byte) []byte {
	const batch = 32 << 10
	c := &s.table.columns[i]
	buf = buf[:0]
	for _, row := range rows {
		at := len(buf)
		buf = append(buf, 0, 0, 0, 0, 0, 0, 0, 0)
		if long := c.longValue(row); long != nil {
			binary.BigEndian.PutUint64(buf[at:], uint64(len(long)))
			_, _ = s.hashes[i].Write(buf)
			_, _ = s.hashes[i].Write(long)
			buf = buf[:0]
			continue
		}
		buf = c.appendValue(buf, row)
		binary.BigEndian.PutUint64(buf[at:], uint64(len(buf)-at-width64))
		if len(buf) >= batch {
			_, _ = s.hashes[i].Write(buf)
			buf = buf[:0]
		}
	}
	_, _ = s.hashes[i].Write(buf)
	return buf
}

// footer is the value of the footer key: JSON from column name to checksum.
func (s *columnSums[T]) footer() (string, error) {
	out := make(map[string]string, len(s.hashes))
	for i, h := range s.hashes {
		out[s.table.columns[i].name] = fmt.Sprintf("%016x", h.Sum64())
	}
	text, err := json.Marshal(out)
	return string(text), err
}

// differing names the data columns whose checksum is not the footer's. known
// is false if the footer's checksums cannot be read.
func (s *columnSums[T]) differing(footer string) (names []string, known bool) {
	var want map[string]string
	if json.Unmarshal([]byte(footer), &want) != nil || len(want) == 0 {
		return nil, false
	}
	for i, h := range s.hashes {
		if name := s.table.columns[i].name; want[name] != fmt.Sprintf("%016x", h.Sum64()) {
			names = append(names, name)
		}
	}
	return names, true
}

// tally is everything computed over the rows of one file in order.
type tally[T any] struct {
	encoder *rowEncoder[T]
	sums    *columnSums[T]
	tree    merkle.Builder
}

func newTally[T any](t *table[T]) *tally[T] {
	return &tally[T]{encoder: newRowEncoder(t), sums: newColumnSums(t)}
}

// add takes in one row and returns its leaf.
func (t *tally[T]) add(row *T) merkle.Hash {
	leaf := t.encoder.leaf(row)
	t.sums.add(t.encoder)
	t.tree.Add(leaf)
	return leaf
}

// footerKeys are those of the footer that depend on the rows.
func (t *tally[T]) footerKeys() (map[string]string, error) {
	return rowKeys(t.tree.Root(), t.sums)
}

func rowKeys[T any](root merkle.Hash, sums *columnSums[T]) (map[string]string, error) {
	columns, err := sums.footer()
	if err != nil {
		return nil, fmt.Errorf("encode column checksums: %w", err)
	}
	return map[string]string{"fallow.root": root.String(), "fallow.columns": columns}, nil
}

// unstated is how counts and selections call what a page does not say.
const unstated = "unstated"
