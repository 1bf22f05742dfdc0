package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// taken is a shard of the version in the making, under a name of its own until
// it is known how many there are.
type taken struct {
	shard Shard
	path  string
	raw   string // path of its answers, or ""
}

// takeShards brings every shard into the folder, without the rows that
// takedowns cover.
func (p *publication) takeShards() ([]taken, error) {
	counts := make([]int64, len(p.spec.Takedowns)) // rows of the version before, by order
	var list []taken
	for i, from := range p.spec.Shards {
		source := from.Shard.source()
		if p.emptied[source] {
			continue
		}
		known, published := p.former[source]
		orders := p.orders
		if published {
			from, orders = known, p.before
		}
		t, removed, err := p.take(i, from, orders, published)
		if err != nil {
			return nil, fmt.Errorf("shard %s: %w", from.Path, err)
		}
		for _, r := range removed {
			p.removed = append(p.removed, r.stone)
			if published {
				counts[r.order]++
				if p.sites[r.site]--; p.sites[r.site] <= 0 {
					delete(p.sites, r.site)
				}
			}
		}
		if t == nil {
			p.emptied[source] = true
			continue
		}
		if !published {
			if t.shard.Sites == nil {
				return nil, fmt.Errorf("shard %s comes without its counts by site", from.Path)
			}
			addAll(p.sites, t.shard.Sites)
		}
		t.shard.Sites = nil
		list = append(list, *t)
	}
	for i := len(p.notices); i < len(p.spec.Takedowns); i++ {
		o := &p.spec.Takedowns[i]
		p.notices = append(p.notices, Notice{
			Number: i + 1, Version: p.spec.Version, Scope: o.Scope, Reason: o.Reason, At: o.At.UTC().Truncate(time.Second), Rows: counts[i],
		})
	}
	return list, nil
}

// take brings one shard. It is nil if no row is left of it.
func (p *publication) take(i int, from ShardFile, orders *Takedowns, published bool) (*taken, []removal, error) {
	t := &taken{shard: from.Shard, path: filepath.Join(p.tmp, "data", fmt.Sprintf(".%05d", i))}
	if from.Shard.Raw != nil {
		t.raw = filepath.Join(p.tmp, "data", fmt.Sprintf(".%05d-raw", i))
	}
	covered, err := covers(from.Path, orders)
	if err != nil {
		return nil, nil, err
	}
	if covered {
		return p.rewrite(t, from, orders)
	}
	if err := takeFile(from.Path, t.path, from.Shard.Bytes, from.Shard.SHA256, published); err != nil {
		return nil, nil, err
	}
	if t.raw != "" {
		raw := from.Shard.Raw
		if err := takeFile(from.Raw, t.raw, raw.Bytes, raw.SHA256, published); err != nil {
			return nil, nil, fmt.Errorf("answers %s: %w", from.Raw, err)
		}
	}
	return t, nil, nil
}

// takeFile links a file and compares it with its description. One that a former
// version published is compared by size only, or each version would read all of
// them.
func takeFile(from, to string, size int64, sum string, published bool) error {
	if err := linkOrCopy(from, to); err != nil {
		return err
	}
	f, err := os.Open(to)
	if err != nil {
		return err
	}
	defer f.Close()
	if published {
		info, err := f.Stat()
		if err == nil && info.Size() != size {
			err = fmt.Errorf("%d bytes, expected %d", info.Size(), size)
		}
		return err
	}
	got, n, err := digestOf(f)
	if err == nil && (got != sum || n != size) {
		err = fmt.Errorf("SHA-256 %s, expected %s: the file changed since it was written", got, sum)
	}
	return err
}

