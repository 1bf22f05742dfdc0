package dataset_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
)

// publishVariable makes the test program the one that TestPublishSurvivesKills
// kills: it holds the folder to work in.
const publishVariable = "FALLOW_TEST_PUBLISH"

// killSpecs are the versions it publishes: rows, more rows, fewer rows.
func killSpecs(dir string) ([]dataset.VersionSpec, error) {
	var shards []dataset.ShardFile
	for i := range 3 {
		path := filepath.Join(dir, strconv.Itoa(i)+".parquet")
		shard, err := dataset.Describe(path)
		if err != nil {
			return nil, err
		}
		shards = append(shards, dataset.ShardFile{Path: path, Shard: shard})
	}
	list := []dataset.VersionSpec{spec(1, shards[:2]...), spec(2, shards...), spec(3, shards...)}
	list[2].Takedowns = []dataset.Takedown{order(dataset.ScopeSite, "site03.example")}
	return list, nil
}

// TestPublishToBeKilled is the program that is killed; run by itself it does
// nothing.
func TestPublishToBeKilled(t *testing.T) {
	dir := os.Getenv(publishVariable)
	if dir == "" {
		return
	}
	specs, err := killSpecs(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range specs {
		if _, err := dataset.Publish(filepath.Join(dir, "demo"), s, testKey()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPublishSurvivesKills kills the program at random points while it publishes
// three versions, the last with a takedown. After every kill each version that
// is there is whole, and in the end all three are what an undisturbed run makes.
func TestPublishSurvivesKills(t *testing.T) {
	rounds := 2
	if n, err := strconv.Atoi(os.Getenv("FALLOW_SOAK")); err == nil && n > 0 {
		rounds = 5 * n
	}
	for range rounds {
		dir := t.TempDir()
		for i := range 3 {
			writeShard(t, filepath.Join(dir, strconv.Itoa(i)+".parquet"), synthetic(120, uint64(i+1)))
		}
		for kill := 0; !killedPublish(t, dir, time.Duration(rand.IntN(100+40*kill))*time.Millisecond); kill++ {
			eachVersionWhole(t, dir)
			if kill > 200 {
				t.Fatal("it never comes to an end")
			}
		}
		if n := eachVersionWhole(t, dir); n != 3 {
			t.Fatalf("%d versions", n)
		}
		left, err := filepath.Glob(filepath.Join(dir, "demo", ".tmp*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		specs, err := killSpecs(dir)
		if err != nil {
			t.Fatal(err)
		}
		undisturbed := filepath.Join(t.TempDir(), "demo")
		for i, s := range specs {
			want, err := dataset.Publish(undisturbed, s, testKey())
			if err != nil {
				t.Fatal(err)
			}
			if got := mustOpen(t, filepath.Join(dir, "demo", "v"+strconv.Itoa(i+1))).Manifest; got.Signature != want.Signature {
				t.Errorf("version %d is not what an undisturbed run makes", i+1)
			}
		}
	}
}

// killedPublish runs the program for so long; true if it ended by itself.
func killedPublish(t *testing.T, dir string, limit time.Duration) bool {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestPublishToBeKilled$")
	cmd.Env = append(os.Environ(), publishVariable+"="+dir)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	err = cmd.Wait()
	if timer.Stop() && err != nil {
		t.Fatalf("publish: %v\n%s", err, said.String())
	}
	return err == nil
}

// eachVersionWhole verifies every version that is there.
func eachVersionWhole(t *testing.T, dir string) (count int) {
	t.Helper()
	latest, _, err := dataset.Latest(filepath.Join(dir, "demo"))
	if err != nil && !errors.Is(err, dataset.ErrNoVersion) {
		t.Fatal(err)
	}
	for n := 1; n <= latest; n++ {
		report, err := dataset.Verify(filepath.Join(dir, "demo", "v"+strconv.Itoa(n)), dataset.VerifyOptions{Key: public(testKey())})
		if err != nil || !report.Valid {
			t.Fatalf("version %d after a kill: %+v, %v", n, report.Problems, err)
		}
	}
	return latest
}
