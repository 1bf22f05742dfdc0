package pull_test

import (
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/dataset/pull"
)

func TestPullWholeVersions(t *testing.T) {
	sets := newDatasets(t, 3, 40)
	s := serve(t, sets)
	out := t.TempDir()
	var last pull.Progress
	r, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: filepath.Join(out, "v1"), Key: public(), Limits: quick(), Progress: func(p pull.Progress) { last = p }})
	if err != nil {
		t.Fatal(err)
	}
	checkWhole(t, r.Dir)
	if last.Bytes != last.Total || last.Done != last.Files || last.Files != r.Files || r.Downloaded != last.Total || s.asked() != 3 {
		t.Errorf("result %+v, progress %+v", r, last)
	}
	if r, err := pull.Pull(t.Context(), s.URL+api+"/versions/1", pull.Options{Out: filepath.Join(out, "v1"), Limits: quick()}); err != nil || !r.Already || s.asked() != 0 {
		t.Errorf("again: %+v, %v", r, err)
	}
	sets.addShard(t, 40)
	sets.publish(t)
	r, err = pull.Pull(t.Context(), s.URL+api, pull.Options{Out: filepath.Join(out, "v2"), Limits: quick()})
	if err != nil {
		t.Fatal(err)
	}
	checkWhole(t, r.Dir)
	if n := s.asked(); n != 1 || r.Version != 2 || r.Reused == 0 {
		t.Errorf("version 2 took %d shards, %+v", n, r)
	}
	left, err := os.ReadDir(out)
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestPullFromAPlainWebServer(t *testing.T) {
	sets := newDatasets(t, 1, 20)
	s := httptest.NewServer(http.FileServer(http.Dir(sets.dir)))
	defer s.Close()
	for i, address := range []string{s.URL + "/v1", s.URL + "/v1/", s.URL + "/v1/manifest.json"} {
		out := filepath.Join(t.TempDir(), "v1")
		if _, err := pull.Pull(t.Context(), address, pull.Options{Out: out, Limits: quick()}); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		checkWhole(t, out)
	}
}

func TestPullSince(t *testing.T) {
	sets := newDatasets(t, 2, 30)
	s := serve(t, sets)
	sets.addShard(t, 30)
	order := dataset.Takedown{Scope: dataset.ScopeSite, Target: "s1.example", Reason: "the owner asked", At: day}
	sets.publish(t, order)
	out := filepath.Join(t.TempDir(), "new")
	r, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out, Since: 1, Limits: quick()})
	if err != nil {
		t.Fatal(err)
	}
	shards, err := filepath.Glob(filepath.Join(out, "data", "*.parquet"))
	if err != nil || len(shards) != 1 || s.asked() != 1 {
		t.Errorf("fetched %v, %v", shards, err)
	}
	if len(r.Removed) != 1 || r.Removed[0].Reason != order.Reason || r.Removed[0].Rows != 12 || r.Removed[0].Version != 2 {
		t.Errorf("notices %+v", r.Removed)
	}
	tombstones := 0
	err = dataset.ReadRemoved(filepath.Join(out, dataset.RemovedFile), func(_ int64, _ *dataset.Tombstone) error { tombstones++; return nil })
	if err != nil || tombstones != 18 { // 12 of version 1, 6 of the shard that was never published with them
		t.Errorf("%d tombstones, %v", tombstones, err)
	}
	if _, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out + "2", Since: 2, Limits: quick()}); err == nil {
		t.Error("since the version itself")
	}
}

