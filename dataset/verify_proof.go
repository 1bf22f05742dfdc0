package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// proof verifies the proof of one row: manifest and signature, the way from the
// row to the root of its shard, that root against the manifest and the total,
// and that the file says nothing beside.
func (v *verifier) proof(file string, r io.Reader) error {
	v.report.Kind = KindProof
	name := filepath.Base(file)
	p, raw, err := readProof(r, v.options.Limits)
	v.report.Bytes = int64(len(raw))
	if raw == nil && err != nil {
		return err
	}
	if err != nil {
		v.report.addf(ProblemFormat, name, "not a proof of a row: %v", err)
		return nil
	}
	v.judge(ParseManifest([]byte(p.Manifest)))
	v.leadsToRoot(p, name)
	v.recordOf(p, name)
	form, err := p.Encode()
	if err != nil {
		return err
	}
	if !bytes.Equal(form, raw) && len(v.report.Problems) == 0 {
		at := 0
		for at < min(len(form), len(raw)) && form[at] == raw[at] {
			at++
		}
		v.report.addf(ProblemFormat, name, "byte %d is not as prove writes it, though it means the same", at)
	}
	return nil
}

// leadsToRoot checks the hashes from the row to the signed root.
func (v *verifier) leadsToRoot(p *Proof, name string) {
	if v.manifest == nil {
		return
	}
	v.report.Root = totalRoot(v.manifest.Shards)
	if v.report.Root != v.manifest.Root {
		v.report.add(Problem{Kind: ProblemFigure, File: name, Field: "manifest.root", Detail: fmt.Sprintf("the manifest says %s, its shards make %s", v.manifest.Root, v.report.Root)})
	}
	shard := v.manifest.shard(p.File)
	if shard == nil {
		v.report.add(Problem{Kind: ProblemFormat, File: name, Field: "file", Detail: fmt.Sprintf("the manifest has no shard %.100q", p.File)})
		return
	}
	v.report.Shards, v.report.Rows = 1, 1
	v.report.Notes = append(v.report.Notes, fmt.Sprintf("it proves row %d of %d in %s", p.Row, shard.Rows, p.File))
	leaf := merkle.Leaf(p.Encoding)
	if err := merkle.Verify(shard.Root, leaf, uint64(p.Row), uint64(shard.Rows), p.Path); err != nil || p.Row < 0 {
		v.report.add(Problem{
			Kind: ProblemRoot, File: name, Row: &p.Row, LastRow: &p.Row, Field: "encoding, row or path",
			Detail: fmt.Sprintf("the row and its path do not lead to the root of %s that the router signed (%s)", p.File, short(shard.Root.String())),
		})
	}
}

// recordOf checks that the record for people is the one that is proven.
func (v *verifier) recordOf(p *Proof, name string) {
	want, err := decodeRow(p.Encoding)
	if err != nil {
		v.report.add(Problem{Kind: ProblemFormat, File: name, Field: "encoding", Detail: err.Error()})
		return
	}
	var got, meant map[string]any
	if err := json.Unmarshal(p.Record, &got); err != nil {
		v.report.add(Problem{Kind: ProblemFormat, File: name, Field: "record", Detail: err.Error()})
		return
	}
	if err := json.Unmarshal(want, &meant); err != nil {
		v.report.add(Problem{Kind: ProblemFormat, File: name, Field: "encoding", Detail: err.Error()})
		return
	}
	var differing []string
	for field := range meant {
		if fmt.Sprint(got[field]) != fmt.Sprint(meant[field]) {
			differing = append(differing, field)
		}
	}
	for field := range got {
		if _, ok := meant[field]; !ok {
			differing = append(differing, field)
		}
	}
	if slices.Sort(differing); len(differing) > 0 {
		v.report.add(Problem{
			Kind: ProblemRow, File: name, Row: &p.Row, LastRow: &p.Row, Field: strings.Join(differing, ", "),
			Detail: "the record that is shown is not the row that is proven",
		})
	}
	p.Record = want // for the form
}
