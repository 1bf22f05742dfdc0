// Package pull brings a published version of a dataset from a web server into a
// local folder: in parallel, resumable, each file compared with the digest in
// the signed manifest while it streams.
//
// The server is not trusted with anything. Names, sizes and digests come from
// the manifest, whose signature is checked first; no file is written outside of
// the folder, no byte more than was signed is stored, and no redirect leads to
// another server unless the caller allows it. What stands under the folder's
// final name is whole.
package pull

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fallow-network/fallow/dataset"
)

// Options are the choices of Pull. The zero value is usable.
type Options struct {
	// Out is the folder to make. Default NAME/vN here, or NAME/vK-vN with Since.
	Out string
	// Key is the router's key to insist on. Without it, any key that the
	// manifest names is accepted.
	Key ed25519.PublicKey
	// Parallel is how many files are fetched at once, 1 to 32. Default 4.
	Parallel int
	// Since is a version the caller has and does not want again: only shards
	// that came after it are fetched, with the list of what was removed. 0
	// fetches the whole version.
	Since int
	// Token is sent as Bearer to the server that the address names, and to no
	// other.
	Token string
	// Redirects lets the server send the client to another host.
	Redirects bool
	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
	// Limits bounds what is waited for and accepted. Default DefaultLimits().
	Limits Limits
}

// Limits bounds a pull.
type Limits struct {
	Manifest int64         // bytes of manifest.json. Default 256 MiB
	Files    int           // of a version. Default 400,000
	Retries  int           // of one file without a byte of progress between. Default 5
	Idle     time.Duration // for a connection to bring its next byte. Default 30 s
	Pause    time.Duration // before the first retry; doubled for each further one. Default 500 ms
	MaxPause time.Duration // what a server can make the client wait with Retry-After. Default 1 min
	MinFree  uint64        // bytes of disk to leave free. Default 64 MiB
}

// DefaultLimits returns the defaults named in Limits.
func DefaultLimits() Limits {
	return Limits{
		Manifest: dataset.DefaultLimits().ManifestBytes, Files: 400_000, Retries: 5, Idle: 30 * time.Second, Pause: 500 * time.Millisecond, MaxPause: time.Minute, MinFree: 64 << 20,
	}
}

// Progress is how far a pull is.
type Progress struct {
	Dataset      string
	Version      int
	Files, Done  int   // files in all, and those that are here and compared
	Bytes, Total int64 // here, and in all
}

// Result is what a pull did.
type Result struct {
	Dir        string           `json:"dir"`
	Dataset    string           `json:"dataset"`
	Version    int              `json:"version"`
	Router     string           `json:"router"` // base58 of the key that signed
	Root       string           `json:"root"`   // hex
	Rows       int64            `json:"rows"`
	Files      int              `json:"files"`      // of what was asked for
	Downloaded int64            `json:"downloaded"` // bytes that came over the network now
	Resumed    int64            `json:"resumed"`    // bytes of an earlier attempt
	Reused     int64            `json:"reused"`     // bytes found in other versions beside it
	Already    bool             `json:"already"`    // it was there before
	Since      int              `json:"since,omitempty"`
	Removed    []dataset.Notice `json:"removed"` // rows taken down since the version the caller has
	Newer      int              `json:"newer,omitempty"`
}

var (
	// ErrServer says that the server answers what no Fallow version looks like.
	ErrServer = errors.New("the server does not give the version")
	// ErrDigest says that the server sends other bytes than the router signed.
	ErrDigest = errors.New("bytes differ from what the router signed")
	// ErrKey says that another key signed than the one that was insisted on.
	ErrKey = errors.New("signed by another key")
	// ErrBusy says that another pull works on the same folder.
	ErrBusy = errors.New("another pull is writing this folder")
	// ErrSpace says that the disk cannot hold the version.
	ErrSpace = errors.New("not enough disk space")
	// ErrExists says that the folder is there and holds something else.
	ErrExists = errors.New("the folder exists with other content")
)

// Pull fetches the version at an address: a version or a dataset in a router's
// API (".../datasets/NAME/versions/3", ".../datasets/NAME" for the latest), or
// any folder of a web server that has manifest.json in it.
//
// What an earlier attempt left in OUT.part is taken up where it ended, and
// files that versions beside OUT have are not fetched again. Errors that trying
// again may mend leave OUT.part in place.
func Pull(ctx context.Context, address string, o Options) (Result, error) {
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if o.Parallel == 0 {
		o.Parallel = 4
	}
	if o.Parallel < 1 || o.Parallel > 32 {
		return Result{}, fmt.Errorf("pull: %d files at once, can be 1 to 32", o.Parallel)
	}
	s, err := newServer(ctx, address, o)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	p := &puller{options: o, server: s}
	if err := p.run(ctx); err != nil {
		return p.result, fmt.Errorf("pull %s: %w", address, err)
	}
	return p.result, nil
}

type puller struct {
	options  Options
	server   *server
	raw      []byte // manifest.json
	manifest *dataset.Manifest
	plan     []dataset.File
	out      string
	part     string // folder of what is not whole yet
	root     *os.Root
	local    []*dataset.Version // beside the output, newest first
	result   Result

	mu       sync.Mutex
	progress Progress
	last     time.Time // of the last call of Progress
}

