package dataset

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// VerifyOptions are the choices of Verify.
type VerifyOptions struct {
	// Key is the router's key to insist on. Without it, any key that the
	// manifest names is accepted and reported.
	Key ed25519.PublicKey
	// Limits bounds what is read. Default DefaultLimits().
	Limits Limits
}

// ErrCannotTell says that there is nothing to judge: no such path, no
// permission, a folder that is not a version, or no signature to compare with
// the key that was insisted on.
var ErrCannotTell = errors.New("cannot tell")

// Verify checks the version in a folder, a single shard, or the proof of one row,
// against everything that can be recomputed offline: signature, digests and sizes of all files,
// every row's Merkle leaf, the roots, and the figures of the manifest. For a
// shard inside a version it uses that version's manifest; a shard alone can
// only be checked against itself.
//
// What is wrong stands in the report, located as closely as the damage allows.
// An error means that no verdict is possible and wraps ErrCannotTell. It never
// panics, whatever the files hold, and follows no link out of the version.
func Verify(path string, o VerifyOptions) (Report, error) {
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	v := &verifier{options: o, report: Report{Path: path, Problems: []Problem{}, Notes: []string{}, limit: o.Limits.Problems}}
	info, err := os.Stat(path)
	switch {
	case err != nil:
	case info.IsDir():
		err = v.version(path)
	case info.Mode().IsRegular():
		err = v.single(path)
	default:
		err = errors.New("neither a folder nor a regular file")
	}
	v.report.Valid = err == nil && len(v.report.Problems) == 0 && v.report.Omitted == 0
	if err != nil && len(v.report.Problems) == 0 {
		return v.report, fmt.Errorf("%w: %s: %w", ErrCannotTell, path, err)
	}
	if err != nil {
		v.report.Notes = append(v.report.Notes, "not everything was checked: "+err.Error())
	}
	return v.report, nil
}

type verifier struct {
	options  VerifyOptions
	report   Report
	root     *os.Root // of the version
	manifest *Manifest
	trusted  bool // the manifest's signature fits
}

// place holds the folder's name against the manifest: an older version under a
// newer one's name would bring back what was taken down since.
func (v *verifier) place(dir string) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return
	}
	name := filepath.Base(abs)
	digits, ok := strings.CutPrefix(name, "v")
	if _, err := strconv.Atoi(digits); !ok || err != nil || name == versionName(v.manifest.Version) {
		return
	}
	v.report.add(Problem{
		Kind: ProblemFigure, File: ManifestFile, Field: "version",
		Detail: fmt.Sprintf("the manifest says %d, the folder is called %s", v.manifest.Version, name),
	})
}

// version verifies a folder.
func (v *verifier) version(dir string) error {
	v.report.Kind = KindVersion
	if err := v.open(dir); err != nil {
		return err
	}
	defer v.root.Close()
	if v.manifest == nil {
		return nil
	}
	v.place(dir)
	totals, err := v.files()
	if err != nil {
		return err
	}
	if err := v.strangers(); err != nil {
		return err
	}
	v.totals(totals)
	return nil
}

// open reads the manifest of the version in dir. A manifest that is there but
// broken is a problem; a folder without one cannot be judged.
func (v *verifier) open(dir string) (err error) {
	if v.root, err = os.OpenRoot(dir); err != nil {
		return err
	}
	f, size, err := v.openFile(ManifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: it has no %s", ErrNoVersion, ManifestFile)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if size > v.options.Limits.ManifestBytes {
		v.report.addf(ProblemManifest, ManifestFile, "%d bytes, the limit is %d", size, v.options.Limits.ManifestBytes)
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(f, size))
	if err != nil {
		return err
	}
	v.report.Bytes += size
	v.judge(ParseManifest(raw))
	return nil
}

// judge takes over what ParseManifest said.
func (v *verifier) judge(m *Manifest, err error) {
	switch {
	case errors.Is(err, ErrSignature):
		v.report.addf(ProblemSignature, ManifestFile, "%v; the files are compared with it all the same", err)
	case err != nil:
		v.report.addf(ProblemManifest, ManifestFile, "%v", err)
		return
	default:
		v.trusted = true
	}
	v.manifest, v.report.Manifest = m, m
	v.report.Dataset, v.report.Version, v.report.Router = m.Dataset, m.Version, m.Router
	if v.options.Key != nil && Address(v.options.Key) != m.Router {
		v.report.add(Problem{Kind: ProblemKey, File: ManifestFile, Field: "router", Detail: fmt.Sprintf("signed by %s, not by %s", m.Router, Address(v.options.Key))})
	}
	if v.options.Key == nil && v.trusted {
		v.report.Notes = append(v.report.Notes, "signed by "+m.Router+"; compare this key with the router's, or pass it to insist on it")
	}
}

// openFile opens a regular file of the version; links out of it are refused.
func (v *verifier) openFile(name string) (*os.File, int64, error) {
	local := filepath.FromSlash(name)
	info, err := v.root.Stat(local)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s: not a regular file", name)
	}
	f, err := v.root.Open(local)
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}
