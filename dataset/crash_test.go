//go:build unix

package dataset_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
)

// Environment of a copy of the test binary that publishes until it is killed.
const (
	publisherVar = "FALLOW_TEST_PUBLISHER" // the folder to work in
	diskVar      = "FALLOW_TEST_DISK"      // bytes a file may have, as a full disk would leave
)

// TestPublisher is not a test but what TestKilledWhilePublishing kills: it writes
// a shard and publishes it with those before as the next version, again and
// again, and says on standard output what it was told is there for good.
func TestPublisher(t *testing.T) {
	dir := os.Getenv(publisherVar)
	if dir == "" {
		t.Skip("it is run by TestKilledWhilePublishing")
	}
	if most, err := strconv.ParseUint(os.Getenv(diskVar), 10, 64); err == nil {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
			t.Fatal(err)
		}
	}
	datasets, open := filepath.Join(dir, "demo"), filepath.Join(dir, "shards")
	if err := os.MkdirAll(open, 0o755); err != nil {
		t.Fatal(err)
	}
	for {
		n, _, err := dataset.Latest(datasets)
		if err != nil && !errors.Is(err, dataset.ErrNoVersion) {
			t.Fatal(err)
		}
		var shards []dataset.ShardFile
		for k := range n + 1 {
			path := filepath.Join(open, fmt.Sprintf("%d.parquet", k))
			shard, err := dataset.Describe(path) // what a router has in its commit log
			if k == n {
				shard, err = dataset.WriteShard(path, synthetic(40, uint64(k+1)), dataset.WriterOptions{})
			}
			if err != nil {
				t.Fatalf("shard %d: %v", k, err)
			}
			shards = append(shards, dataset.ShardFile{Path: path, Shard: shard})
		}
		if _, err := dataset.Publish(datasets, spec(n+1, shards...), testKey()); err != nil {
			t.Fatalf("version %d: %v", n+1, err)
		}
		fmt.Printf("\npublished %d\n", n+1)
		if n+1 >= maxVersions {
			return
		}
	}
}

// maxVersions keeps the shards of a version few; then the folder is begun anew.
const maxVersions = 12

// Killed at any point, or out of room at any byte, a publisher leaves versions
// that are whole: none that it was told is there is lost, none is broken, no row
// is in one twice, and the next run goes on from there. FALLOW_SOAK makes it 200
// kills.
func TestKilledWhilePublishing(t *testing.T) {
	kills := 6
	if soaking() {
		kills = 200
	}
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	dir, acked, published, full := t.TempDir(), 0, 0, 0
	for n := range kills {
		disk := ""
		if n%4 == 3 {
			disk = strconv.Itoa(rng.IntN(60_000))
		}
		before := acked
		out := runPublisher(t, dir, disk, time.Duration(20+rng.IntN(400))*time.Millisecond, &acked)
		published += acked - before
		if disk != "" && strings.Contains(out, "too large") {
			full++
		}
		checkVersions(t, filepath.Join(dir, "demo"), acked)
		if latest, _, _ := dataset.Latest(filepath.Join(dir, "demo")); latest >= maxVersions {
			dir, acked = t.TempDir(), 0
		} else {
			acked = latest // what was published and not said counts too
		}
	}
	t.Logf("%d kills, %d versions acknowledged, %d times without room", kills, published, full)
	if kills >= 200 && (published < 20 || full < 10) {
		t.Error("the kills came too early to show anything")
	}
}

// runPublisher runs a publisher for so long after its first sign of life, kills
// it, and notes what it said is published.
func runPublisher(t *testing.T, dir, disk string, life time.Duration, acked *int) (said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestPublisher$", "-test.v")
	cmd.Env = append(os.Environ(), publisherVar+"="+dir, diskVar+"="+disk)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "=== RUN") {
			killer.Reset(life)
		}
		if number, ok := strings.CutPrefix(lines.Text(), "published "); ok {
			if *acked, err = strconv.Atoi(number); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed, or out of room
	return said
}

func checkVersions(t *testing.T, dir string, acked int) {
	t.Helper()
	latest, _, err := dataset.Latest(dir)
	if errors.Is(err, dataset.ErrNoVersion) && acked == 0 {
		return
	}
	if err != nil || latest < acked {
		t.Fatalf("version %d was acknowledged, the latest is %d: %v", acked, latest, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue // what a kill left behind; nobody reads it and the next attempt clears it
		}
		path := filepath.Join(dir, e.Name())
		report, err := dataset.Verify(path, dataset.VerifyOptions{Key: public(testKey())})
		if err != nil || !report.Valid {
			t.Fatalf("%s: %+v, %v", path, report, err)
		}
		v, err := dataset.OpenVersion(path)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		err = v.Read(func(_ string, _ int64, r *dataset.Record) error {
			if seen[r.ID] {
				t.Errorf("%s holds %s twice", path, r.ID)
			}
			seen[r.ID] = true
			return nil
		})
		if err != nil || len(seen) != 40*v.Manifest.Version {
			t.Fatalf("%s: %d rows, %v", path, len(seen), err)
		}
	}
}
