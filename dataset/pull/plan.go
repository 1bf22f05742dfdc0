package pull

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/fallow-network/fallow/dataset"
)

// makePlan decides which files to bring, and where to.
func (p *puller) makePlan(ctx context.Context) error {
	m := p.manifest
	if err := checkFiles(m.Files, p.options.Limits.Files); err != nil {
		return err
	}
	p.plan = m.Files
	name := versionName(m.Version)
	if since := p.options.Since; since > 0 {
		former, err := p.server.former(ctx, since, m)
		if err != nil {
			return err
		}
		p.plan = newFiles(m, former)
		name = versionName(since) + "-" + name
	}
	p.out = filepath.Clean(p.options.Out)
	if p.options.Out == "" {
		p.out = filepath.Join(m.Dataset, name)
	}
	p.part = p.out + ".part"
	return nil
}

// checkFiles refuses lists that no router signs: their names could not all be
// files of one folder, or their sizes no disk's. Each name was checked alone
// when the manifest was parsed.
func checkFiles(files []dataset.File, limit int) error {
	if len(files) > limit {
		return fmt.Errorf("%w: %d files, the limit is %d", ErrServer, len(files), limit)
	}
	seen, total := make(map[string]bool, len(files)), int64(0)
	for _, f := range files {
		// Two names that differ in case only are one file on some systems.
		name := strings.ToLower(f.Path)
		if seen[name] {
			return fmt.Errorf("%w: file %q is listed twice", ErrServer, f.Path)
		}
		seen[name] = true
		if total += f.Bytes; f.Bytes < 0 || total < 0 || len(f.SHA256) != 64 {
			return fmt.Errorf("%w: size or digest of file %q", ErrServer, f.Path)
		}
		if strings.HasSuffix(name, partSuffix) {
			return fmt.Errorf("%w: file %q", ErrServer, f.Path)
		}
	}
	for name := range seen {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if seen[dir] {
				return fmt.Errorf("%w: %q is a file and a folder", ErrServer, dir)
			}
		}
	}
	return nil
}

// newFiles are those of m that somebody who has former needs to have all rows
// and to know which ones to drop.
func newFiles(m, former *dataset.Manifest) []dataset.File {
	added := map[string]bool{}
	for _, s := range dataset.NewShards(m, former) {
		added[s.File] = true
	}
	return slices.DeleteFunc(slices.Clone(m.Files), func(f dataset.File) bool {
		return !added[f.Path] && f.Path != dataset.RemovedFile && f.Path != dataset.NoticesFile
	})
}

// findLocal looks for versions of the dataset beside the output, whose files
// need not be fetched again.
func (p *puller) findLocal() {
	entries, err := os.ReadDir(filepath.Dir(p.out))
	if err != nil {
		return
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "v")
		if _, err := strconv.Atoi(digits); !ok || err != nil || !e.IsDir() {
			continue
		}
		v, err := dataset.OpenVersion(filepath.Join(filepath.Dir(p.out), e.Name()))
		if err == nil && v.Manifest.Dataset == p.manifest.Dataset && v.Manifest.Router == p.manifest.Router {
			p.local = append(p.local, v)
		}
	}
	slices.SortFunc(p.local, func(a, b *dataset.Version) int { return b.Manifest.Version - a.Manifest.Version })
}

// takeStock finds out which files are still to be fetched: not those that an
// earlier attempt finished, nor those that a version beside has.
func (p *puller) takeStock(ctx context.Context) (todo []dataset.File, err error) {
	beside := map[string]string{} // path by digest
	for _, v := range p.local {
		for _, f := range v.Manifest.Files {
			beside[f.SHA256] = v.Path(f.Path)
		}
	}
	for _, f := range p.plan {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch done, err := p.have(f, beside[f.SHA256]); {
		case err != nil:
			return nil, err
		case !done:
			todo = append(todo, f)
		}
	}
	return todo, nil
}

func (p *puller) have(f dataset.File, beside string) (bool, error) {
	name := filepath.FromSlash(f.Path)
	if p.sound(name, f) {
		p.result.Resumed += f.Bytes
		p.tell(f.Bytes, 1, false)
		return true, nil
	}
	if beside == "" || !soundFile(beside, f) {
		return false, nil
	}
	if err := p.root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return false, err
	}
	if err := p.root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	// A link where the file system has them; else it is fetched.
	if os.Link(beside, filepath.Join(p.part, name)) != nil || !p.sound(name, f) {
		return false, nil
	}
	p.result.Reused += f.Bytes
	p.tell(f.Bytes, 1, false)
	return true, nil
}