// TestPullTellsOfTakedowns is what an earlier buyer sees.
func TestPullTellsOfTakedowns(t *testing.T) {
	sets := newDatasets(t, 1, 30)
	s := serve(t, sets)
	out := t.TempDir()
	pullTo := func(version int, dir string) pull.Result {
		t.Helper()
		r, err := pull.Pull(t.Context(), s.URL+api+"/versions/"+strconv.Itoa(version), pull.Options{Out: filepath.Join(out, dir), Limits: quick()})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := pullTo(1, "v1"); len(r.Removed) != 0 || r.Newer != 0 {
		t.Errorf("%+v", r)
	}
	sets.publish(t, dataset.Takedown{Scope: dataset.ScopeURL, Target: "https://s0.example/0/0", Reason: "personal data", At: day})
	if r := pullTo(1, "v1"); len(r.Removed) != 1 || r.Newer != 2 || !r.Already {
		t.Errorf("version 1 again: %+v", r)
	}
	if r := pullTo(2, "v2"); len(r.Removed) != 1 || r.Newer != 0 || r.Removed[0].Reason != "personal data" {
		t.Errorf("version 2 beside version 1: %+v", r)
	}
}

// TestPullThroughABadConnection has every answer cut after a while.
func TestPullThroughABadConnection(t *testing.T) {
	for name, ranges := range map[string]bool{"with ranges": true, "without ranges": false} {
		t.Run(name, func(t *testing.T) {
			sets := newDatasets(t, 2, 120)
			s := serve(t, sets)
			var cuts atomic.Int64
			s.breaks(func(w http.ResponseWriter, r *http.Request, file string) bool {
				if !ranges {
					r.Header.Del("Range")
				}
				if !strings.HasSuffix(file, ".parquet") || cuts.Load() >= 12 && !ranges {
					return false
				}
				http.ServeFile(&cutWriter{ResponseWriter: w, left: 20_000, cut: func() { cuts.Add(1); panic(http.ErrAbortHandler) }}, r, filepath.Join(sets.dir, "v1", file))
				return true
			})
			out := filepath.Join(t.TempDir(), "v1")
			l := quick()
			l.Retries = 40
			r, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out, Limits: l, Parallel: 2})
			if err != nil {
				t.Fatal(err)
			}
			checkWhole(t, out)
			if cuts.Load() < 5 {
				t.Errorf("only %d cuts: %+v", cuts.Load(), r)
			}
		})
	}
}

// cutWriter calls cut after so many bytes of body.
type cutWriter struct {
	http.ResponseWriter
	left int
	cut  func()
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	if c.left -= n; c.left <= 0 {
		_ = http.NewResponseController(c.ResponseWriter).Flush() // what was cut off had arrived
		c.cut()
	}
	return n, err
}

func TestPullFromAHostileServer(t *testing.T) {
	sets := newDatasets(t, 1, 60)
	other := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(sets.dir, "v1"))))
	defer other.Close()
	body, err := os.ReadFile(filepath.Join(sets.dir, "v1", "data", "train-00000-of-00001.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	serveBody := func(change func([]byte) []byte) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Transfer-Encoding", "identity")
			_, _ = w.Write(change(append([]byte{}, body...)))
		}
	}
	tests := map[string]struct {
		do   func(http.ResponseWriter, *http.Request)
		want error
	}{
		"a flipped bit":     {serveBody(func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), pull.ErrDigest},
		"a byte more":       {serveBody(func(b []byte) []byte { return append(b, 0) }), pull.ErrDigest},
		"an endless stream": {endless, pull.ErrDigest},
		"another server": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/data/train-00000-of-00001.parquet", http.StatusFound)
		}, pull.ErrServer},
		"a redirect in a circle": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, pull.ErrServer},
		"no such file": {http.NotFound, pull.ErrServer},
		"a wrong range": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 5-9/10")
			w.WriteHeader(http.StatusPartialContent)
		}, pull.ErrServer},
		"always an error": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3000")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, pull.ErrServer},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, sets)
			s.breaks(func(w http.ResponseWriter, r *http.Request, file string) bool {
				if !strings.HasPrefix(file, "data/") {
					return false
				}
				test.do(w, r)
				return true
			})
			out := filepath.Join(t.TempDir(), "v1")
			_, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out, Limits: quick()})
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, expected %v", err, test.want)
			}
			if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a version appeared: %v", err)
			}
			// A server that behaves again is enough to go on.
			s.breaks(nil)
			if _, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out, Limits: quick()}); err != nil {
				t.Fatal(err)
			}
			checkWhole(t, out)
		})
	}
}

