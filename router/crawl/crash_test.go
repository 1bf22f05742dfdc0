package crawl_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/fallow-network/fallow/router/crawl/job"
)

// The environment of the child process that TestKilled kills.
const (
	childDir   = "FALLOW_CRAWL_CHILD_DIR"
	childSite  = "FALLOW_CRAWL_CHILD_SITE"
	childCA    = "FALLOW_CRAWL_CHILD_CA"
	childPoint = "FALLOW_CRAWL_CHILD_POINT" // seam and how often it is passed before, "shard 2"
)

// A process killed at each seam of a commit and of a job's end, and started
// again, loses nothing and doubles nothing.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, point := range []string{
		"shard 0", "shard 3", "before running 0", "after running 0",
		"publish 0", "published 0", "before done 0", "after done 0", "tick 150", "tick 400",
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := small(50)
			site := w.site("small.fallow.test", s)
			killed := runChild(t, w, site.Addr(), point)
			if state, ok := killed.Sys().(syscall.WaitStatus); !ok || state.Signal() != syscall.SIGKILL {
				t.Fatalf("the child ended with %v", killed)
			}
			w.cfg.ShardRows = 5
			w.start()
			jobs, err := w.store.Jobs(t.Context(), storeAll)
			if err != nil || len(jobs) != 1 {
				t.Fatalf("jobs %v, %v", jobs, err)
			}
			p := w.finish(jobs[0].ID)
			checkWhole(t, w, s, p)
			truth := s.Truth()
			want := int64(len(truth.Distinct) + len(truth.Duplicates))
			if got := p.Tally.Records + p.Tally.Exact; got != want || p.Tally.Records != int64(len(truth.Distinct)) {
				t.Errorf("%d records and %d duplicates, want %d in all: something was counted twice or lost", p.Tally.Records, p.Tally.Exact, want)
			}
			if p.Result.Version != 1 {
				t.Errorf("version %d of the same content", p.Result.Version)
			}
		})
	}
}

func runChild(t *testing.T, w *world, site, point string) *os.ProcessState {
	t.Helper()
	ca := filepath.Join(w.dir, "ca.pem")
	if err := w.ca.WriteFile(ca); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childDir+"="+w.dir, childSite+"="+site, childCA+"="+ca, childPoint+"="+point)
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("the child was not killed: %v\n%s", err, out)
	}
	return exit.ProcessState
}

// TestChild is the process that TestKilled starts; by itself it does nothing.
func TestChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		return
	}
	w := newWorld(t)
	pem, err := os.ReadFile(os.Getenv(childCA))
	if err != nil || !w.roots.AppendCertsFromPEM(pem) {
		t.Fatalf("CA: %v", err)
	}
	w.dir = dir
	w.hosts["small.fallow.test:443"] = os.Getenv(childSite)
	w.cfg.ShardRows = 5
	name, count, _ := cutLast(os.Getenv(childPoint))
	var passed atomic.Int64
	w.hook = func(point string) error {
		if point == name && passed.Add(1) > int64(count) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://small.fallow.test/"}})
	for i := 0; ; i++ {
		p := w.progress(id)
		if name == "tick" && p.Tally.Bytes > int64(count)*100 { // somewhere in the middle
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
}

func cutLast(s string) (name string, count int, err error) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return "", 0, fmt.Errorf("point %q", s)
	}
	count, err = strconv.Atoi(s[i+1:])
	return s[:i], count, err
}
