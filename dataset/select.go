package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/parquet"
)

// Selection says which rows and columns to read. The zero value selects all.
// Conditions of one kind are alternatives; those of different kinds must all
// hold.
type Selection struct {
	Columns   []string  `json:"columns,omitempty"`   // in the order wished for; none means all
	Languages []string  `json:"languages,omitempty"` // "eng", or with its script "eng_Latn"
	Sites     []string  `json:"sites,omitempty"`     // registrable domains
	From      time.Time `json:"from,omitzero"`       // fetched then or later
	To        time.Time `json:"to,omitzero"`         // fetched before
	AITrain   []string  `json:"ai_train,omitempty"`  // "y", "n", or "unstated"
	Licenses  []string  `json:"licenses,omitempty"`  // as the column license has them, or "unstated"
}

// ErrSelection says that a selection cannot be made of the schema.
var ErrSelection = errors.New("not a selection")

// maxConditions bounds each list of a selection.
const maxConditions = 10_000

// Check says what is wrong with a selection, or nil.
func (s *Selection) Check() error {
	for _, list := range [][]string{s.Columns, s.Languages, s.Sites, s.AITrain, s.Licenses} {
		if len(list) > maxConditions {
			return fmt.Errorf("%w: %d conditions of one kind, the limit is %d", ErrSelection, len(list), maxConditions)
		}
	}
	for i, name := range s.Columns {
		if !slices.ContainsFunc(recordsTable().columns, func(c column[Record]) bool { return c.name == name }) {
			return fmt.Errorf("%w: there is no column %.100q", ErrSelection, name)
		}
		if slices.Contains(s.Columns[:i], name) {
			return fmt.Errorf("%w: column %q twice", ErrSelection, name)
		}
	}
	for _, v := range s.AITrain {
		if v != "y" && v != "n" && v != unstated {
			return fmt.Errorf("%w: ai_train %.100q, can be y, n or %s", ErrSelection, v, unstated)
		}
	}
	if !s.To.IsZero() && !s.From.Before(s.To) {
		return fmt.Errorf("%w: it ends before it begins", ErrSelection)
	}
	return nil
}

// Everything says whether the selection leaves out no row.
func (s *Selection) Everything() bool {
	return len(s.Languages)+len(s.Sites)+len(s.AITrain)+len(s.Licenses) == 0 && s.From.IsZero() && s.To.IsZero()
}

// columns is the table of the selected columns.
func (s *Selection) columns() []column[Record] {
	all := recordsTable().columns
	if len(s.Columns) == 0 {
		return all
	}
	var list []column[Record]
	for _, name := range s.Columns {
		for _, c := range all {
			if c.name == name {
				list = append(list, c)
			}
		}
	}
	return list
}

// reads are the columns that have to be read.
func (s *Selection) reads() map[string]bool {
	if len(s.Columns) == 0 {
		return nil
	}
	only := map[string]bool{}
	for _, name := range s.Columns {
		only[name] = true
	}
	for name, used := range map[string]bool{
		"language": len(s.Languages) > 0, "language_script": len(s.Languages) > 0, "site": len(s.Sites) > 0,
		"fetched_at": !s.From.IsZero() || !s.To.IsZero(), "ai_train": len(s.AITrain) > 0, "license": len(s.Licenses) > 0,
	} {
		if used {
			only[name] = true
		}
	}
	return only
}

// matcher is a selection made ready to be asked about many rows.
type matcher struct {
	s                                   *Selection
	languages, sites, aiTrain, licenses map[string]bool
}

func (s *Selection) matcher() *matcher {
	set := func(list []string) map[string]bool {
		m := map[string]bool{}
		for _, v := range list {
			m[v] = true
		}
		return m
	}
	return &matcher{s: s, languages: set(s.Languages), sites: set(s.Sites), aiTrain: set(s.AITrain), licenses: set(s.Licenses)}
}

func (m *matcher) match(r *Record) bool {
	return (len(m.languages) == 0 || m.languages[r.Language] || m.languages[languageCode(r.Language, r.LanguageScript)]) &&
		(len(m.sites) == 0 || m.sites[r.Site]) &&
		(m.s.From.IsZero() || !r.FetchedAt.Before(m.s.From)) && (m.s.To.IsZero() || r.FetchedAt.Before(m.s.To)) &&
		(len(m.aiTrain) == 0 || m.aiTrain[orUnstated(r.AITrain)]) &&
		(len(m.licenses) == 0 || m.licenses[orUnstated(r.License)])
}