func (p *puller) run(ctx context.Context) error {
	if err := p.readManifest(ctx); err != nil {
		return err
	}
	if err := p.makePlan(ctx); err != nil {
		return err
	}
	p.findLocal()
	if already, err := p.already(); already || err != nil {
		if err == nil {
			err = p.notices(ctx)
		}
		return err
	}
	unlock, err := p.open()
	if err != nil {
		return err
	}
	defer unlock()
	if err := p.fetchAll(ctx); err != nil {
		return err
	}
	if err := p.finish(); err != nil {
		return err
	}
	return p.notices(ctx)
}

func (p *puller) readManifest(ctx context.Context) error {
	raw, err := p.server.manifest(ctx)
	if err != nil {
		return err
	}
	m, err := dataset.ParseManifest(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", p.server.base, err)
	}
	if key := p.options.Key; key != nil && m.Router != dataset.Address(key) {
		return fmt.Errorf("%w: by %s, not by %s", ErrKey, m.Router, dataset.Address(key))
	}
	if v := p.server.version; v != 0 && m.Version != v {
		return fmt.Errorf("%w: asked for version %d, its manifest says %d", ErrServer, v, m.Version)
	}
	p.raw, p.manifest = raw, m
	p.result = Result{
		Dataset: m.Dataset, Version: m.Version, Router: m.Router, Root: m.Root.String(), Rows: m.Rows,
		Since: p.options.Since, Removed: []dataset.Notice{},
	}
	return nil
}

// already says whether the folder holds the version, whole, from before.
func (p *puller) already() (bool, error) {
	if _, err := os.Lstat(p.out); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	v, err := dataset.OpenVersion(p.out)
	if err != nil || v.Manifest.Signature != p.manifest.Signature {
		return false, fmt.Errorf("%w: %s; give another --out or move it away", ErrExists, p.out)
	}
	p.result.Dir, p.result.Already, p.result.Files = p.out, true, len(p.plan)
	return true, nil
}

// open makes the folder of what is not whole, for this process alone.
func (p *puller) open() (unlock func(), err error) {
	if err := os.MkdirAll(p.part, 0o755); err != nil {
		return nil, err
	}
	lock, err := lockFile(p.part + ".lock")
	if err != nil {
		return nil, err
	}
	if p.root, err = os.OpenRoot(p.part); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return func() {
		_ = p.root.Close()
		_ = os.Remove(lock.Name()) // while it is held: whoever opened it meanwhile finds it held
		_ = lock.Close()
	}, nil
}

func (p *puller) fetchAll(ctx context.Context) error {
	p.progress = Progress{Dataset: p.manifest.Dataset, Version: p.manifest.Version, Files: len(p.plan)}
	for _, f := range p.plan {
		p.progress.Total += f.Bytes
	}
	todo, err := p.takeStock(ctx)
	if err != nil {
		return err
	}
	if err := p.checkSpace(todo); err != nil {
		return err
	}
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(p.options.Parallel)
	for _, f := range todo {
		if working.Err() != nil {
			break
		}
		group.Go(func() error { return p.fetch(working, f) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	p.tell(0, 0, true)
	return ctx.Err()
}

// checkSpace refuses before it begins what cannot end well.
func (p *puller) checkSpace(todo []dataset.File) error {
	need := uint64(0)
	for _, f := range todo {
		need += uint64(f.Bytes - p.partial(f))
	}
	free, known := freeBytes(p.part)
	if known && need > 0 && free < need+p.options.Limits.MinFree {
		return fmt.Errorf("%w: %d bytes are still to come and %d are free at %s; free some or give another --out", ErrSpace, need, free, p.part)
	}
	return nil
}

// finish gives the folder its name.
func (p *puller) finish() error {
	if err := writeFile(p.root, dataset.ManifestFile, p.raw); err != nil {
		return err
	}
	if err := syncAll(p.part); err != nil {
		return err
	}
	if err := os.Rename(p.part, p.out); err != nil {
		return err
	}
	p.result.Dir, p.result.Files = p.out, len(p.plan)
	return syncFolder(filepath.Dir(p.out))
}

// notices finds what was taken down since the version the caller has: the one
// pulled if the server has newer ones, else the newest before it.
func (p *puller) notices(ctx context.Context) error {
	newest, err := p.server.latest(ctx)
	if err != nil || newest == nil {
		return err
	}
	had := p.options.Since
	for _, v := range p.local {
		if n := v.Manifest.Version; n < p.manifest.Version {
			had = max(had, n)
		}
	}
	from := p.server
	if newest.version > p.manifest.Version {
		p.result.Newer, had, from = newest.version, p.manifest.Version, newest
	}
	if had == 0 {
		return nil
	}
	list, err := from.notices(ctx, p.options.Key)
	p.result.Removed = dataset.Since(list, had)
	return err
}

// tell adds to the progress and passes it on, not too often.
func (p *puller) tell(bytes int64, files int, always bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress.Bytes += bytes
	p.progress.Done += files
	if now := time.Now(); p.options.Progress != nil && (always || now.Sub(p.last) >= 100*time.Millisecond) {
		p.last = now
		p.options.Progress(p.progress)
	}
}

func versionName(n int) string { return "v" + strconv.Itoa(n) }
