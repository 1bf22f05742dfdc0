package router

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/store"
)

// The store lists jobs in pages. A restart takes up every job that has not
// ended; one it does not see would lose its frontier.
func TestOpenJobsAreAllOfThem(t *testing.T) {
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "router.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const count = store.MaxJobList + 5
	for i := range count {
		j, err := job.New(job.Spec{Dataset: "d", Purpose: "p", Seeds: []string{fmt.Sprintf("https://s%d.fallow.test/", i)}}, job.DefaultLimits(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CreateJob(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	open, err := crawlDB{s}.OpenJobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, j := range open {
		seen[j.ID] = len(j.Seeds) == 1
	}
	if len(open) != count || len(seen) != count {
		t.Errorf("%d open jobs, %d distinct, want %d", len(open), len(seen), count)
	}
}