// covers says whether any row of a shard is covered by an order. It reads the
// columns it needs and no more.
func covers(path string, orders *Takedowns) (found bool, err error) {
	if orders == nil || len(orders.list) == 0 {
		return false, nil
	}
	err = scanFile(path, recordsTable(), []string{"url", "host"}, func(_ int64, r *Record) error {
		if orders.Cover(r.URL, r.Host) {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// errFound ends a search.
var errFound = errors.New("found")

// removal is a row that is taken out.
type removal struct {
	stone *Tombstone
	order int
	site  string
}

// rewrite writes a shard without the rows that orders cover, in the schema it
// has: every other row keeps its leaf.
func (p *publication) rewrite(t *taken, from ShardFile, orders *Takedowns) (*taken, []removal, error) {
	first := len(p.spec.Takedowns) - len(orders.list)
	var gone []removal
	var kept []*Record
	ids := map[string]bool{}
	layout, err := readWhole(from.Path, recordsTable(), func(r *Record) {
		i := orders.find(r.URL, r.Host)
		if i < 0 {
			kept = append(kept, r)
			return
		}
		o := &orders.list[i]
		ids[r.ID] = true
		gone = append(gone, removal{order: first + i, site: r.Site, stone: &Tombstone{
			URLSHA256: addressDigest(r.URL), Record: r.Leaf, Scope: string(o.Scope), Reason: o.Reason, At: o.At.UTC().Truncate(time.Second), Version: int64(p.spec.Version),
		}})
	})
	if err != nil || len(kept) == 0 {
		return nil, gone, err
	}
	s := Shard{Origin: from.Shard.source(), Sites: map[string]int64{}}
	for _, r := range kept {
		s.add(r)
		s.Sites[r.Site]++
	}
	if s.Bytes, s.SHA256, err = writeTable(t.path, layout, kept, &s.Root, WriterOptions{Limits: DefaultLimits()}); err != nil {
		return nil, nil, err
	}
	if t.raw != "" {
		if s.Raw, err = rewriteRaw(from.Raw, t.raw, ids); err != nil {
			return nil, nil, fmt.Errorf("answers %s: %w", from.Raw, err)
		}
		if s.Raw == nil {
			t.raw = ""
		}
	}
	t.shard = s
	return t, gone, nil
}

// rewriteRaw writes the answers without those of the given records. It is nil
// if none is left.
func rewriteRaw(from, to string, without map[string]bool) (*RawFile, error) {
	var kept []*Raw
	layout, err := readWhole(from, rawTable(), func(r *Raw) {
		if !without[r.ID] {
			kept = append(kept, r)
		}
	})
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	raw := &RawFile{Rows: int64(len(kept))}
	raw.Bytes, raw.SHA256, err = writeTable(to, layout, kept, &raw.Root, WriterOptions{Limits: DefaultLimits()})
	return raw, err
}

// readWhole reads all rows of a file and gives each away, with the layout that
// writes them again as they were.
func readWhole[T any](path string, t *table[T], keep func(*T)) (*table[T], error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, err := openTable(t, f, info.Size(), DefaultLimits())
	if err != nil {
		return nil, err
	}
	defer r.close()
	if r.table.newer() {
		return nil, fmt.Errorf("%w: it was written under schema %s, this build writes up to %s: take a newer one", ErrFormat, r.key("fallow.schema"), SchemaVersion)
	}
	encoder := newRowEncoder(r.table)
	err = r.read(func(number int64, row *T, _ bool) error {
		if encoder.leaf(row) != *t.leaf(row) {
			return &Damage{First: number, Last: number, Err: errLeaf}
		}
		kept := *row
		keep(&kept)
		return nil
	})
	return r.table, err
}

// newer says whether a file's layout has columns that this build does not know.
func (t *table[T]) newer() bool {
	version, err := strconv.Atoi(t.version())
	own, _ := strconv.Atoi(SchemaVersion) // a number, see its definition
	return err != nil || version > own
}

// placeShards gives the shards their names and the manifest their figures.
func (p *publication) placeShards(m *Manifest, list []taken) error {
	for i, t := range list {
		s := t.shard
		s.File = fmt.Sprintf("data/train-%05d-of-%05d.parquet", i, len(list))
		if err := os.Rename(t.path, filepath.Join(p.tmp, filepath.FromSlash(s.File))); err != nil {
			return err
		}
		m.Files = append(m.Files, File{Path: s.File, Bytes: s.Bytes, SHA256: s.SHA256})
		if t.raw != "" {
			raw := *s.Raw
			raw.File = fmt.Sprintf("raw/train-%05d-of-%05d.parquet", i, len(list))
			if err := p.placeRaw(t.raw, raw.File); err != nil {
				return err
			}
			m.Files = append(m.Files, File{Path: raw.File, Bytes: raw.Bytes, SHA256: raw.SHA256})
			s.Raw = &raw
		}
		m.Shards = append(m.Shards, s)
		m.Bytes += s.Bytes
		m.merge(s.Summary)
	}
	for i := range p.spec.Shards {
		if source := p.spec.Shards[i].Shard.source(); p.emptied[source] {
			m.Emptied = append(m.Emptied, source)
		}
	}
	m.Root = totalRoot(m.Shards)
	m.Sites = int64(len(p.sites))
	return nil
}

func (p *publication) placeRaw(from, name string) error {
	to := filepath.Join(p.tmp, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return moveInto(from, to)
}
