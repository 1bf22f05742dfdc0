package powercut_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/halts"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/wire"
)

// imageBytes is the size of the disk; cutsInCI and cutsInSoak are how often it loses
// its power.
const (
	imageBytes = 48 << 20
	cutsInCI   = 3
	cutsInSoak = 200
)

// After every cut the journal verifies, the receipts are whole and both ends'
// signatures on them hold, and whatever was countersigned or in force before the cut
// still is.
func TestNothingCountersignedIsLost(t *testing.T) {
	cuts := cutsInCI
	if os.Getenv("FALLOW_SOAK") != "" {
		cuts = cutsInSoak
	}
	dir := t.TempDir()
	image, mnt := filepath.Join(dir, "disk"), filepath.Join(dir, "mnt")
	mustMake(t, image, mnt)
	found := acked{receipts: map[string]uint64{}}
	began, total := time.Now(), 0
	for cut := range cuts {
		mount(t, image, mnt)
		seen := writeUntilCut(t, image, mnt, time.Duration(50+rand.IntN(400))*time.Millisecond)
		if seen.lines == 0 && cut == 0 {
			t.Fatal("the writer acknowledged nothing")
		}
		total += seen.lines
		found.add(seen)
		mount(t, image, mnt)
		check(t, cut, filepath.Join(mnt, "node"), found)
		unmount(t, mnt)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d cuts in %s, %d acknowledgements, all there", cuts, time.Since(began).Round(time.Second), total)
}

// acked is the highest acknowledgement of each kind.
type acked struct {
	receipts map[string]uint64
	halt     uint64
	lines    int
}

func (a *acked) add(b acked) {
	for job, sequence := range b.receipts {
		a.receipts[job] = max(a.receipts[job], sequence)
	}
	a.halt = max(a.halt, b.halt)
}

// mustMake makes an empty ext4 in a file; it skips, loudly, where that cannot be.
func mustMake(t *testing.T, image, mnt string) {
	t.Helper()
	if err := os.Mkdir(mnt, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(imageBytes); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	for _, step := range [][]string{{"mkfs.ext4", "-q", "-F", image}, {"mount", "-o", "loop", image, mnt}, {"umount", mnt}} {
		if out, err := exec.CommandContext(t.Context(), step[0], step[1:]...).CombinedOutput(); err != nil {
			t.Skipf("NOT TESTED: what a power cut leaves. It takes root, ext4 and loop devices: %s: %v %s", strings.Join(step, " "), err, out)
		}
	}
}

func mount(t *testing.T, image, mnt string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "mount", "-o", "loop", image, mnt).CombinedOutput(); err != nil {
		t.Fatalf("mount %s: %v %s", image, err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", mnt).Run() }) //nolint:noctx // after the test's context
}

func unmount(t *testing.T, mnt string) {
	t.Helper()
	for range 50 {
		if syscall.Unmount(mnt, 0) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s cannot be unmounted", mnt)
}

// writeUntilCut has the writer work for a while and then cuts: afterwards image is
// the disk as it was at that instant. It returns what was acknowledged before.
func writeUntilCut(t *testing.T, image, mnt string, after time.Duration) acked {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	writer := exec.CommandContext(t.Context(), self)
	writer.Env = append(os.Environ(), writerDir+"="+filepath.Join(mnt, "node"))
	writer.Stderr = os.Stderr
	said, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	seen := acked{receipts: map[string]uint64{}}
	heard := make(chan struct{})
	first := make(chan struct{})
	go func() { defer close(heard); seen.hear(said, first) }()
	select {
	case <-first:
	case <-time.After(30 * time.Second):
		_ = writer.Process.Kill()
		t.Fatal("the writer does not begin")
	}
	time.Sleep(after)
	if err := writer.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatalf("the writer has ended: %v", err)
	}
	awaitStopped(t, writer.Process.Pid)
	cut := image + ".cut"
	out, err := exec.CommandContext(t.Context(), "cp", "--sparse=always", image, cut).CombinedOutput()
	_ = writer.Process.Kill()
	<-heard // all that was said before the stop
	_ = writer.Wait()
	if err != nil {
		t.Fatalf("copy the disk: %v %s", err, out)
	}
	unmount(t, mnt)
	if err := os.Rename(cut, image); err != nil {
		t.Fatal(err)
	}
	return seen
}

func awaitStopped(t *testing.T, pid int) {
	t.Helper()
	for range 500 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		if _, rest, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(rest, "T") {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal("the writer does not stop")
}

// hear takes acknowledgements down until the writer is gone.
func (a *acked) hear(said io.Reader, first chan struct{}) {
	once := sync.OnceFunc(func() { close(first) })
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			continue
		}
		sequence, err := strconv.ParseUint(words[len(words)-1], 10, 64)
		if err != nil {
			continue
		}
		if words[0] == "r" && len(words) == 3 {
			a.receipts[words[1]] = max(a.receipts[words[1]], sequence)
		} else if words[0] == "h" {
			a.halt = max(a.halt, sequence)
		}
		a.lines++
		once()
	}
}

// check opens what the cut has left as a node does when it starts.
func check(t *testing.T, cut int, dir string, want acked) {
	t.Helper()
	receipts, err := journal.OpenReceipts(quiet, time.Now, dir)
	if err != nil {
		t.Errorf("cut %d: receipts: %v", cut, err)
		return
	}
	defer receipts.Close()
	for job, sequence := range want.receipts {
		r, ok := receipts.Get(router, epoch, job)
		if !ok || r.Sequence < sequence {
			t.Errorf("cut %d: receipt %d of %s was countersigned, there is %d", cut, sequence, job, r.Sequence)
			continue
		}
		if r.VerifyRouter() != nil || r.VerifyNode() != nil || r.BytesDown != r.Sequence*1000 {
			t.Errorf("cut %d: receipt %+v", cut, r)
		}
	}
	j, err := journal.Open(quiet, time.Now, filepath.Join(dir, "journal"), journal.DefaultConfig())
	if err != nil {
		t.Errorf("cut %d: journal: %v", cut, err)
		return
	}
	if report, err := j.Verify(); err != nil {
		t.Errorf("cut %d: journal: %+v, %v", cut, report, err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	stops, err := halts.Open(dir, time.Now)
	if err != nil {
		t.Errorf("cut %d: halts: %v", cut, err)
		return
	}
	stops.Choose([]wire.Key{router})
	if want.halt > 0 && len(stops.InForce()) != 1 {
		t.Errorf("cut %d: a halt was in force, there are %d", cut, len(stops.InForce()))
	}
}
