package dataset

import (
	"errors"
	"os"
	"path/filepath"
)

// single verifies a shard by itself, with the manifest of its version if it
// lies in one.
func (v *verifier) single(file string) error {
	if f, ok, err := beginsLikeJSON(file); err != nil || ok {
		if err != nil {
			return err
		}
		defer f.Close()
		return v.proof(file, f)
	}
	v.report.Kind = KindShard
	name, found, err := v.enclosing(file)
	if err != nil {
		return err
	}
	if found {
		defer v.root.Close()
		sum := totals{sites: map[string]int64{}}
		want, ok := v.manifest.file(name)
		if ok && (v.manifest.shard(name) != nil || v.manifest.raw(name) != nil || name == DuplicatesFile) {
			err := v.file(want, &sum)
			if len(sum.shards) == 1 {
				v.report.Root = sum.shards[0].Root
			}
			return err
		}
		v.report.Notes = append(v.report.Notes, "the version around it does not list it")
	}
	if v.options.Key != nil && !found && len(v.report.Problems) == 0 {
		return errors.New("a shard alone carries no signature to compare the key with; verify the version folder it belongs to")
	}
	return v.alone(file)
}

// enclosing looks for the version that the file lies in: two folders up for a
// shard, one for duplicates.parquet.
func (v *verifier) enclosing(file string) (name string, found bool, err error) {
	dir, name, err := versionAround(file)
	if err != nil || dir == "" {
		return "", false, err
	}
	return name, true, v.openFound(dir)
}

func (v *verifier) openFound(dir string) error {
	if err := v.open(dir); err != nil {
		return err
	}
	if v.manifest == nil {
		v.manifest = &Manifest{} // broken, and reported: the file is then checked by itself
	}
	return nil
}

// alone checks a shard against its own leaves and footer.
func (v *verifier) alone(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	check := &tableCheck[Record]{
		table: recordsTable(), file: filepath.Base(file), report: &v.report, limits: v.options.Limits,
		each: func(*Record) { v.report.Rows++ },
	}
	v.report.Shards, v.report.Bytes = 1, v.report.Bytes+info.Size()
	if _, err := check.run(f, info.Size()); err != nil {
		return err
	}
	v.report.Root = check.tally.tree.Root()
	v.report.Notes = append(v.report.Notes, "no manifest: the shard was compared with its own leaves and footer, which whoever rewrites it can rewrite too")
	return nil
}

// beginsLikeJSON opens a file that may be a proof; nothing Parquet begins so.
func beginsLikeJSON(file string) (f *os.File, ok bool, err error) {
	if f, err = os.Open(file); err != nil {
		return nil, false, err
	}
	var first [1]byte
	if n, _ := f.ReadAt(first[:], 0); n == 1 && first[0] == '{' {
		return f, true, nil
	}
	return nil, false, f.Close()
}
