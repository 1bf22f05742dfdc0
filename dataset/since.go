package dataset

// source names the committed shard that s is or was made of.
func (s *Shard) source() string {
	if s.Origin != "" {
		return s.Origin
	}
	return s.SHA256
}

// NewShards are the shards of m that bring rows which former, an earlier
// version of the same dataset, has not. A shard that only lost rows since is
// not among them: removed.parquet says which rows those are.
func NewShards(m, former *Manifest) []Shard {
	had := map[string]bool{}
	for i := range former.Shards {
		had[former.Shards[i].source()] = true
	}
	var added []Shard
	for _, s := range m.Shards {
		if !had[s.source()] {
			added = append(added, s)
		}
	}
	return added
}
