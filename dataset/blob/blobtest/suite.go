// Package blobtest is the suite that every blob.Store passes.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fallow-network/fallow/dataset/blob"
)

// Run tests stores that open makes. Each call must return an empty one.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for name, test := range map[string]func(*testing.T, blob.Store){
		"what is put is got": putGet, "ranges": ranges, "keys": keys, "list": list, "delete": remove,
		"a failed put changes nothing": failedPut, "readers keep what they opened": replaceUnderReader, "concurrent puts": concurrent,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func put(t *testing.T, s blob.Store, key, content string) {
	t.Helper()
	info, err := s.Put(t.Context(), key, strings.NewReader(content))
	if err != nil || info != (blob.Info{Key: key, Bytes: int64(len(content))}) {
		t.Fatalf("put %s: %+v, %v", key, info, err)
	}
}

func get(t *testing.T, s blob.Store, key string, offset, length int64) string {
	t.Helper()
	r, err := s.Get(t.Context(), key, offset, length)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	raw, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return string(raw)
}

func putGet(t *testing.T, s blob.Store) {
	large := strings.Repeat("0123456789abcdef", 1<<16)
	for _, content := range []string{"", "x", large} {
		put(t, s, "a/b/c.bin", content)
		if got := get(t, s, "a/b/c.bin", 0, -1); got != content {
			t.Errorf("%d bytes came back as %d", len(content), len(got))
		}
		if info, err := s.Stat(t.Context(), "a/b/c.bin"); err != nil || info.Bytes != int64(len(content)) || info.Key != "a/b/c.bin" {
			t.Errorf("stat: %+v, %v", info, err)
		}
	}
	for _, key := range []string{"a", "a/b", "a/b/c", "none"} {
		if _, err := s.Get(t.Context(), key, 0, -1); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("get %s: %v", key, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("stat %s: %v", key, err)
		}
	}
}

func ranges(t *testing.T, s blob.Store) {
	put(t, s, "digits", "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, 10, "0123456789"}, {3, 4, "3456"}, {9, 1, "9"}, {10, 0, ""}, {10, -1, ""}, {4, -1, "456789"}, {0, 0, ""}} {
		if got := get(t, s, "digits", c.offset, c.length); got != c.want {
			t.Errorf("%d from %d: %q", c.length, c.offset, got)
		}
	}
	for _, c := range [][2]int64{{0, 11}, {11, 0}, {11, -1}, {-1, 2}, {5, 1 << 62}, {1 << 62, 1 << 62}} {
		if _, err := s.Get(t.Context(), "digits", c[0], c[1]); !errors.Is(err, blob.ErrRange) {
			t.Errorf("%d from %d: %v", c[1], c[0], err)
		}
	}
}

func keys(t *testing.T, s blob.Store) {
	for _, key := range []string{
		"", ".", "..", "/a", "a/", "a//b", "../a", "a/../b", ".hidden", "a/.tmp/b", `a\b`, "a\x00b", "a\nb", "c:x",
		strings.Repeat("k", blob.MaxPart+1), strings.Repeat("k/", blob.MaxKey/2) + "k",
	} {
		_, err := s.Put(t.Context(), key, strings.NewReader("x"))
		_, err2 := s.Get(t.Context(), key, 0, -1)
		_, err3 := s.Stat(t.Context(), key)
		err4 := s.Delete(t.Context(), key)
		for _, err := range []error{err, err2, err3, err4} {
			if !errors.Is(err, blob.ErrKey) {
				t.Errorf("key %.40q: %v", key, err)
			}
		}
	}
	put(t, s, "v1/data/train-00000-of-00001.parquet", "x")
	put(t, s, "with space/ünï…code", "y")
	put(t, s, strings.Repeat("k", blob.MaxPart), "z")
}

func list(t *testing.T, s blob.Store) {
	for _, key := range []string{"v1/b", "v1/a", "v10/a", "v2/data/x", "v1/data/y", "w"} {
		put(t, s, key, key)
	}
	for prefix, want := range map[string]string{
		"": "v1/a v1/b v1/data/y v10/a v2/data/x w", "v1": "v1/a v1/b v1/data/y v10/a", "v1/": "v1/a v1/b v1/data/y",
		"v1/d": "v1/data/y", "v2/data/x": "v2/data/x", "none": "", "v1/a/": "",
	} {
		var got []string
		err := s.List(t.Context(), prefix, func(i blob.Info) error {
			if i.Bytes != int64(len(i.Key)) {
				t.Errorf("%+v", i)
			}
			got = append(got, i.Key)
			return nil
		})
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("list %q: %v, %v", prefix, got, err)
		}
	}
	enough := errors.New("enough")
	seen := 0
	if err := s.List(t.Context(), "", func(blob.Info) error { seen++; return enough }); !errors.Is(err, enough) || seen != 1 {
		t.Errorf("yield ended the list after %d with %v", seen, err)
	}
}

func remove(t *testing.T, s blob.Store) {
	put(t, s, "a/b", "x")
	for range 2 {
		if err := s.Delete(t.Context(), "a/b"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Stat(t.Context(), "a/b"); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("after delete: %v", err)
		}
	}
	put(t, s, "a/b", "again")
	if got := get(t, s, "a/b", 0, -1); got != "again" {
		t.Error(got)
	}
}

// torn gives some bytes, then fails.
type torn struct{ given bool }

var errTorn = errors.New("the source broke")

func (r *torn) Read(p []byte) (int, error) {
	if r.given {
		return 0, errTorn
	}
	r.given = true
	return copy(p, "half of it"), nil
}

func failedPut(t *testing.T, s blob.Store) {
	put(t, s, "kept", "before")
	for _, key := range []string{"kept", "new/key"} {
		if _, err := s.Put(t.Context(), key, new(torn)); !errors.Is(err, errTorn) {
			t.Errorf("put of a broken source: %v", err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := s.Put(ended, "kept", strings.NewReader("after")); !errors.Is(err, context.Canceled) {
		t.Errorf("put after its context: %v", err)
	}
	if got := get(t, s, "kept", 0, -1); got != "before" {
		t.Errorf("failed puts left %q", got)
	}
	var all []string
	if err := s.List(t.Context(), "", func(i blob.Info) error { all = append(all, i.Key); return nil }); err != nil || !slices.Equal(all, []string{"kept"}) {
		t.Errorf("failed puts left %v, %v", all, err)
	}
}

func replaceUnderReader(t *testing.T, s blob.Store) {
	old := strings.Repeat("old", 100_000)
	put(t, s, "k", old)
	r, err := s.Get(t.Context(), "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 10)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	put(t, s, "k", "new")
	rest, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || string(head)+string(rest) != old {
		t.Errorf("the reader saw %d bytes of another blob, %v", len(rest), err)
	}
	if got := get(t, s, "k", 0, -1); got != "new" {
		t.Error(got)
	}
}

func concurrent(t *testing.T, s blob.Store) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			content := bytes.Repeat([]byte{byte('a' + i)}, 50_000)
			for n := range 4 {
				for _, key := range []string{"shared/key", fmt.Sprintf("own/%d/%d", i, n)} {
					if _, err := s.Put(t.Context(), key, bytes.NewReader(content)); err != nil {
						t.Errorf("put %s: %v", key, err)
					}
				}
			}
		})
	}
	wg.Wait()
	got := get(t, s, "shared/key", 0, -1)
	if len(got) != 50_000 || strings.Count(got, got[:1]) != len(got) {
		t.Errorf("%d bytes mixed of several puts", len(got))
	}
}
