package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/store"
)

func newJob(t *testing.T, at time.Time) job.Job {
	t.Helper()
	j, err := job.New(job.Spec{Dataset: "docs", Purpose: "to test", Country: "DE", KeepRaw: true, Seeds: []string{"https://a.example/", "https://b.example/x?y=1"}}, job.DefaultLimits(), at)
	if err != nil {
		t.Fatal(err)
	}
	j.Redact = true // never together with KeepRaw; here both come back
	return j
}

func TestJobSurvivesRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "router.db")
	s, ctx := open(t, path), t.Context()
	j := newJob(t, noon)
	if err := s.CreateJob(ctx, j); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateJob(ctx, j); !errors.Is(err, store.ErrExists) {
		t.Fatalf("the same id again: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, path).Job(ctx, j.ID)
	if err != nil || !reflect.DeepEqual(got, j) {
		t.Fatalf("%+v, want %+v (%v)", got, j, err)
	}
}

func TestSetJobState(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	j := newJob(t, noon)
	if err := s.CreateJob(ctx, j); err != nil {
		t.Fatal(err)
	}
	later := noon.Add(time.Minute)
	if _, err := s.SetJobState(ctx, j.ID, job.StateQueued, job.StateRunning, "", later); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"expected another": second(s.SetJobState(ctx, j.ID, job.StateQueued, job.StatePaused, "", later)),
		"no such move":     second(s.SetJobState(ctx, j.ID, job.StateRunning, job.StateQueued, "", later)),
	} {
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.SetJobState(ctx, "j-none", job.StateQueued, job.StateRunning, "", later); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no such job: %v", err)
	}
	done, err := s.SetJobState(ctx, j.ID, job.StateRunning, job.StateFailed, "no node", later.Add(time.Minute))
	if err != nil || done.State != job.StateFailed || done.Reason != "no node" || !done.Finished.Equal(later.Add(time.Minute)) {
		t.Fatalf("%+v, %v", done, err)
	}
	got, err := s.Job(ctx, j.ID)
	if err != nil || got.State != done.State || !got.Finished.Equal(done.Finished) || got.Reason != done.Reason {
		t.Fatalf("%+v, %v", got, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestListJobs(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	var ids []string // newest first
	for i := range 5 {
		j := newJob(t, noon.Add(time.Duration(i/2)*time.Second)) // some at the same time
		j.ID = fmt.Sprintf("j-%d", i)
		if err := s.CreateJob(ctx, j); err != nil {
			t.Fatal(err)
		}
		ids = append([]string{j.ID}, ids...)
	}
	if _, err := s.SetJobState(ctx, "j-2", job.StateQueued, job.StateRunning, "", noon); err != nil {
		t.Fatal(err)
	}
	list := func(q store.JobQuery) []string {
		t.Helper()
		jobs, err := s.Jobs(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, j := range jobs {
			if j.Seeds != nil {
				t.Error("a list carries seeds")
			}
			got = append(got, j.ID)
		}
		return got
	}
	for name, c := range map[string]struct {
		q    store.JobQuery
		want []string
	}{
		"all":         {store.JobQuery{}, ids},
		"first page":  {store.JobQuery{Limit: 2}, ids[:2]},
		"next page":   {store.JobQuery{Limit: 2, After: ids[1]}, ids[2:4]},
		"last page":   {store.JobQuery{Limit: 2, After: ids[3]}, ids[4:]},
		"in a state":  {store.JobQuery{States: []job.State{job.StateRunning}}, []string{"j-2"}},
		"two states":  {store.JobQuery{States: []job.State{job.StateRunning, job.StateQueued}, Limit: 1, After: "j-3"}, []string{"j-2"}},
		"none in one": {store.JobQuery{States: []job.State{job.StateDone}}, []string{}},
	} {
		if got := list(c.q); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if _, err := s.Jobs(ctx, store.JobQuery{After: "j-none"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after an unknown job: %v", err)
	}
}
