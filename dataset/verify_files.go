package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// totals are what the files of a version add up to.
type totals struct {
	shards     []Shard
	sites      map[string]int64
	duplicates DuplicateCounts
	whole      bool // every shard was read to its end
}

// files checks every file of the manifest.
func (v *verifier) files() (totals, error) {
	sum := totals{sites: map[string]int64{}, whole: true}
	for _, want := range v.manifest.Files {
		if err := v.file(want, &sum); err != nil {
			return sum, err
		}
	}
	for i := range v.manifest.Shards {
		s := &v.manifest.Shards[i]
		if _, ok := v.manifest.file(s.File); !ok {
			sum.whole = false
			v.unlisted(s.File)
		}
		if s.Raw != nil {
			if _, ok := v.manifest.file(s.Raw.File); !ok {
				v.unlisted(s.Raw.File)
			}
		}
	}
	return sum, nil
}

func (v *verifier) unlisted(file string) {
	v.report.add(Problem{Kind: ProblemManifest, File: ManifestFile, Field: "files", Detail: "shard " + file + " is not among them"})
}

func (v *verifier) file(want File, sum *totals) error {
	f, size, err := v.openFile(want.Path)
	if errors.Is(err, fs.ErrNotExist) {
		sum.whole = false
		v.report.addf(ProblemMissing, want.Path, "the manifest lists it, but it is not there")
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	v.report.Bytes += size
	got, _, err := digestOf(f)
	if err != nil {
		return err
	}
	changed := ""
	if got != want.SHA256 || size != want.Bytes {
		changed = fmt.Sprintf("SHA-256 %s (%d bytes), the manifest says %s (%d bytes)", short(got), size, short(want.SHA256), want.Bytes)
	}
	shard := v.manifest.shard(want.Path)
	switch {
	case shard != nil:
		return v.shardOfVersion(f, size, shard, changed, sum)
	case v.manifest.raw(want.Path) != nil:
		return v.answers(f, size, v.manifest.raw(want.Path), changed)
	case want.Path == DuplicatesFile:
		return v.duplicates(f, size, changed, sum)
	case want.Path == RemovedFile:
		return v.removed(f, size, changed)
	case want.Path == SampleFile:
		return v.sample(f, size, changed)
	case changed != "" && want.Path == SumsFile:
		return v.sumsFile(f, changed)
	case changed != "":
		v.report.addf(ProblemDigest, want.Path, "%s", changed)
	}
	return nil
}

// short is enough of a digest to compare by eye.
func short(sum string) string { return sum[:min(len(sum), 16)] + "…" }

func (v *verifier) shardOfVersion(f *os.File, size int64, want *Shard, changed string, sum *totals) error {
	got := Shard{File: want.File, Sites: map[string]int64{}}
	check := &tableCheck[Record]{
		table: recordsTable(), file: want.File, changed: changed, want: &want.Root, report: &v.report, limits: v.options.Limits,
		each: func(r *Record) { got.add(r); got.Sites[r.Site]++ },
	}
	whole, err := check.run(f, size)
	if err != nil {
		return err
	}
	v.report.Shards++
	v.report.Rows += got.Rows
	got.Root = check.tally.tree.Root()
	sum.shards = append(sum.shards, got)
	addAll(sum.sites, got.Sites)
	sum.whole = sum.whole && whole
	if whole {
		for _, d := range want.differences(got.Summary) {
			v.report.add(Problem{Kind: ProblemFigure, File: ManifestFile, Field: d.field, Detail: fmt.Sprintf("for %s: the manifest says %v, its rows say %v", want.File, d.said, d.found)})
		}
	}
	return nil
}

// answers checks a file of raw answers.
func (v *verifier) answers(f *os.File, size int64, want *RawFile, changed string) error {
	var rows int64
	check := &tableCheck[Raw]{
		table: rawTable(), file: want.File, changed: changed, want: &want.Root, report: &v.report, limits: v.options.Limits,
		each: func(*Raw) { rows++ },
	}
	whole, err := check.run(f, size)
	if whole && rows != want.Rows {
		v.report.add(Problem{Kind: ProblemFigure, File: ManifestFile, Field: "raw.rows", Detail: fmt.Sprintf("for %s: the manifest says %d, the file has %d", want.File, want.Rows, rows)})
	}
	return err
}

func (v *verifier) duplicates(f *os.File, size int64, changed string, sum *totals) error {
	check := &tableCheck[Duplicate]{
		table: duplicatesTable(), file: DuplicatesFile, changed: changed, report: &v.report, limits: v.options.Limits,
		each: func(d *Duplicate) {
			if d.Kind == ExactDuplicate {
				sum.duplicates.Exact++
			} else {
				sum.duplicates.Near++
			}
		},
	}
	whole, err := check.run(f, size)
	if whole && sum.duplicates != v.manifest.Duplicates {
		v.report.add(Problem{Kind: ProblemFigure, File: ManifestFile, Field: "duplicates", Detail: fmt.Sprintf("the manifest says %+v, %s has %+v", v.manifest.Duplicates, DuplicatesFile, sum.duplicates)})
	}
	return err
}

// removed checks the tombstones.
func (v *verifier) removed(f *os.File, size int64, changed string) error {
	var rows int64
	check := &tableCheck[Tombstone]{
		table: removedTable(), file: RemovedFile, changed: changed, report: &v.report, limits: v.options.Limits,
		each: func(*Tombstone) { rows++ },
	}
	whole, err := check.run(f, size)
	if whole && rows != v.manifest.Removed {
		v.report.add(Problem{Kind: ProblemFigure, File: ManifestFile, Field: "removed", Detail: fmt.Sprintf("the manifest says %d, %s has %d", v.manifest.Removed, RemovedFile, rows)})
	}
	return err
}

// sample checks the sample by itself: its rows stand in the shards, too.
func (v *verifier) sample(f *os.File, size int64, changed string) error {
	check := &tableCheck[Record]{
		table: recordsTable(), file: SampleFile, changed: changed, report: &v.report, limits: v.options.Limits, each: func(*Record) {},
	}
	_, err := check.run(f, size)
	return err
}

// sumsFile names the line of SHA256SUMS that was changed.
func (v *verifier) sumsFile(f *os.File, changed string) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(f, v.options.Limits.ManifestBytes))
	if err != nil {
		return err
	}
	var before []File
	for _, file := range v.manifest.Files {
		if file.Path != SumsFile {
			before = append(before, file)
		}
	}
	got, want := strings.Split(string(raw), "\n"), strings.Split(string(sums(before)), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			v.report.addf(ProblemDigest, SumsFile, "%s; line %d is not what the manifest implies", changed, i+1)
			return nil
		}
	}
	v.report.addf(ProblemDigest, SumsFile, "%s", changed)
	return nil
}

