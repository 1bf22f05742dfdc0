package dataset

import (
	"github.com/fallow-network/fallow/dataset/merkle"
)

const provenanceFormat = "fallow-provenance-v1"

// provenance says where a version comes from, for machines.
type provenance struct {
	Format    string `json:"format"`
	Dataset   string `json:"dataset"`
	Version   int    `json:"version"`
	Semantic  string `json:"semantic_version"`
	Created   string `json:"created"`
	Router    string `json:"router"` // base58 of the key that signs
	Generator string `json:"generator"`
	Schema    string `json:"schema"`
	Contact   string `json:"contact"`

	Former *formerVersion `json:"former"` // null for the first

	Crawl struct {
		Purpose   string           `json:"purpose"`
		From      string           `json:"from"`
		To        string           `json:"to"`
		Sites     int64            `json:"sites"`
		Counts    Counts           `json:"counts"`
		AITrain   map[string]int64 `json:"ai_train"`
		Transport map[string]int64 `json:"transport"`
	} `json:"crawl"`
	Duplicates DuplicateCounts `json:"duplicates"`
	Shards     []shardOrigin   `json:"shards"`
	Takedowns  []Notice        `json:"takedowns"`
	Evidence   []string        `json:"evidence"` // where the proof of each claim is
}

type formerVersion struct {
	Version int         `json:"version"`
	Root    merkle.Hash `json:"root"`
}

// shardOrigin says of one shard what it was made of and when.
type shardOrigin struct {
	File      string      `json:"file"`
	SHA256    string      `json:"sha256"`
	Root      merkle.Hash `json:"root"`
	Rows      int64       `json:"rows"`
	From      string      `json:"from"`
	To        string      `json:"to"`
	Committed string      `json:"committed"`     // SHA-256 of the shard as the crawl committed it
	Rewritten bool        `json:"rewritten"`     // rows were taken out since
	New       bool        `json:"new_in_this"`   // the version before had nothing of it
	Answers   string      `json:"raw,omitempty"` // file with the answers it was made of
}

func (a *about) provenance() provenance {
	p := provenance{
		Format: provenanceFormat, Dataset: a.Dataset, Version: a.Version, Semantic: a.semantic(), Created: stamp(a.Created), Router: a.key,
		Generator: a.Generator, Schema: a.Schema, Contact: a.Contact, Duplicates: a.Duplicates, Shards: []shardOrigin{}, Takedowns: a.notices,
		Evidence: []string{
			"robots, robots_rule, ai_train, signals: what the site allowed when the row was fetched, and by which rule",
			"job, lease, epoch: the receipt under which the bytes were carried; epoch files hold it signed by both ends",
			"tls_version, tls_cert_sha256: the connection the router itself had with the site",
			"leaf: the row's place in the signed tree; fallow-data prove and verify work offline",
		},
	}
	c := &p.Crawl
	c.Purpose, c.From, c.To, c.Sites, c.Counts, c.AITrain, c.Transport = a.Purpose, stamp(a.FirstFetched), stamp(a.LastFetched), a.Sites, a.Counts, a.AITrain, a.Transports
	had := map[string]bool{}
	if a.former != nil {
		p.Former = &formerVersion{a.former.Version, a.former.Root}
		for i := range a.former.Shards {
			had[a.former.Shards[i].source()] = true
		}
	}
	for i := range a.Shards {
		s := &a.Shards[i]
		o := shardOrigin{
			File: s.File, SHA256: s.SHA256, Root: s.Root, Rows: s.Rows, From: stamp(s.FirstFetched), To: stamp(s.LastFetched),
			Committed: s.source(), Rewritten: s.Origin != "", New: !had[s.source()],
		}
		if s.Raw != nil {
			o.Answers = s.Raw.File
		}
		p.Shards = append(p.Shards, o)
	}
	if p.Takedowns == nil {
		p.Takedowns = []Notice{}
	}
	return p
}