func endless(w http.ResponseWriter, r *http.Request) {
	chunk := make([]byte, 64<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func TestPullChecksTheManifest(t *testing.T) {
	sets := newDatasets(t, 1, 10)
	s := serve(t, sets)
	good, err := os.ReadFile(filepath.Join(sets.dir, "v1", dataset.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "v1")
	stranger := ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", 32))).Public().(ed25519.PublicKey)
	if _, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out, Key: stranger, Limits: quick()}); !errors.Is(err, pull.ErrKey) {
		t.Errorf("signed by another: %v", err)
	}
	for name, raw := range map[string]string{
		"changed":   strings.Replace(string(good), `"dataset": "demo"`, `"dataset": "demx"`, 1),
		"not one":   "<html>log in</html>",
		"too large": strings.Repeat(" ", 2<<20),
	} {
		s.breaks(func(w http.ResponseWriter, _ *http.Request, file string) bool {
			if file == dataset.ManifestFile {
				_, _ = w.Write([]byte(raw))
			}
			return file == dataset.ManifestFile
		})
		if _, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out, Limits: quick()}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// An older version under a newer one's number would bring back what was taken down.
	s.breaks(func(w http.ResponseWriter, r *http.Request, file string) bool {
		http.ServeFile(w, r, filepath.Join(sets.dir, "v1", file))
		return true
	})
	if _, err := pull.Pull(t.Context(), s.URL+api+"/versions/2", pull.Options{Out: out, Limits: quick()}); !errors.Is(err, pull.ErrServer) {
		t.Errorf("version 1 as version 2: %v", err)
	}
}

func TestPullKeepsItsToken(t *testing.T) {
	sets := newDatasets(t, 1, 10)
	var leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(leaked.Load() || r.Header.Get("Authorization") != "")
		http.ServeFile(w, r, filepath.Join(sets.dir, "v1", filepath.FromSlash(r.URL.Path)))
	}))
	defer other.Close()
	s := serve(t, sets)
	s.breaks(func(w http.ResponseWriter, r *http.Request, file string) bool {
		switch {
		case r.Header.Get("Authorization") != "Bearer secret":
			http.Error(w, `{"detail":"no key"}`, http.StatusUnauthorized)
			return true
		case strings.HasPrefix(file, "data/"):
			// 127.0.0.1 and localhost are two hosts to a client.
			http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)+"/"+file, http.StatusFound)
			return true
		}
		return false
	})
	out := filepath.Join(t.TempDir(), "v1")
	if _, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out, Limits: quick()}); err == nil || !strings.Contains(err.Error(), "no key") || !strings.Contains(err.Error(), "FALLOW_TOKEN") {
		t.Errorf("without a key: %v", err)
	}
	if _, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out, Token: "secret", Redirects: true, Limits: quick()}); err != nil {
		t.Error(err)
	}
	if leaked.Load() {
		t.Error("the key went to another host")
	}
}

func TestPullNeverTwiceAtOnce(t *testing.T) {
	sets := newDatasets(t, 1, 10)
	s := serve(t, sets)
	out := filepath.Join(t.TempDir(), "v1")
	inside, leave := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	s.breaks(func(_ http.ResponseWriter, _ *http.Request, file string) bool {
		if strings.HasPrefix(file, "data/") && once.CompareAndSwap(false, true) {
			close(inside)
			<-leave
		}
		return false
	})
	first := make(chan error, 1)
	go func() {
		_, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out, Limits: quick()})
		first <- err
	}()
	<-inside
	if _, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out, Limits: quick()}); !errors.Is(err, pull.ErrBusy) {
		t.Errorf("a second pull: %v", err)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Error(err)
	}
	checkWhole(t, out)
}

func TestPullLeavesOthersFoldersAlone(t *testing.T) {
	sets := newDatasets(t, 1, 10)
	s := serve(t, sets)
	out := t.TempDir()
	mine := filepath.Join(out, "mine")
	if err := os.WriteFile(mine, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: out, Limits: quick()}); !errors.Is(err, pull.ErrExists) {
		t.Errorf("over a folder: %v", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}

func TestPullStandsStillNotForEver(t *testing.T) {
	sets := newDatasets(t, 1, 10)
	s := serve(t, sets)
	s.breaks(func(w http.ResponseWriter, r *http.Request, file string) bool {
		if !strings.HasPrefix(file, "data/") {
			return false
		}
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done() // never a byte
		return true
	})
	l := quick()
	l.Idle, l.Retries = 100*time.Millisecond, 1
	if _, err := pull.Pull(t.Context(), s.URL+api, pull.Options{Out: filepath.Join(t.TempDir(), "v1"), Limits: l}); err == nil {
		t.Error("a silent server was waited for")
	}
}
