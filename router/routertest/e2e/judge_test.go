//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
	"github.com/fallow-network/fallow/router/ledger"
)

// records reads a version that fallow-data has found valid.
func records(t testing.TB, j api.Job) []dataset.Record {
	t.Helper()
	if j.State != "done" || j.Result == nil {
		t.Fatalf("job %s is %s (%s) with result %v, want done with one", j.ID, j.State, j.Reason, j.Result)
	}
	run(t, "fallow-data", "verify", j.Result.Dir).expect(t, "verify "+j.Result.Dir, 0, "valid")
	version, err := dataset.OpenVersion(j.Result.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []dataset.Record
	if err := version.Read(func(_ string, _ int64, r *dataset.Record) error {
		all = append(all, *r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// judgeSmall holds a finished crawl of a lab.Small against the site's own truth:
// every distinct text is one record, every copy one duplicate, every answer is
// in exactly one place.
func judgeSmall(t testing.TB, j api.Job, site *lab.Site, small *lab.Small) {
	t.Helper()
	truth := small.Truth()
	times := make(map[string]int)
	for _, r := range records(t, j) {
		path := requestURI(t, r.URL)
		if original, copied := truth.Duplicates[path]; copied {
			path = original
		}
		times[path]++
	}
	for path, n := range times {
		if n != 1 || !slices.Contains(truth.Distinct, path) {
			t.Errorf("%s: %s stands in the dataset %d times", j.Dataset, path, n)
		}
	}
	for _, path := range truth.Distinct {
		if times[path] == 0 {
			t.Errorf("%s: %s is missing", j.Dataset, path)
		}
	}
	if got, want := j.Counts.Duplicates.Exact, int64(len(truth.Duplicates)); got != want {
		t.Errorf("%s: %d duplicates were dropped, want %d", j.Dataset, got, want)
	}
	if got, want := j.Counts.Forbidden, int64(len(truth.Disallowed)); got != want {
		t.Errorf("%s: %d addresses counted as forbidden, want %d", j.Dataset, got, want)
	}
	accountedFor(t, j)
	obeyed(t, site, small.Rules())
}

func requestURI(t testing.TB, rawURL string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}

// accountedFor wants every answered page in exactly one place and none failed.
func accountedFor(t testing.TB, j api.Job) {
	t.Helper()
	c := j.Counts
	sum := c.Records + c.Duplicates.Exact + c.Duplicates.Near
	for _, n := range c.Skipped {
		sum += n
	}
	if sum != c.Pages {
		t.Errorf("%s: %d pages, but %d accounted for: %+v", j.Dataset, c.Pages, sum, c)
	}
	var carried int64
	for _, n := range c.Nodes {
		carried += n
	}
	if carried != c.Pages {
		t.Errorf("%s: %d pages, but nodes carried %d", j.Dataset, c.Pages, carried)
	}
	if len(c.Failed) > 0 {
		t.Errorf("%s: failed: %v", j.Dataset, c.Failed)
	}
}

// obeyed asks the site's own access log.
func obeyed(t testing.TB, site *lab.Site, rules lab.Rules) {
	t.Helper()
	if site.Overflow() > 0 {
		t.Errorf("the site's log is not complete: %d requests too many", site.Overflow())
	}
	if wrong := site.Disallowed(rules); len(wrong) > 0 {
		t.Errorf("%d requests went against robots.txt, first %s", len(wrong), wrong[0].Path)
	}
}

// traffic is bytes one way and the other.
type traffic struct{ down, up uint64 }

// paid is what each node was paid for, over all epochs up to the one closed last.
// Every epoch file must verify on its own and after the one before.
func paid(t testing.TB, last api.Epoch) map[string]traffic {
	t.Helper()
	sums := make(map[string]traffic)
	previous := ""
	for number := uint64(1); number <= last.Number; number++ {
		path := filepath.Join(filepath.Dir(last.File), epochFile(number))
		args := []string{"epoch", "verify", path}
		if previous != "" {
			args = append(args, "--previous", previous)
		}
		run(t, "fallow-data", args...).expect(t, "verify "+path, 0, "valid")
		file, err := ledger.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		err = file.EachReceipt(path, func(e ledger.Evidence) error {
			id := e.Node.String()
			sum := sums[id]
			for _, work := range e.Work {
				sum.down += work.Counted.BytesDown
				sum.up += work.Counted.BytesUp
			}
			sums[id] = sum
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		previous = path
	}
	return sums
}

func epochFile(number uint64) string { return fmt.Sprintf("epoch-%06d.json", number) }

// carried is what a node's own journal says it carried, in tunnels that it saw
// the end of. The chain of the journal must hold.
func (o *node) carried(t testing.TB) traffic {
	t.Helper()
	if o.ended() { // a running agent may be in the middle of a line
		if _, err := journal.Verify(filepath.Join(o.data, "journal")); err != nil {
			t.Errorf("journal of %s: %v", o.name, err)
		}
	}
	out := run(t, "fallow-node", "journal", "--json", "--limit", strconv.Itoa(journal.MaxLimit), "--data", o.data)
	var entries []journal.Entry
	if err := json.Unmarshal([]byte(out.stdout), &entries); err != nil {
		t.Fatalf("journal of %s: %v\n%s", o.name, err, out.stderr)
	}
	if len(entries) == journal.MaxLimit {
		t.Fatalf("journal of %s is longer than can be read at once", o.name)
	}
	var sum traffic
	for _, e := range entries {
		if e.Kind == journal.Closed {
			sum.down += e.BytesDown
			sum.up += e.BytesUp
		}
	}
	return sum
}

// keepsPromises wants every receipt that a stopped node holds, signed by both
// sides, to be counted in full in the epochs up to the one closed last.
func (o *node) keepsPromises(t testing.TB, last api.Epoch) (receipts int) {
	t.Helper()
	held, err := journal.OpenReceipts(quiet(), time.Now, o.data)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for _, r := range held.Newest() {
		if r.Epoch > last.Number {
			continue
		}
		receipts++
		if !counts(t, filepath.Join(filepath.Dir(last.File), epochFile(r.Epoch)), o.id, r.Job, ledger.EntryOf(&r)) {
			t.Errorf("%s holds a receipt (epoch %d, job %q, sequence %d) that the epoch does not count in full", o.name, r.Epoch, r.Job, r.Sequence)
		}
	}
	return receipts
}

func counts(t testing.TB, path, id, job string, held ledger.Entry) (found bool) {
	t.Helper()
	file, err := ledger.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	err = file.EachReceipt(path, func(e ledger.Evidence) error {
		for _, work := range e.Work {
			if e.Node.String() == id && work.Job == job {
				found = held.Sequence <= work.Counted.Sequence && held.Within(work.Counted.Counts)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
