package pull_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset/pull"
)

// TestMain is also the program that TestPullSurvivesKills kills.
func TestMain(m *testing.M) {
	if address := os.Getenv("FALLOW_TEST_PULL"); address != "" {
		_, err := pull.Pull(context.Background(), address, pull.Options{Out: os.Getenv("FALLOW_TEST_OUT"), Parallel: 2, Limits: quick()})
		if err != nil {
			_, _ = io.WriteString(os.Stderr, err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestPullSurvivesKills kills the program at random points, again and again, and
// damages what it left behind once in a while: in the end the version is whole,
// and no folder ever had its name before it was.
func TestPullSurvivesKills(t *testing.T) {
	kills := 12
	if n, err := strconv.Atoi(os.Getenv("FALLOW_SOAK")); err == nil && n > 0 {
		kills = 10 * n
	}
	sets := newDatasets(t, 3, 150)
	s := serve(t, sets)
	s.breaks(func(w http.ResponseWriter, r *http.Request, file string) bool {
		if strings.HasSuffix(file, ".parquet") {
			http.ServeFile(&slowWriter{w}, r, filepath.Join(sets.dir, "v1", filepath.FromSlash(file)))
			return true
		}
		return false
	})
	out := filepath.Join(t.TempDir(), "v1")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(limit time.Duration) (ended bool) {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = append(os.Environ(), "FALLOW_TEST_PULL="+s.URL+api, "FALLOW_TEST_OUT="+out)
		var said strings.Builder
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		if timer.Stop() && err != nil {
			t.Fatalf("pull: %v: %s", err, said.String())
		}
		return err == nil
	}
	for kill := range kills {
		if run(time.Duration(rand.IntN(150)) * time.Millisecond) {
			break
		}
		if _, err := os.Stat(out); err == nil {
			checkWhole(t, out) // killed after the rename
			break
		}
		if kill%4 == 3 {
			damage(t, out+".part")
		}
	}
	s.breaks(nil)
	if !run(time.Minute) {
		t.Fatal("the last pull did not end")
	}
	checkWhole(t, out)
	if _, err := os.Stat(out + ".part"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
}

// slowWriter makes a download long enough to be killed in.
type slowWriter struct{ http.ResponseWriter }

func (w *slowWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		k := min(len(p), 8<<10)
		var m int
		m, err = w.ResponseWriter.Write(p[:k])
		n, p = n+m, p[k:]
		time.Sleep(time.Millisecond)
	}
	return n, err
}

// damage turns a byte of something unfinished.
func damage(t *testing.T, dir string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // nothing there yet
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Size() > 0 {
			if _, err := f.WriteAt([]byte{0xff}, rand.Int64N(info.Size())); err != nil {
				t.Error(err)
			}
		}
		return filepath.SkipAll
	})
}