// besides are what hubs and version control put at the top of a copy. Loaders
// read nothing there, unlike in data/, where hidden files count too.
var besides = map[string]bool{".git": true, ".gitattributes": true, ".cache": true}

// strangers finds files that the manifest does not know. A loader would read
// them along with the rest.
func (v *verifier) strangers() error {
	known := map[string]bool{ManifestFile: true}
	for _, f := range v.manifest.Files {
		known[f.Path] = true
	}
	return fs.WalkDir(v.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case besides[name] || !d.IsDir() && path.Base(name) == ".DS_Store":
			v.report.Notes = append(v.report.Notes, "not part of the version, not looked at: "+name)
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir() && !known[name]:
			v.report.addf(ProblemUnexpected, name, "the manifest does not list it")
		}
		return nil
	})
}

// totals compares the manifest's sums with those of the files.
func (v *verifier) totals(sum totals) {
	v.report.Root = totalRoot(sum.shards)
	if !sum.whole {
		v.report.Notes = append(v.report.Notes, "not every row could be read, so totals were not compared")
		return
	}
	figure := func(field string, said, found any) {
		if fmt.Sprint(said) != fmt.Sprint(found) {
			v.report.add(Problem{Kind: ProblemFigure, File: ManifestFile, Field: field, Detail: fmt.Sprintf("the manifest says %v, the files say %v", said, found)})
		}
	}
	var all Summary
	var bytes int64
	for i := range sum.shards {
		all.merge(sum.shards[i].Summary)
	}
	for i := range v.manifest.Shards {
		bytes += v.manifest.Shards[i].Bytes
	}
	figure("root", v.manifest.Root, v.report.Root)
	figure("bytes", v.manifest.Bytes, bytes)
	figure("sites", v.manifest.Sites, int64(len(sum.sites)))
	for _, d := range v.manifest.differences(all) {
		figure(d.field, d.said, d.found)
	}
}