// mayMatch says whether a shard with this summary can hold a selected row.
func (m *matcher) mayMatch(s *Summary) bool {
	any := func(counts map[string]int64, wanted map[string]bool) bool {
		if len(wanted) == 0 || counts == nil {
			return true
		}
		for name := range counts {
			bare, _, _ := strings.Cut(name, "_")
			if wanted[name] || wanted[bare] {
				return true
			}
		}
		return false
	}
	return any(s.Languages, m.languages) && any(s.AITrain, m.aiTrain) &&
		(m.s.From.IsZero() || !s.LastFetched.Before(m.s.From)) && (m.s.To.IsZero() || s.FirstFetched.Before(m.s.To))
}

// Select calls yield for every selected row of the version, shard after shard,
// with the selected columns filled. The Record is reused. Shards and row groups
// that can hold none are passed over. Leaves are checked where all columns are
// read, else not: verify the version for that.
func (v *Version) Select(ctx context.Context, s Selection, yield func(file string, r *Record) error) error {
	if err := s.Check(); err != nil {
		return err
	}
	m := s.matcher()
	for i := range v.Manifest.Shards {
		shard := &v.Manifest.Shards[i]
		if !m.mayMatch(&shard.Summary) {
			continue
		}
		err := selectFile(ctx, v.Path(shard.File), m, func(r *Record) error { return yield(shard.File, r) })
		if err != nil {
			return err
		}
	}
	return nil
}

// selectFile reads the selected rows of one shard.
func selectFile(ctx context.Context, path string, m *matcher, yield func(r *Record) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := openTable(recordsTable(), f, info.Size(), DefaultLimits())
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer r.close()
	r.only = m.s.reads()
	r.skip = func(group int) bool { return !r.mayHold(group, m) }
	encoder := newRowEncoder(r.table)
	err = r.read(func(number int64, row *Record, _ bool) error {
		if number%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if r.only == nil && encoder.leaf(row) != row.Leaf {
			return &Damage{First: number, Last: number, Err: errLeaf}
		}
		if !m.match(row) {
			return nil
		}
		return yield(row)
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// mayHold says whether a row group can hold a selected row, by the least and
// the greatest value of its columns.
func (r *tableReader[T]) mayHold(group int, m *matcher) bool {
	languages := map[string]bool{}
	for code := range m.languages {
		bare, _, _ := strings.Cut(code, "_")
		languages[bare] = true
	}
	if len(m.sites) > 0 && !r.overlaps(group, "site", m.sites) || len(languages) > 0 && !r.overlaps(group, "language", languages) {
		return false
	}
	if least, greatest, ok := r.bounds(group, "fetched_at"); ok && len(least) == 8 && len(greatest) == 8 {
		first, last := timeOf(least), timeOf(greatest)
		return (m.s.From.IsZero() || !last.Before(m.s.From)) && (m.s.To.IsZero() || first.Before(m.s.To))
	}
	return true
}

// overlaps says whether any of the values can stand in a text column of a group.
func (r *tableReader[T]) overlaps(group int, column string, values map[string]bool) bool {
	least, greatest, ok := r.bounds(group, column)
	if !ok {
		return true
	}
	for value := range values {
		if value >= string(least) && value <= string(greatest) {
			return true
		}
	}
	return false
}

// bounds are the statistics of a flat column of a row group, where it has them.
func (r *tableReader[T]) bounds(group int, column string) (least, greatest []byte, ok bool) {
	for _, c := range r.meta.RowGroups[group].Columns {
		meta := c.MetaData
		if meta == nil || len(meta.PathInSchema) != 1 || meta.PathInSchema[0] != column {
			continue
		}
		s := meta.Statistics
		if s == nil || s.MinValue == nil || s.MaxValue == nil || parquet.Type(meta.Type) == parquet.Types.FixedLenByteArray {
			return nil, nil, false
		}
		return s.MinValue, s.MaxValue, true
	}
	return nil, nil, false
}

// Candidates are the shards that can hold selected rows.
func (v *Version) Candidates(s Selection) []string {
	m := s.matcher()
	list := []string{}
	for i := range v.Manifest.Shards {
		if m.mayMatch(&v.Manifest.Shards[i].Summary) {
			list = append(list, v.Manifest.Shards[i].File)
		}
	}
	return list
}

// HasShard says whether the version has a shard of that name.
func (v *Version) HasShard(file string) bool { return v.Manifest.shard(file) != nil }
