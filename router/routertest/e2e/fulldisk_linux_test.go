//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// disk is a small file system of its own whose size can be changed.
type disk struct {
	t   testing.TB
	dir string
}

// roomy is more than a router wants to see before it starts.
const roomy = 400 << 20

// newDisk mounts a file system in memory, which takes root.
func newDisk(t testing.TB, dir string) *disk {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, size(roomy))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skipf("NOT TESTED: what happens on a full disk. A small file system must be mounted for that, which only root may: %v", err)
	}
	if err != nil {
		t.Fatalf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return &disk{t, dir}
}

func size(bytes uint64) string { return fmt.Sprintf("size=%d", bytes) }

// leave makes the disk so small that only so many bytes are free, or as large
// as it was.
func (d *disk) leave(free uint64) {
	d.t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &s); err != nil {
		d.t.Fatal(err)
	}
	used := (s.Blocks - s.Bfree) * uint64(s.Bsize)
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", syscall.MS_REMOUNT, size(min(used+free, roomy))); err != nil {
		d.t.Fatalf("resize the small disk: %v", err)
	}
}

// The disk fills up during a crawl. The router says so and what to do; with room
// again the crawl goes on and nothing is lost.
func TestDiskFull(t *testing.T) {
	// With some room left it is shards that do not fit; with none, whatever is
	// written first.
	for name, free := range map[string]uint64{"little room": 300 << 10, "no room": 0} {
		t.Run(name, func(t *testing.T) { diskFull(t, free) })
	}
}

func diskFull(t *testing.T, free uint64) {
	n := newNetwork(t, smallShards...)
	d := newDisk(t, filepath.Join(n.dir, "volume"))
	n.data = filepath.Join(d.dir, "router")
	n.up(2)
	c := n.crawlSmall("small", 600, 10*time.Millisecond)
	n.until(30*time.Second, "100 pages are fetched", func(ctx context.Context) (bool, error) {
		j, err := n.api.Job(ctx, c.job)
		return j.Counts.Pages >= 100, err
	})
	d.leave(free)

	message := n.diskTrouble(c.job)
	t.Logf("disk full: %s", message)
	expectText(t, "router on a full disk", message, "disk", "space")
	if !n.router.ended() {
		time.Sleep(2 * time.Second) // it is to stay like that
	}
	if n.router.ended() {
		if code := n.router.cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("exit code %d, want 1", code)
		}
		// As long as there is no room it does not start, and says why.
		again := n.serve()
		code := again.await(10 * time.Second)
		answer{stdout: again.said.String(), code: code}.expect(t, "start on a full disk", 1, "free some space", n.data)
		d.leave(roomy)
		n.startRouter()
	} else {
		d.leave(roomy)
	}
	judgeSmall(t, n.finish(c.job), c.site, c.small)
	if _, err := n.api.CloseEpoch(t.Context()); err != nil {
		t.Error(err)
	}
}

// diskTrouble waits until the router has either stopped or said in the job why
// it waits, and returns its words.
func (n *network) diskTrouble(job string) string {
	n.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if n.router.ended() {
			return n.router.said.String()
		}
		if j, err := n.api.Job(n.t.Context(), job); err == nil && strings.Contains(j.Waiting, "disk") {
			return j.Waiting
		}
	}
	n.t.Fatalf("the disk is full and nothing is said about it:\n%s", n.router.said)
	return ""
}

// A router does not start on a disk that is as good as full.
func TestDiskFullAtStart(t *testing.T) {
	n := newNetwork(t)
	d := newDisk(t, filepath.Join(n.dir, "volume"))
	n.data = filepath.Join(d.dir, "router")
	d.leave(10 << 20)
	refused := n.serve()
	code := refused.await(10 * time.Second)
	answer{stdout: refused.said.String(), code: code}.expect(t, "start on a full disk", 1, "MiB free", "free some space", "--data")
}
