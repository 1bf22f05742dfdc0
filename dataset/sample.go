package dataset

import (
	"fmt"
	"path/filepath"
)

// Bounds of the sample: so many rows, out of so many shards.
const (
	sampleRows   = 100
	sampleShards = 4
)

// addSample writes a few rows, spread evenly over a few shards that are spread
// evenly over the version: something to look at before the rest is fetched.
func (p *publication) addSample(m *Manifest) error {
	var rows []*Record
	count := min(sampleShards, len(m.Shards))
	for i := range count {
		s := &m.Shards[i*len(m.Shards)/count]
		want := min(s.Rows, sampleRows/int64(count))
		step, next := s.Rows/max(1, want), int64(0)
		err := ReadShard(filepath.Join(p.tmp, filepath.FromSlash(s.File)), func(row int64, r *Record) error {
			if row == next && want > 0 {
				kept := *r
				rows, next, want = append(rows, &kept), next+step, want-1
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("sample %s: %w", s.File, err)
		}
	}
	return addTable(p, m, SampleFile, recordsTable(), rows)
}
